"""What is due in a moment is started before it and committed at it: what others see of that, and what it leaves."""

import asyncio
import sys
import time
from datetime import datetime

import pytest

from rowcall.domain.errors import StoreUnavailable
from rowcall.domain.executions import Outcome
from rowcall.store.claiming import Look, look
from rowcall.store.database import Database
from rowcall.store.keeping import FEW
from rowcall.store.lead import Allowance, Lead
from tests.store.stories import (
    HOUR,
    NOON,
    ASchedule,
    AWorker,
    Connection,
    assert_chain_holds,
    claim,
    execution,
    finish,
    ledger,
    patient,
    schedule,
    statuses,
    until,
    until_waiting_for_a_lock,
)

DUE_SOON = "UPDATE rowcall.schedules SET next_occurrence_at = $1, next_run_at = $1, last_occurrence_at = NULL"
WRITTEN = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'idle in transaction' AND backend_xid IS NOT NULL
"""
IN_SECONDS = "SELECT date_trunc('milliseconds', clock_timestamp() + $1::int * interval '1 s')"
NOW = "SELECT clock_timestamp()"
CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""
"""Whether it waits or asks what comes next just then."""

A_LOOK = """
import asyncio, sys
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.lead import Allowance, Lead

async def main(dsn, worker_id):
    lead = Lead(Allowance(least=10, most=10), Allowance(least=9, most=9))
    async with Database.open(dsn, size=1) as database:
        await look(database, int(worker_id), ["work"], 10, lead=lead)

