"""The border to the driver: what it raises becomes an error of the domain, and a bug stays what it is."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import asyncpg
import pytest

from rowcall.domain.errors import Conflict, InvalidInput, StoreUnavailable
from rowcall.domain.executions import DONE
from rowcall.store.database import Database
from rowcall.store.driver_errors import domain_errors
from tests.poolers import DROPPED, pgbouncer
from tests.store.stories import ASchedule, AWorker, Connection, claim, finish, until_waiting_for_a_lock
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


@pytest.fixture
async def strict_dsn(dsn: str, db: Connection) -> str:
    """A database where each transaction reads one moment, unless it says otherwise."""
    name = urlsplit(dsn).path.strip("/")
    await db.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    return dsn


@pytest.mark.parametrize("how_many", [1, 5], ids=["alone", "in a batch"])
@pytest.mark.parametrize("through", [None, DROPPED, ""], ids=["direct", "a pooler that drops", "a pooler that refuses"])
async def test_a_database_that_is_stricter_by_default_costs_no_result(
    strict_dsn: str, db: Connection, a_schedule: ASchedule, a_worker: AWorker, through: str | None, how_many: int
) -> None:
    """A result waits for somebody who changes what it ends. At the stricter level PostgreSQL would refuse it then."""
    for _ in range(how_many):
        await a_schedule()
    worker = await a_worker()
    with contextlib.ExitStack() as stack:
        url = strict_dsn if through is None else stack.enter_context(pgbouncer(strict_dsn, ignored=through))
        async with Database.open(url) as database:
            claims = await claim(database, worker)
            async with db.transaction():
                await db.execute("UPDATE rowcall.open_executions SET priority = priority")
                finishing = asyncio.create_task(finish(database, worker, *((each, DONE) for each in claims)))
                await until_waiting_for_a_lock(db)
            assert len((await finishing).finished) == how_many
            async with database.snapshot() as snapshot:
                level = await snapshot.connection.fetchval("SELECT current_setting('transaction_isolation')")
    assert level == "repeatable read"


async def test_a_transaction_that_another_was_too_quick_for_is_told_to_try_again(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule()

    async def change() -> None:
        async with database.transaction() as transaction:
            await transaction.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await transaction.fetchval("now")
            await db.execute("UPDATE rowcall.schedules SET description = 'changed meanwhile'")
            await transaction.fetch("lock_schedule", schedule_id, None, None, None)

    with pytest.raises(StoreUnavailable, match="try again"):
        await change()
