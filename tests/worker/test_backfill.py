"""A live worker carries out backfills beside its other work, and a death in the middle of one changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pytest

import rowcall
from rowcall.store.auditing import audit
from rowcall.store.backfills import BackfillRow, Request, find_backfill, plan_backfill, start_backfill
from rowcall.store.database import Database
from rowcall.store.planning import plan_schedules
from rowcall.store.schedules import find_schedule, lock_schedule
from rowcall.worker import look_once
from tests.worker.conftest import Serve, StartWorker
from tests.worker.journal import Journal
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER, quick_settings
from tests.worker.waiting import until

DAYS = 6
StartBackfill: TypeAlias = Callable[..., Awaitable[int]]


@pytest.fixture
def a_backfill(database: Database, schedules: Schedules) -> StartBackfill:
    """Starts a backfill of a daily schedule for the days before now, and returns its id."""

    async def start(task_type: str, days: int = DAYS, input_data: dict[str, Any] | None = None, **request: Any) -> int:
        schedule_id = await schedules.insert(
            task_type, name="daily", cron_expression="0 0 * * *", retry_backoff_seconds=0, input_data=input_data or {}
        )
        await plan_schedules(database)  # or a worker does, which came first
        await until(lambda: is_planned(schedules, schedule_id))
        schedule = await find_schedule(database, schedule_id)
        now: datetime = schedule["now"]
        planned = await plan_backfill(database, schedule, now - timedelta(days=days), now)
        async with database.transaction() as transaction:
            locked = await lock_schedule(transaction, schedule_id)
            backfill = await start_backfill(transaction, locked, planned, Request(requested_by="a test", **request))
        backfill_id: int = backfill["backfill_id"]
        return backfill_id

    return start


async def is_planned(schedules: Schedules, schedule_id: int) -> bool:
    return (await schedules.row(schedule_id))["next_run_at"] is not None


async def done(database: Database, backfill_id: int) -> BackfillRow:
    """The backfill once it is over."""

    async def over() -> BackfillRow | None:
        backfill = await find_backfill(database, backfill_id)
        return backfill if backfill["status"] != "RUNNING" else None

    found: BackfillRow = await until(over, what="the end of the backfill")
    assert found["status"] == "DONE"
    return found


async def test_a_backfill_runs_one_after_the_other_though_the_poll_is_far_off(
    serve: Serve, database: Database, schedules: Schedules, a_backfill: StartBackfill
) -> None:
    app, ran = rowcall.App("past"), []
    at_once = 0

    @app.task("past")
    async def past(run: rowcall.Run) -> None:
        nonlocal at_once
        at_once += 1
        ran.append((run.scheduled_for, at_once, run.trigger))
        await asyncio.sleep(0)
        at_once -= 1

    served = await serve(app, poll_interval_seconds=NEVER)
    await until(lambda: schedules.workers("RUNNING"))
    backfill = await done(database, await a_backfill("past"))
    assert backfill["succeeded"] == backfill["total"] == DAYS
    assert ran == [(moment, 1, "backfill") for moment, _, _ in sorted(ran)]
    assert len({moment for moment, _, _ in ran}) == DAYS
    assert not served.task.done()
    assert (await audit(database)).findings == []


async def test_work_that_is_due_does_not_wait_for_a_backfill(
    serve: Serve, database: Database, schedules: Schedules, a_backfill: StartBackfill
) -> None:
    app, gate = rowcall.App("past"), asyncio.Event()
    app.task("past")(gate.wait)

    @app.task("due")
    async def due() -> None:
        """Is done at once."""

    await serve(app, concurrency=8)
    backfill_id = await a_backfill("past", max_concurrent=100)

    async def both_run() -> bool:
        return len(await schedules.db.fetch("SELECT FROM rowcall.open_executions WHERE worker_id IS NOT NULL")) == 2

    await until(both_run, what="a quarter of the eight slots at work for the backfill")
    for _ in range(3):
        await schedules.reaches("SUCCEEDED", await schedules.insert("due"))
    assert (await find_backfill(database, backfill_id))["open"] == 2
    gate.set()
    assert (await done(database, backfill_id))["succeeded"] == DAYS


async def test_a_worker_killed_in_the_middle_is_recovered_from_and_each_occurrence_succeeds_once(
    start_worker: StartWorker,
    journal: Journal,
    database: Database,
    schedules: Schedules,
    a_backfill: StartBackfill,
    tmp_path: Any,
) -> None:
    gate = tmp_path / "gate"
    backfill_id = await a_backfill("gated", input_data={"gate": str(gate)}, max_concurrent=2)
    first = start_worker()
    await until(lambda: journal.entries("started"), what="the first run")
    first.wipe_out()
    start_worker()
    gate.touch()
    backfill = await done(database, backfill_id)
    assert [backfill[name] for name in ("enqueued", "succeeded", "failed")] == [DAYS, DAYS, 0]
    assert journal.repeated("finished") == []
    rows = await schedules.executions()
    assert max(row["attempt"] for row in rows) == 2
    assert {row["status"] for row in rows} == {"SUCCEEDED"}
    assert (await audit(database)).findings == []


async def test_two_workers_share_a_backfill_without_running_anything_twice(
    serve: Serve, database: Database, schedules: Schedules, a_backfill: StartBackfill
) -> None:
    app, ran = rowcall.App("past"), []

    @app.task("past")
    async def past(run: rowcall.Run) -> None:
        ran.append(run.scheduled_for)

    backfill_id = await a_backfill("past", days=20, max_concurrent=4)
    await serve(app)
    await serve(app)
    await done(database, backfill_id)
    assert len(ran) == len(set(ran)) == 20


async def test_one_look_takes_what_a_backfill_may_start(
    dsn: str, database: Database, a_backfill: StartBackfill
) -> None:
    app = rowcall.App("past")

    @app.task("past")
    async def past() -> None:
        """Is done at once."""

    backfill_id = await a_backfill("past", max_concurrent=2)
    assert (await look_once(database, quick_settings(dsn), [app])).claimed == 2
    assert (await find_backfill(database, backfill_id))["succeeded"] == 2


MISSED = """
    INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, finished_at, schedule_version, priority,
                                             trigger, status, task_type, reason, input_data)
    SELECT schedule_id, date_trunc('day', now(), 'UTC'), now(), 1, 5,
           'schedule', 'MISSED', task_type, 'grace: too late', '{}'
      FROM rowcall.schedules
"""
"""What a worker wrote, and counted, that was away at midnight."""


async def test_what_was_missed_and_is_backfilled_days_later_was_not_late(
    serve: Serve, database: Database, schedules: Schedules, a_backfill: StartBackfill
) -> None:
    app = rowcall.App("past")
    app.task("past")(lambda: None)
    backfill_id = await a_backfill("past", days=2)
    await schedules.db.execute("SELECT rowcall.ensure_partitions(now() - interval '2 days', now())")
    await schedules.db.execute(MISSED)
    served = await serve(app)
    assert (await done(database, backfill_id))["succeeded"] == 2

    assert {row["trigger"] for row in await schedules.executions()} == {"schedule", "backfill"}
    tallies = served.tallies
    assert (tallies.executions, sum(tallies.lag.counts)) == ({("past", "succeeded"): 2}, 0)
    assert tallies.occurrences.total() == 0
