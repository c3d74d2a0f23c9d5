"""How attempts end, as the ledger tells it: results, errors, retries, time limits, cancellations."""

from __future__ import annotations

import asyncio
import json

import pytest

import rowcall
from tests.worker.apps import app as testing
from tests.worker.conftest import Serve
from tests.worker.journal import Journal
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER


@pytest.fixture
def app() -> rowcall.App:
    return rowcall.App("results")


async def test_a_result_arrives_as_json(app: rowcall.App, serve: Serve, schedules: Schedules) -> None:
    app.task("count")(lambda: {"rows": 3, "names": ["é", None], "rate": 0.5})
    schedule_id = await schedules.insert("count")
    await serve(app)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert json.loads(row["result_data"]) == {"rows": 3, "names": ["é", None], "rate": 0.5}
    assert (row["error_message"], row["errors"]) == (None, None)
    assert row["duration_seconds"] >= 0
    assert row["executed_at"] <= row["finished_at"]


@pytest.mark.parametrize("task_type", ["in-a-coroutine", "in-a-thread", "in-a-child"])
async def test_tasks_run_wherever_they_belong(
    task_type: str, serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    await serve(testing)
    row = await schedules.reaches("SUCCEEDED", await schedules.insert(task_type))
    assert [entry.execution_id for entry in journal.entries(task_type)] == [row["execution_id"]]


async def test_a_failure_is_kept_with_its_traceback_and_tried_again_until_it_succeeds(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    @app.task("shaky")
    def shaky(run: rowcall.Run) -> str:
        if run.attempt < 3:
            raise LookupError(f"attempt {run.attempt} found nothing")
        return "found"

    schedule_id = await schedules.insert("shaky", retry_backoff_seconds=0.1)
    await serve(app)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"], json.loads(row["result_data"])) == (3, 3, "found")
    errors = json.loads(row["errors"])
    assert [(entry["attempt"], entry["status"]) for entry in errors] == [(1, "FAILED"), (2, "FAILED")]
    assert "LookupError: attempt 1 found nothing" in errors[0]["error"]
    assert "in shaky" in errors[0]["error"]
    assert (await schedules.row(schedule_id))["total_runs"] == 1  # attempts are no runs of their own


async def test_a_failure_is_final_once_its_retries_are_used_up(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    @app.task("broken")
    async def broken() -> None:
        raise RuntimeError("out of order")

    schedule_id = await schedules.insert("broken", max_retries=1, retry_backoff_seconds=0)
    await serve(app)
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["attempt"] == 2
    assert "RuntimeError: out of order" in row["error_message"]
    assert [entry["status"] for entry in json.loads(row["errors"])] == ["FAILED", "FAILED"]


async def test_what_outlasts_its_time_limit_is_ended_and_tried_again(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    @app.task("slow")
    async def slow(run: rowcall.Run) -> None:
        if run.attempt == 1:
            await asyncio.Event().wait()

    schedule_id = await schedules.insert("slow", timeout_seconds=0.2, retry_backoff_seconds=0)
    await serve(app)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    [entry] = json.loads(row["errors"])
    assert (row["attempt"], entry["status"]) == (2, "TIMED_OUT")
    assert "timed out after 0.2 s" in entry["error"]


async def test_a_task_may_be_stricter_than_its_schedule_about_its_time(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    @app.task("slow", timeout=0.2)
    async def slow() -> None:
        await asyncio.Event().wait()

    schedule_id = await schedules.insert("slow", timeout_seconds=3600, max_retries=0)
    await serve(app)
    row = await schedules.reaches("TIMED_OUT", schedule_id)
    assert "timed out after 0.2 s" in row["error_message"]


def hang(app: rowcall.App) -> asyncio.Event:
    """A task "hang" that never ends by itself; the event says that it has started."""
    started = asyncio.Event()

    @app.task("hang")
    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    return started


async def test_a_cancellation_by_sql_ends_a_run_at_once_when_notified(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    started = hang(app)
    schedule_id = await schedules.insert("hang")
    await serve(app, heartbeat_seconds=60, poll_interval_seconds=NEVER)
    await started.wait()
    row = await schedules.reaches("RUNNING", schedule_id)
    await schedules.cancel(row["execution_id"], notify=True)
    row = await schedules.reaches("CANCELLED", schedule_id)
    assert "requested" in row["error_message"]
    assert row["attempt"] == 1  # and no retry


async def test_a_cancellation_nobody_was_notified_of_is_seen_by_the_next_beat(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    started = hang(app)
    schedule_id = await schedules.insert("hang")
    await serve(app, notifications=False, heartbeat_seconds=0.2, heartbeats_missed=10, poll_interval_seconds=NEVER)
    await started.wait()
    row = await schedules.reaches("RUNNING", schedule_id)
    await schedules.cancel(row["execution_id"], notify=False)
    await schedules.reaches("CANCELLED", schedule_id)
