"""Failures that would be the same tomorrow: an execution ends with its first attempt, whatever retries are left."""

from __future__ import annotations

import asyncio

import pytest

import rowcall
from rowcall.domain.executions import ExecutionStatus, Outcome
from rowcall.worker.running.endings import End, EndKind, Stop, StopKind, judge
from tests.worker.conftest import Serve, StartWorker
from tests.worker.schedules import Schedules

app = rowcall.App("refusing")


@app.task("refuse")
async def refuse(run: rowcall.Run) -> None:
    raise rowcall.DoNotRetry(f"customer {run.input_data['customer']} is gone")


@app.task("refuse-in-a-thread")
def refuse_in_a_thread() -> None:
    raise rowcall.DoNotRetry("for good")


@app.task("refuse-in-a-group")
async def refuse_in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        group.create_task(refuse_for_good())


async def refuse_for_good() -> None:
    raise rowcall.DoNotRetry("for good")


async def fail() -> None:
    raise RuntimeError("for now")


@app.task("fail")
async def fail_as_usual() -> None:
    await fail()


async def test_a_task_that_says_so_is_not_tried_again(serve: Serve, schedules: Schedules) -> None:
    schedule_id = await schedules.insert(
        "refuse", input_data={"customer": 7}, max_retries=3, retry_backoff_seconds=3600
    )
    await serve(app)
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["error_message"].startswith("rowcall.DoNotRetry: customer 7 is gone\n")
    assert (row["attempt"], row["errors"].count('"status": "FAILED"')) == (1, 1)


@pytest.mark.parametrize("task_type", ["refuse-in-a-thread", "refuse-in-a-group"])
async def test_it_does_not_matter_where_the_task_says_so(serve: Serve, schedules: Schedules, task_type: str) -> None:
    schedule_id = await schedules.insert(task_type, max_retries=3, retry_backoff_seconds=3600)
    await serve(app)
    row = await schedules.reaches("FAILED", schedule_id)
    assert "for good" in row["error_message"]
    assert row["attempt"] == 1


async def test_a_task_in_a_child_process_can_say_so(start_worker: StartWorker, schedules: Schedules) -> None:
    start_worker()
    schedule_id = await schedules.insert("refuse-in-a-child", max_retries=3, retry_backoff_seconds=3600)
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["error_message"].startswith("rowcall.DoNotRetry: the child said so")
    assert row["attempt"] == 1


async def test_any_other_error_is_tried_again(serve: Serve, schedules: Schedules) -> None:
    schedule_id = await schedules.insert("fail", max_retries=1, retry_backoff_seconds=0)
    await serve(app)
    assert (await schedules.reaches("FAILED", schedule_id))["attempt"] == 2


@pytest.mark.parametrize(
    ("input_data", "told"),
    [({"url": "http://127.0.0.1:9/"}, "ROWCALL_HTTP_ALLOW"), ({"uri": "https://example.com"}, "input_data.url")],
    ids=["an address that may not be called", "input that makes no sense"],
)
async def test_a_call_that_is_never_made_is_not_tried_again(
    serve: Serve, schedules: Schedules, input_data: dict[str, object], told: str
) -> None:
    schedule_id = await schedules.insert("http", input_data=input_data, max_retries=3, retry_backoff_seconds=3600)
    await serve()
    row = await schedules.reaches("FAILED", schedule_id)
    assert told in row["error_message"]
    assert "Traceback" not in row["error_message"]
    assert row["attempt"] == 1


REFUSED = End(EndKind.REFUSED, "DoNotRetry: gone")
LATE = End(EndKind.LATE, "timed out by itself")


@pytest.mark.parametrize(
    ("end", "stop", "outcome"),
    [
        (REFUSED, None, Outcome.refused("DoNotRetry: gone")),
        (REFUSED, Stop(StopKind.GIVEN_BACK, "it stops"), Outcome.refused("DoNotRetry: gone")),
        (LATE, None, Outcome.timed_out("timed out by itself")),
        (LATE, Stop(StopKind.GIVEN_BACK, "it stops"), Outcome.timed_out("timed out by itself")),
    ],
)
def test_a_refusal_and_a_limit_of_its_own_are_ends_of_their_own(end: End, stop: Stop | None, outcome: Outcome) -> None:
    assert judge(end, stop, seen=False, forced=None) == outcome


@pytest.mark.parametrize("end", [REFUSED, LATE])
def test_a_request_to_stop_stands_above_them(end: End) -> None:
    asked = judge(end, Stop(StopKind.CANCELLED, "somebody asked"), seen=True, forced=None)
    late = judge(end, Stop(StopKind.TIMED_OUT, "too long"), seen=True, forced=None)
    assert (asked.status, late.status) == (ExecutionStatus.CANCELLED, ExecutionStatus.TIMED_OUT)
    assert end.text is not None
    assert end.text in (asked.error or "")