asyncio.run(main(*sys.argv[1:]))
"""
"""A look by a process of its own, which is killed."""


def starting(seconds: float) -> Lead:
    """For a look that waits, and starts what is due so long before its moment."""
    return Lead(Allowance(least=10, most=10), Allowance(least=seconds, most=seconds))


class Soon:
    """Schedules that are due in a few seconds, and looks that wait for them."""

    def __init__(self, database: Database, db: Connection, worker: int) -> None:
        self._database = database
        self._db = db
        self._worker = worker
        self.due_at = NOON
        self.lead = starting(1.5)  # time enough to see what happens in those milliseconds

    async def come(self, seconds: int = 3) -> datetime:
        """From now on all schedules are due in so many seconds; when that is."""
        await look(self._database, self._worker, ["work"], 0, now=NOON - HOUR)
        self.due_at = await self._db.fetchval(IN_SECONDS, seconds)
        await self._db.execute(DUE_SOON, self.due_at)
        return self.due_at

    def look(self, worker: int | None = None) -> asyncio.Task[Look]:
        """A look that begins now, and waits."""
        looking = look(self._database, worker or self._worker, ["work"], 10, lead=self.lead)
        return asyncio.create_task(looking)

    async def written(self) -> None:
        """Wait until all is written but the COMMIT: the occurrence is yet to come."""

        async def is_written() -> bool:
            return bool(await self._db.fetchval(WRITTEN) == 1)

        await until(is_written)
        assert await self._db.fetchval(NOW) < self.due_at


@pytest.fixture
def soon(database: Database, db: Connection, worker: int) -> Soon:
    return Soon(database, db, worker)


async def test_a_run_that_is_started_ahead_is_there_for_nobody_before_its_moment(
    db: Connection, a_schedule: ASchedule, soon: Soon
) -> None:
    due = await a_schedule()
    due_at = await soon.come()
    looking = soon.look()
    await soon.written()
    seen = 0
    while not looking.done():
        counted = await db.fetchrow("SELECT count(*), clock_timestamp() FROM rowcall.schedule_executions")
        assert counted is not None
        seen, now = counted
        assert seen == 0 or now >= due_at
        await asyncio.sleep(0)

    found = await looking
    [claimed] = found.claims
    assert (claimed.schedule_id, claimed.scheduled_for, claimed.executed_at) == (due, due_at, due_at)
    assert await db.fetchval(NOW) >= due_at
    row = await execution(db, claimed.execution_id)
    assert (row["status"], row["executed_at"], row["created_at"]) == ("RUNNING", due_at, due_at)
    assert (await schedule(db, due))["last_run_at"] == due_at
    assert found.knows_next
    assert found.due_in_seconds == pytest.approx(3600, abs=2)


async def test_a_look_knows_what_else_is_due_by_the_time_it_has_waited(
    db: Connection, database: Database, a_schedule: ASchedule, worker: int, soon: Soon
) -> None:
    first, second = await a_schedule(), await a_schedule()
    due_at = await soon.come()
    await db.execute(
        "UPDATE rowcall.schedules SET next_run_at = next_run_at + interval '1 ms',"
        " next_occurrence_at = next_occurrence_at + interval '1 ms' WHERE schedule_id = $1",
        second,
    )

    found = await soon.look()
    assert [(each.schedule_id, each.executed_at) for each in found.claims] == [(first, due_at)]
    assert found.knows_next
    assert found.due_in_seconds == pytest.approx(0, abs=0.001)
    [claimed] = (await look(database, worker, ["work"], 10, lead=patient(1))).claims
    assert claimed.schedule_id == second


@pytest.mark.parametrize("count", [FEW, FEW + 1])
async def test_few_at_one_moment_are_started_ahead_and_more_when_it_is_time(
    a_schedule: ASchedule, soon: Soon, count: int
) -> None:
    due = [await a_schedule(priority=1 + number) for number in range(count)]
    due_at = await soon.come()
    found = await soon.look()
    assert {each.schedule_id for each in found.claims} == set(due)
    assert {each.executed_at == due_at for each in found.claims} == {count <= FEW}
    assert all(each.executed_at >= due_at for each in found.claims)


async def test_whoever_pauses_it_then_waits_for_that_occurrence_and_pauses_what_comes_after_it(
    db: Connection, a_schedule: ASchedule, soon: Soon, database: Database, worker: int
) -> None:
    due = await a_schedule()
    due_at = await soon.come()
    looking = soon.look()
    await soon.written()

    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED' WHERE schedule_id = $1", due)

    assert await db.fetchval(NOW) >= due_at
    [claimed] = (await looking).claims
    assert claimed.scheduled_for == due_at
    row = await schedule(db, due)
    assert (row["status"], row["last_occurrence_at"], row["next_run_at"]) == ("PAUSED", due_at, None)
    assert await claim(database, worker, now=due_at + 2 * HOUR) == []
    await assert_chain_holds(db, due)


async def test_a_change_that_came_before_holds_for_that_occurrence(
    db: Connection, a_schedule: ASchedule, soon: Soon
) -> None:
    due = await a_schedule()
    soon.lead = starting(0.1)
    due_at = await soon.come()
    looking = soon.look()
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED' WHERE schedule_id = $1", due)
    assert await db.fetchval(NOW) < due_at
    assert (await looking).claims == []
    assert await ledger(db, due) == []


async def test_a_claim_that_is_cut_off_ahead_of_its_moment_leaves_its_occurrence_due(
    db: Connection, database: Database, a_schedule: ASchedule, worker: int, soon: Soon
) -> None:
    due = await a_schedule()
    due_at = await soon.come()
    before = await schedule(db, due)
    looking = soon.look()
    await soon.written()
    await db.execute(CUT_OFF)

    with pytest.raises(StoreUnavailable):
        await looking
    assert await schedule(db, due) == before
    assert await ledger(db, due) == []

    [claimed] = (await soon.look()).claims
    assert (claimed.scheduled_for, claimed.attempt, claimed.fence) == (due_at, 1, 1)
    await assert_chain_holds(db, due)


async def test_a_worker_that_is_killed_ahead_of_a_moment_leaves_its_occurrence_to_the_others(
    db: Connection, dsn: str, a_schedule: ASchedule, a_worker: AWorker, soon: Soon
) -> None:
    due = await a_schedule()
    due_at = await soon.come(9)  # a process takes a while to start
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", A_LOOK, dsn, str(await a_worker()))
    await soon.written()
    looking = soon.look()
    process.kill()
    await process.wait()

    claims = (await looking).claims or (await soon.look()).claims
    assert [(each.schedule_id, each.scheduled_for) for each in claims] == [(due, due_at)]
    assert await statuses(db, due) == ["RUNNING"]
    await assert_chain_holds(db, due)


async def test_an_occurrence_is_one_replicas_however_many_wait_for_it(
    db: Connection, a_schedule: ASchedule, a_worker: AWorker, soon: Soon
) -> None:
    due = await a_schedule()
    due_at = await soon.come()
    found = await asyncio.gather(*[soon.look(await a_worker()) for _ in range(4)])
    [claimed] = [each for look in found for each in look.claims]
    assert (claimed.schedule_id, claimed.scheduled_for) == (due, due_at)
    assert await statuses(db, due) == ["RUNNING"]


async def test_what_something_is_open_of_is_answered_when_it_is_time(
    db: Connection, database: Database, a_schedule: ASchedule, worker: int, soon: Soon
) -> None:
    await a_schedule(created_at=NOON - 2 * HOUR)
    assert len(await claim(database, worker, now=NOON - HOUR)) == 1
    due_at = await soon.come()
    found = await soon.look()
    assert found.claims == []
    [row] = found.recorded
    assert (row["status"], row["scheduled_for"]) == ("SKIPPED", due_at)
    assert (await execution(db, row["execution_id"]))["finished_at"] >= due_at


async def test_a_run_that_is_started_ahead_ends_as_any_other(
    db: Connection, database: Database, a_schedule: ASchedule, worker: int, soon: Soon
) -> None:
    due = await a_schedule()
    await soon.come()
    [claimed] = (await soon.look()).claims
    assert len((await finish(database, worker, (claimed, Outcome.succeeded()))).finished) == 1
    assert await statuses(db, due) == ["SUCCEEDED"]


async def test_what_took_long_to_start_is_begun_earlier_the_next_time(
    db: Connection, another_connection: Connection, a_schedule: ASchedule, soon: Soon
) -> None:
    due = await a_schedule()
    soon.lead = lead = Lead(Allowance(least=10, most=10), Allowance(least=0.5, most=10))
    due_at = await soon.come()
    looking = soon.look()
    async with another_connection.transaction():
        await another_connection.execute("LOCK TABLE rowcall.open_executions IN EXCLUSIVE MODE")
        await until_waiting_for_a_lock(db)
        await another_connection.execute("SELECT pg_sleep_until($1::timestamptz + interval '100 ms')", due_at)
    [claimed] = (await looking).claims
    assert (claimed.schedule_id, claimed.scheduled_for) == (due, due_at)
    assert 0.9 <= lead.start.seconds < 10


async def test_a_look_that_saw_late_what_it_was_to_wait_for_is_begun_earlier_the_next_time(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule()
    lead = Lead(rang_at=time.monotonic() - 0.015)
    await look(database, worker, ["work"], 10, lead=lead, expected=True)
    assert 1.5 * 0.015 <= lead.sight.seconds <= lead.sight.most
