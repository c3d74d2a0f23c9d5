"""The border to the driver: what it raises becomes an error of the domain, and a bug stays what it is."""

import asyncio
import contextlib

import asyncpg
import pytest

from rowcall.domain.errors import Conflict, InvalidInput, StoreUnavailable
from rowcall.store.database import Database
from rowcall.store.driver_errors import domain_errors
from tests.store.stories import ASchedule, Connection
from tests.worker.waiting import until


async def test_a_name_that_is_taken_is_a_conflict(a_schedule: ASchedule) -> None:
    await a_schedule(name="nightly")

    with pytest.raises(Conflict, match="name exists already"), domain_errors():
        await a_schedule(name="nightly")


async def test_a_row_that_the_schema_refuses_is_an_invalid_input(a_schedule: ASchedule) -> None:
    with pytest.raises(InvalidInput, match="priority range"), domain_errors():
        await a_schedule(priority=11)


async def test_a_constraint_that_nobody_foresaw_is_a_bug_and_stays_one(db: Connection) -> None:
    with pytest.raises(asyncpg.UniqueViolationError), domain_errors():
        await db.execute("INSERT INTO rowcall.installation DEFAULT VALUES")
    with pytest.raises(asyncpg.CheckViolationError), domain_errors():
        await db.execute("INSERT INTO rowcall.installation (only_row) VALUES (false)")
    with pytest.raises(asyncpg.UndefinedColumnError), domain_errors():
        await db.execute("SELECT mistyped FROM rowcall.schedules")


async def test_a_statement_that_takes_too_long_is_given_up(dsn: str, db: Connection, a_schedule: ASchedule) -> None:
    busy = await a_schedule()

    async with Database.open(dsn, size=1, timeout_seconds=0.2) as impatient, db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        with pytest.raises(StoreUnavailable):
            await impatient.fetch("lock_schedule", busy, None, None, None)


async def test_a_connection_that_is_cut_makes_the_store_unavailable_and_the_next_is_a_new_one(
    database: Database, db: Connection
) -> None:
    async def be_cut_off() -> None:
        async with database.transaction() as transaction:
            pid = await transaction.connection.fetchval("SELECT pg_backend_pid()")
            await db.execute("SELECT pg_terminate_backend($1)", pid)
            await transaction.fetchval("now")

    with pytest.raises(StoreUnavailable):
        await be_cut_off()
    assert await database.fetchval("now") is not None


async def test_a_transaction_that_the_server_ended_for_its_idleness_is_told_so(dsn: str, db: Connection) -> None:
    async def has_gone(pid: int) -> bool:
        return await db.fetchval("SELECT true FROM pg_stat_activity WHERE pid = $1", pid) is None

    async def be_idle(impatient: Database) -> None:
        async with impatient.transaction() as transaction:
            pid = await transaction.connection.fetchval("SELECT pg_backend_pid()")
            await until(lambda: has_gone(pid))
            await transaction.fetchval("now")

    async with Database.open(dsn, timeout_seconds=0.3) as impatient:
        with pytest.raises(StoreUnavailable, match="the connection to it is closed"):
            await be_idle(impatient)


async def test_a_server_that_is_not_there_or_lets_nobody_in_is_unavailable(dsn: str) -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/nowhere", dsn.replace("/rowcall_test_", "/no_such_", 1)):
        with pytest.raises(StoreUnavailable):
            async with Database.open(url):
                pytest.fail("it opened")


async def test_of_two_that_wait_for_each_other_one_is_told_to_try_again(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    one, other = await a_schedule(), await a_schedule()

    async def cross(first: int, second: int, has_first: asyncio.Event, may_go_on: asyncio.Event) -> bool:
        with contextlib.suppress(StoreUnavailable):
            async with database.transaction() as transaction:
                await transaction.fetch("lock_schedule", first, None, None, None)
                has_first.set()
                await may_go_on.wait()
                await transaction.fetch("lock_schedule", second, None, None, None)
                return True
        return False

    met = [asyncio.Event(), asyncio.Event()]
    outcomes = await asyncio.gather(cross(one, other, met[0], met[1]), cross(other, one, met[1], met[0]))

    assert sorted(outcomes) == [False, True]
