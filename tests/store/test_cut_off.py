"""A transaction that is cut off before its COMMIT: nothing of it stands, and whoever began it is told so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rowcall.domain.errors import StoreUnavailable
from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.database import Database
from tests.store.stories import (
    COMMITS_WAIT,
    NOON,
    AnExecution,
    ASchedule,
    Connection,
    assert_chain_holds,
    claim,
    execution,
    finish,
    schedule,
    statuses,
    until_waiting_for_a_lock,
)

LEDGER = "SELECT count(*) FROM rowcall.schedule_executions"


PLANS_WAIT = """
    DROP TRIGGER wait_for_the_test ON rowcall.open_executions;
    CREATE CONSTRAINT TRIGGER wait_for_the_test AFTER UPDATE ON rowcall.schedules DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.next_run_at <> NEW.next_run_at) EXECUTE FUNCTION wait_for_the_test();
"""


@asynccontextmanager
async def commits_that_wait(db: Connection, what: str = "its lease") -> AsyncIterator[None]:
    """Whoever writes a lease, or ends one, or advances a schedule, stands at its COMMIT meanwhile."""
    await db.execute(COMMITS_WAIT + (PLANS_WAIT if what == "its plan" else ""))
    await db.execute("SELECT pg_advisory_lock(4711)")
    yield
    await db.execute("SELECT pg_advisory_unlock(4711)")


async def cut_off_at_its_commit(db: Connection, begun: Awaitable[Any]) -> None:
    """End the connection of what was begun when all is written but the COMMIT; it has to raise."""
    task = asyncio.ensure_future(begun)
    await until_waiting_for_a_lock(db)
    await db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with pytest.raises(StoreUnavailable):
        await task


@pytest.mark.parametrize("what", ["its lease", "its plan"])
async def test_a_claim_that_is_cut_off_leaves_its_occurrence_due(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, what: str
) -> None:
    """The execution with its lease, and the schedule's next moment, stand or fall together."""
    due = await a_schedule()
    await look(database, worker, ["work"], 0, now=NOON)
    before = await schedule(db, due)

    async with commits_that_wait(db, what):
        await cut_off_at_its_commit(db, claim(database, worker))
        assert await schedule(db, due) == before
        assert await db.fetchval(LEDGER) == 0

    [claimed] = await claim(database, worker)
    assert (claimed.scheduled_for, claimed.attempt, claimed.fence) == (NOON, 1, 1)
    await assert_chain_holds(db, due)


async def test_a_request_whose_claim_is_cut_off_stays_queued(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    requested = await an_execution(await a_schedule(created_at=NOON))
    await look(database, worker, ["work"], 0, now=NOON)
    before = await execution(db, requested)

    async with commits_that_wait(db):
        await cut_off_at_its_commit(db, claim(database, worker))
        assert await execution(db, requested) == before

    [claimed] = await claim(database, worker)
    assert (claimed.execution_id, claimed.attempt, claimed.fence) == (requested, 1, 1)


async def test_a_result_that_is_cut_off_counts_when_it_is_sent_again(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()
    [claimed] = await claim(database, worker)

    async with commits_that_wait(db):
        await cut_off_at_its_commit(db, finish(database, worker, (claimed, Outcome.succeeded("1"))))
        assert await statuses(db, due) == ["RUNNING"]

    assert len((await finish(database, worker, (claimed, Outcome.succeeded("1")))).finished) == 1
    assert await statuses(db, due) == ["SUCCEEDED"]
