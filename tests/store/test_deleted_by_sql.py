"""A schedule that is deleted by plain SQL: nothing of it stays in the queue, and whoever wants to know is told."""

from __future__ import annotations

import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.database import Database
from rowcall.store.deleted import DELETED, cancel_forgotten
from tests.store.stories import (
    HOUR,
    NOON,
    AnExecution,
    ASchedule,
    Connection,
    claim,
    execution,
    finish,
    statuses,
)

HOOK = "https://hooks.example.org/rowcall"
DISABLE = "UPDATE rowcall.schedules SET status = 'DISABLED' WHERE schedule_id = $1"
TAKE_OUT = "DELETE FROM rowcall.schedules WHERE schedule_id = $1"
NOTHING_OPEN = "SELECT count(*) = 0 FROM rowcall.open_executions"
LATER = NOON + 2 * HOUR


async def told(db: Connection) -> list[tuple[int, str]]:
    rows = await db.fetch("SELECT execution_id, event FROM rowcall.webhook_deliveries ORDER BY delivery_id")
    return [(row["execution_id"], row["event"]) for row in rows]


@pytest.mark.parametrize("kind", ["a retry", "a manual run", "one that waits"])
async def test_what_is_queued_is_cancelled_and_told_when_a_schedule_is_disabled_by_sql(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int, kind: str
) -> None:
    schedule_id = await a_schedule(max_retries=3, overlap_policy="queue", callback_url=HOOK)
    other = await a_schedule(max_retries=0)
    [running, _] = sorted(await claim(database, worker), key=lambda claim: claim.schedule_id)
    queued = running.execution_id
    if kind == "a retry":
        await finish(database, worker, (running, Outcome.failed("no")))
    elif kind == "a manual run":
        queued = await an_execution(schedule_id)
        await finish(database, worker, (running, Outcome.succeeded()))
    else:
        queued = await an_execution(schedule_id)
    before = await told(db)

    await db.execute(DISABLE, schedule_id)

    row = await execution(db, queued)
    assert (row["status"], row["reason"]) == ("CANCELLED", DELETED)
    assert (await told(db))[len(before) :] == [(queued, "CANCELLED")]
    assert await statuses(db, other) == ["RUNNING"]  # what runs may end, and others have nothing to do with it
    if kind == "one that waits":
        assert (await execution(db, running.execution_id))["status"] == "RUNNING"


async def test_what_is_cancelled_by_taking_out_a_schedule_is_told(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    schedule_id = await a_schedule(callback_url=HOOK, name="nightly")
    silent = await a_schedule()
    [running, _] = sorted(await claim(database, worker), key=lambda claim: claim.schedule_id)
    queued = await an_execution(schedule_id)

    await db.execute("DELETE FROM rowcall.schedules WHERE schedule_id = ANY ($1)", [schedule_id, silent])

    assert sorted(await told(db)) == [(running.execution_id, "CANCELLED"), (queued, "CANCELLED")]
    assert (
        await db.fetchval("SELECT payload -> 'data' ->> 'schedule_name' FROM rowcall.webhook_deliveries LIMIT 1")
        == "nightly"
    )
    assert await statuses(db, silent) == ["CANCELLED"]
    assert await db.fetchval(NOTHING_OPEN)
    actions = [row["action"] for row in await db.fetch("SELECT action FROM rowcall.audit_log ORDER BY entry_id")]
    assert actions.count("schedule.deleted") == 2


async def queue_behind_the_back(
    database: Database, db: Connection, another_connection: Connection, schedule_id: int, worker: int
) -> int:
    """A retry is queued while the deletion is not committed: neither sees the other. The execution's id."""
    [running] = await claim(database, worker)
    async with another_connection.transaction():
        await another_connection.execute(DISABLE, schedule_id)
        await finish(database, worker, (running, Outcome.failed("no")))
    assert (await execution(db, running.execution_id))["status"] == "QUEUED"
    return running.execution_id


async def test_a_retry_that_a_deletion_did_not_see_is_not_run(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, another_connection: Connection
) -> None:
    schedule_id = await a_schedule(max_retries=3, callback_url=HOOK)
    queued = await queue_behind_the_back(database, db, another_connection, schedule_id, worker)

    assert await claim(database, worker, now=LATER) == []

    row = await execution(db, queued)
    assert (row["status"], row["reason"]) == ("CANCELLED", DELETED)
    assert await told(db) == [(queued, "CANCELLED")]
    assert await db.fetchval(NOTHING_OPEN)


async def test_a_retry_that_a_deletion_did_not_see_is_found_by_the_sweep(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, another_connection: Connection
) -> None:
    """Whether or not a worker has its task."""
    schedule_id = await a_schedule(max_retries=3, callback_url=HOOK)
    queued = await queue_behind_the_back(database, db, another_connection, schedule_id, worker)

    assert [row["execution_id"] for row in await cancel_forgotten(database)] == [queued]

    row = await execution(db, queued)
    assert (row["status"], row["reason"], row["attempt"]) == ("CANCELLED", DELETED, 1)
    assert await told(db) == [(queued, "CANCELLED")]
    assert await cancel_forgotten(database) == []
