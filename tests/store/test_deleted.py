"""A schedule that is deleted while it runs: the run may end, and nothing of it is queued again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rowcall.domain.executions import ExecutionStatus, Outcome
from rowcall.store.database import Database
from rowcall.store.deleted import cancel_left_over
from rowcall.store.leases import read_back, recover
from rowcall.store.schedules import delete_schedule, lock_schedule
from tests.store.stories import (
    COMMITS_WAIT,
    ASchedule,
    Connection,
    claim,
    execution,
    finish,
    go_silent,
    until_waiting_for_a_lock,
)

NO_OPEN_ROW = "SELECT count(*) = 0 FROM rowcall.open_executions"
FAILED = Outcome.failed("no such host")


async def delete(database: Database, schedule_id: int) -> None:
    async with database.transaction() as transaction:
        await delete_schedule(transaction, await lock_schedule(transaction, schedule_id))
    await cancel_left_over(database, [schedule_id])


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [
        (FAILED, "FAILED", "not tried again"),
        (Outcome(ExecutionStatus.TIMED_OUT, error="too long"), "TIMED_OUT", "not tried again"),
        (Outcome(None), "CANCELLED", "the schedule was deleted"),
        (Outcome.succeeded(), "SUCCEEDED", None),
    ],
)
async def test_a_run_of_a_deleted_schedule_ends_and_is_not_queued_again(
    database: Database,
    db: Connection,
    a_schedule: ASchedule,
    worker: int,
    outcome: Outcome,
    status: str,
    said: str | None,
) -> None:
    schedule_id = await a_schedule(max_retries=3)
    [running] = await claim(database, worker)
    await delete(database, schedule_id)

    recorded = await finish(database, worker, (running, outcome))

    assert (len(recorded.finished), recorded.requeued, recorded.refused) == (1, [], [])
    row = await execution(db, running.execution_id)
    assert row["status"] == status
    assert row["reason"] is None if said is None else said in row["reason"]
    assert await db.fetchval(NO_OPEN_ROW)


async def test_a_run_of_a_deleted_schedule_whose_worker_died_is_lost(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    schedule_id = await a_schedule(max_retries=3)
    [running] = await claim(database, worker)
    await delete(database, schedule_id)
    await go_silent(db, worker)

    recovery = await recover(database)

    assert (recovery.requeued, recovery.lost) == (0, 1)
    row = await execution(db, running.execution_id)
    assert (row["status"], "not tried again" in row["reason"]) == ("LOST", True)
    assert await db.fetchval(NO_OPEN_ROW)


async def test_a_claim_that_nobody_holds_is_cancelled_when_its_schedule_was_deleted(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    schedule_id = await a_schedule(max_retries=3)
    [running] = await claim(database, worker)
    await delete(database, schedule_id)

    assert (await read_back(database, worker, {})).given_back == 1

    assert (await execution(db, running.execution_id))["status"] == "CANCELLED"
    assert await db.fetchval(NO_OPEN_ROW)


@pytest.mark.parametrize("end", ["fails", "dies"])
async def test_a_schedule_that_is_deleted_while_its_run_is_put_back_leaves_nothing_queued(
    database: Database,
    db: Connection,
    a_schedule: ASchedule,
    worker: int,
    another_connection: Connection,
    end: str,
) -> None:
    """Neither transaction can see the other's work: who commits last looks again."""
    schedule_id = await a_schedule(max_retries=3)
    [running] = await claim(database, worker)
    if end == "dies":
        await go_silent(db, worker)
    await db.execute(COMMITS_WAIT)
    await another_connection.execute("SELECT pg_advisory_lock(4711)")
    ending: asyncio.Task[Any] = asyncio.create_task(
        recover(database) if end == "dies" else finish(database, worker, (running, FAILED))
    )
    await until_waiting_for_a_lock(db)  # put back, and not committed

    await delete(database, schedule_id)
    await another_connection.execute("SELECT pg_advisory_unlock(4711)")
    await ending

    assert (await execution(db, running.execution_id))["status"] == "CANCELLED"
    assert await db.fetchval(NO_OPEN_ROW)


async def test_deleting_looks_again_after_its_own_commit(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    schedule_id = await a_schedule(max_retries=3)
    [running] = await claim(database, worker)
    async with database.transaction() as transaction:
        await delete_schedule(transaction, await lock_schedule(transaction, schedule_id))
        await finish(database, worker, (running, FAILED))
    assert (await execution(db, running.execution_id))["status"] == "QUEUED"

    assert len(await cancel_left_over(database, [schedule_id])) == 1

    assert (await execution(db, running.execution_id))["status"] == "CANCELLED"
    assert await db.fetchval(NO_OPEN_ROW)
