"""Overlap policies from end to end: what becomes of an occurrence while another execution of its schedule is open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.leases import read_back, recover
from rowcall.store.overtaken import end_overtaken
from tests.store.stories import (
    COMMITS_WAIT,
    HOUR,
    MINUTE,
    NOON,
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    assert_chain_holds,
    claim,
    execution,
    finish,
    go_silent,
    statuses,
    until_waiting_for_a_lock,
)


async def test_skip_leaves_a_row_that_names_the_open_execution(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()
    [running] = await claim(database, worker)

    found = await look(database, worker, ["work"], 10, now=NOON + HOUR)

    assert found.claims == []
    assert [row["reason"] for row in found.recorded] == [f"overlap: execution {running.execution_id} was still open"]
    await finish(database, worker, (running, Outcome.succeeded()))
    assert len(await claim(database, worker, now=NOON + 2 * HOUR)) == 1
    assert await statuses(db, due) == ["SUCCEEDED", "SKIPPED", "RUNNING"]
    await assert_chain_holds(db, due)


async def test_queue_keeps_one_waiting_and_skips_the_next(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="queue")
    [running] = await claim(database, worker)

    assert await claim(database, worker, now=NOON + HOUR) == []
    assert await claim(database, worker, now=NOON + 2 * HOUR) == []
    assert await statuses(db, due) == ["RUNNING", "QUEUED", "SKIPPED"]

    await finish(database, worker, (running, Outcome.succeeded()))
    [released] = await claim(database, worker, now=NOON + 2 * HOUR)
    assert (released.scheduled_for, released.attempt, released.trigger) == (NOON + HOUR, 1, "schedule")
    await finish(database, worker, (released, Outcome.succeeded()))
    assert await statuses(db, due) == ["SUCCEEDED", "SUCCEEDED", "SKIPPED"]
    await assert_chain_holds(db, due)


async def test_what_waits_is_not_let_go_by_a_failure_that_is_tried_again(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="queue", max_retries=1, retry_backoff_seconds=0)
    [running] = await claim(database, worker)
    await claim(database, worker, now=NOON + HOUR)

    await finish(database, worker, (running, Outcome.failed("no")))
    [retry] = await claim(database, worker, now=NOON + HOUR)
    assert (retry.execution_id, retry.attempt) == (running.execution_id, 2)

    await finish(database, worker, (retry, Outcome.failed("no")))
    [released] = await claim(database, worker, now=NOON + HOUR)
    assert released.scheduled_for == NOON + HOUR
    assert await statuses(db, due) == ["FAILED", "RUNNING"]


async def test_allow_runs_up_to_max_instances_side_by_side(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="allow", max_instances=2)

    for hours, started in ((0, 1), (1, 1), (2, 0)):
        assert len(await claim(database, worker, now=NOON + hours * HOUR)) == started

    assert await statuses(db, due) == ["RUNNING", "RUNNING", "SKIPPED"]


async def test_cancel_running_ends_the_old_one_and_starts_when_it_has_ended(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)

    assert await claim(database, worker, now=NOON + HOUR) == []
    assert (await execution(db, old.execution_id))["cancel_requested_at"] is not None
    assert await statuses(db, due) == ["RUNNING", "QUEUED"]

    await finish(database, worker, (old, Outcome.cancelled("it was told to end")))
    [new] = await claim(database, worker, now=NOON + HOUR)
    assert new.scheduled_for == NOON + HOUR
    assert await statuses(db, due) == ["CANCELLED", "RUNNING"]


async def test_cancel_running_does_not_wait_for_a_retry(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)
    await finish(database, worker, (old, Outcome.failed("no")))
    await db.execute("UPDATE rowcall.open_executions SET available_at = $1", NOON + 9 * HOUR)

    assert await claim(database, worker, now=NOON + HOUR) == []
    [new] = await claim(database, worker, now=NOON + HOUR)

    assert new.scheduled_for == NOON + HOUR
    assert await statuses(db, due) == ["CANCELLED", "RUNNING"]
    assert "later occurrence" in (await execution(db, old.execution_id))["reason"]


async def test_cancel_running_waits_for_nobody_who_is_writing_a_result(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.open_executions FOR UPDATE")
        assert await claim(database, worker, now=NOON + HOUR) == []

    await finish(database, worker, (old, Outcome.succeeded()))
    assert [new.scheduled_for for new in await claim(database, worker, now=NOON + HOUR)] == [NOON + HOUR]
    assert await statuses(db, due) == ["SUCCEEDED", "RUNNING"]


@pytest.mark.parametrize("how", ["it failed", "its worker died", "nobody held it"])
async def test_cancel_running_does_not_wait_for_a_retry_that_is_being_written(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, how: str
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    first, second = await a_worker(), await a_worker()
    [old] = await claim(database, first)
    writing: dict[str, Callable[[], Awaitable[object]]] = {
        "it failed": lambda: finish(database, first, (old, Outcome.failed("no"))),
        "its worker died": lambda: recover(database),
        "nobody held it": lambda: read_back(database, first, {}),
    }
    if how == "its worker died":
        await go_silent(db, first)
    await db.execute(COMMITS_WAIT)
    await db.execute("SELECT pg_advisory_lock(4711)")
    requeueing = asyncio.ensure_future(writing[how]())
    await until_waiting_for_a_lock(db)
    planning = asyncio.ensure_future(claim(database, second, now=NOON + HOUR))
    await until_waiting_for_a_lock(db, sessions=2)

    await db.execute("SELECT pg_advisory_unlock(4711)")
    await requeueing
    assert await planning == []

    [new] = await claim(database, second, now=NOON + HOUR + MINUTE)
    assert new.scheduled_for == NOON + HOUR
    assert await statuses(db, due) == ["CANCELLED", "RUNNING"]
    assert "later occurrence" in (await execution(db, old.execution_id))["reason"]


async def test_the_sweep_asks_for_the_end_of_what_was_claimed_again_meanwhile(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)
    await claim(database, worker, now=NOON + HOUR)
    for table in ("open_executions", "schedule_executions"):
        await db.execute(f"UPDATE rowcall.{table} SET cancel_requested_at = NULL")

    await end_overtaken(database)

    assert (await execution(db, old.execution_id))["cancel_requested_at"] is not None
    await finish(database, worker, (old, Outcome.cancelled("it was told to end")))
    await claim(database, worker, now=NOON + HOUR)
    assert await statuses(db, due) == ["CANCELLED", "RUNNING"]


@pytest.mark.parametrize("policy", ["skip", "queue", "cancel_running"])
async def test_nothing_is_ended_for_a_run_that_somebody_asked_for(
    database: Database,
    db: Connection,
    a_schedule: ASchedule,
    an_execution: AnExecution,
    worker: int,
    policy: str,
) -> None:
    due = await a_schedule(overlap_policy=policy)
    [old] = await claim(database, worker)
    await an_execution(due)

    await end_overtaken(database)
    await finish(database, worker, (old, Outcome.failed("no")))
    await end_overtaken(database)

    [again] = await claim(database, worker, now=NOON + MINUTE)
    assert (again.execution_id, again.attempt) == (old.execution_id, 2)
    assert (await execution(db, old.execution_id))["cancel_requested_at"] is None


async def test_catching_up_runs_each_late_occurrence_in_turn(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(coalesce="all", grace_period_seconds=9 * 3600)
    late = NOON + 3 * HOUR

    ran = []
    for _ in range(4):
        [claimed] = await claim(database, worker, now=late)
        ran.append(claimed.scheduled_for)
        await finish(database, worker, (claimed, Outcome.succeeded()))

    assert ran == [NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]
    assert await claim(database, worker, now=late) == []
    assert await statuses(db, due) == ["SUCCEEDED"] * 4
    await assert_chain_holds(db, due)


@pytest.mark.parametrize("columns", [{}, {"overlap_policy": "allow", "max_instances": 2}])
async def test_with_all_an_occurrence_in_time_is_not_lined_up_behind_a_requested_run(
    database: Database,
    a_schedule: ASchedule,
    an_execution: AnExecution,
    worker: int,
    columns: dict[str, Any],
) -> None:
    due = await a_schedule(coalesce="all", **columns)
    for hours in range(columns.get("max_instances", 1)):
        assert len(await claim(database, worker, now=NOON + hours * HOUR)) == 1
    await an_execution(due)

    [skipped] = (await look(database, worker, ["work"], 10, now=NOON + (hours + 1) * HOUR)).recorded

    assert (skipped["status"], skipped["reason"][:8]) == ("SKIPPED", "overlap:")


async def test_cancel_running_ends_the_old_one_though_somebody_asked_for_a_run_behind_it(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)
    requested = await an_execution(due)

    assert await claim(database, worker, now=NOON + HOUR) == []
    assert (await execution(db, old.execution_id))["cancel_requested_at"] is not None

    await finish(database, worker, (old, Outcome.cancelled("it was told to end")))
    [first] = await claim(database, worker, now=NOON + HOUR)
    assert first.execution_id == requested
    await end_overtaken(database)
    assert (await execution(db, requested))["cancel_requested_at"] is None, "it was asked for before"
    await finish(database, worker, (first, Outcome.succeeded()))
    [second] = await claim(database, worker, now=NOON + HOUR)
    assert second.scheduled_for == NOON + HOUR
    await assert_chain_holds(db, due)


async def test_a_requested_run_waits_behind_the_open_one(
    database: Database, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    due = await a_schedule()
    [running] = await claim(database, worker)
    first, second = await an_execution(due), await an_execution(due)
    assert await claim(database, worker) == []

    await finish(database, worker, (running, Outcome.succeeded()))
    [claimed] = await claim(database, worker)
    assert claimed.execution_id == first
    await finish(database, worker, (claimed, Outcome.succeeded()))
    assert [claimed.execution_id for claimed in await claim(database, worker)] == [second]
