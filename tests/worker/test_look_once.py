"""One look: what `rowcall tick` does, and what a test of somebody's own schedules calls."""

from __future__ import annotations

import asyncio

import pytest

import rowcall
from rowcall.domain.errors import StoreUnavailable
from rowcall.store.database import Database
from rowcall.worker import LookReport, look_once
from tests.worker.schedules import Schedules
from tests.worker.serving import quick_settings


@pytest.fixture
def app() -> rowcall.App:
    return rowcall.App("looking")


async def test_one_look_carries_out_what_is_due_and_leaves_the_rest(
    app: rowcall.App, dsn: str, database: Database, schedules: Schedules
) -> None:
    @app.task("slow")
    async def slow() -> None:
        await asyncio.sleep(0.1)

    due = [await schedules.insert("slow") for _ in range(3)]
    later = await schedules.insert("slow", interval_seconds=3600)
    too_late = await schedules.db.fetchval("SELECT now() - interval '1 hour'")
    missed = await schedules.insert("slow", scheduled_time=too_late, grace_period_seconds=60)

    assert await look_once(database, quick_settings(dsn), [app]) == LookReport(claimed=3, recorded=1)
    assert [row["status"] for row in await schedules.executions(*due)] == ["SUCCEEDED"] * 3
    assert [row["status"] for row in await schedules.executions(missed)] == ["MISSED"]
    assert await schedules.executions(later) == []
    assert (await schedules.row(later))["next_run_at"] is not None
    assert [worker["status"] for worker in await schedules.workers()] == ["STOPPED"]


async def test_a_look_that_finds_nothing_says_so(
    app: rowcall.App, dsn: str, database: Database, schedules: Schedules
) -> None:
    assert await look_once(database, quick_settings(dsn), [app]) == LookReport(claimed=0, recorded=0)


async def test_a_retry_is_left_to_a_later_look(
    app: rowcall.App, dsn: str, database: Database, schedules: Schedules
) -> None:
    attempts: list[int] = []

    @app.task("shaky")
    async def shaky(run: rowcall.Run) -> None:
        attempts.append(run.attempt)
        assert run.attempt > 1

    schedule_id = await schedules.insert("shaky", retry_backoff_seconds=0)
    await look_once(database, quick_settings(dsn), [app])
    await schedules.reaches("QUEUED", schedule_id)
    await look_once(database, quick_settings(dsn), [app])
    await schedules.reaches("SUCCEEDED", schedule_id)
    assert attempts == [1, 2]


async def test_one_look_takes_over_from_the_dead(
    app: rowcall.App, dsn: str, database: Database, schedules: Schedules
) -> None:
    app.task("easy")(lambda: None)
    orphan = await schedules.insert("easy")
    await look_once(database, quick_settings(dsn), [app])
    [row] = await schedules.executions(orphan)
    await as_if_its_worker_had_died_of_it(schedules, row["execution_id"], row["worker_id"])

    assert (await look_once(database, quick_settings(dsn), [app])).claimed == 1
    [again] = await schedules.executions(orphan)
    assert (again["status"], again["attempt"], again["fence"]) == ("SUCCEEDED", 2, 2)


async def as_if_its_worker_had_died_of_it(schedules: Schedules, execution_id: int, worker_id: int) -> None:
    """Put the tables back to where they stood while it ran, with a worker that was last heard of an hour ago."""
    await schedules.db.execute(
        "UPDATE rowcall.workers SET status = 'RUNNING', ended_at = NULL, last_beat_at = now() - interval '1 hour'"
        " WHERE worker_id = $1",
        worker_id,
    )
    await schedules.db.execute(
        "UPDATE rowcall.schedule_executions SET status = 'RUNNING', finished_at = NULL WHERE execution_id = $1",
        execution_id,
    )
    await schedules.db.execute(
        "INSERT INTO rowcall.open_executions"
        " (execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, route)"
        " SELECT execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, task_type"
        " FROM rowcall.schedule_executions WHERE execution_id = $1",
        execution_id,
    )


async def test_a_look_at_a_database_that_is_away_raises(app: rowcall.App, dsn: str, schedules: Schedules) -> None:
    async with Database.open(dsn) as database:
        pass  # its connections are closed from here on
    with pytest.raises(StoreUnavailable):
        await look_once(database, quick_settings(dsn), [app])


async def test_a_number_that_nothing_could_hold_reaches_the_task_as_text(
    app: rowcall.App, dsn: str, database: Database, schedules: Schedules
) -> None:
    seen: list[object] = []

    @app.task("careful")
    async def careful(run: rowcall.Run) -> None:
        seen.append(run.input_data["count"])

    digits = "1" + "0" * 5000
    schedule_id = await schedules.insert("careful", input_data=f'{{"count": {digits}}}')
    await look_once(database, quick_settings(dsn), [app])
    await schedules.reaches("SUCCEEDED", schedule_id)
    assert seen == [digits]


async def test_a_look_drops_days_that_are_older_than_the_retention(
    app: rowcall.App, dsn: str, database: Database, schedules: Schedules
) -> None:
    await schedules.db.execute("SELECT rowcall.ensure_partitions(now() - interval '9 days', now())")
    days = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'rowcall.schedule_executions'::regclass"
    before = await schedules.db.fetchval(days)

    await look_once(database, quick_settings(dsn, retention_days=0), [app])
    assert await schedules.db.fetchval(days) == before
    await look_once(database, quick_settings(dsn, retention_days=7), [app])
    assert await schedules.db.fetchval(days) == before - 2


async def test_a_look_carries_out_what_is_due_though_no_backfill_can_be_fed(
    app: rowcall.App, dsn: str, schedules: Schedules
) -> None:
    app.task("easy")(lambda: None)
    due = await schedules.insert("easy")
    async with Database.open(dsn, timeout_seconds=1.0) as impatient, schedules.db.transaction():
        await schedules.db.execute("LOCK TABLE rowcall.backfills IN EXCLUSIVE MODE")
        assert (await look_once(impatient, quick_settings(dsn), [app])).claimed == 1
    assert [row["status"] for row in await schedules.executions(due)] == ["SUCCEEDED"]
