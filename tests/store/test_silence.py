"""PostgreSQL takes everything and answers nothing. No call waits for it longer than its time limit, whatever the door.

A call that came to its limit is cancelled, and so is that, each within the limit; closing takes five seconds more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.connecting import CONNECT_TIMEOUT_SECONDS
from rowcall.store.database import Database
from rowcall.store.migrations import apply_schema
from rowcall.store.notifications import listen
from tests.store.stories import Connection
from tests.worker.line import Line, line_to

LIMIT_SECONDS = 1.0
SLACK_SECONDS = 3.0
"""For a machine with much else to do."""


@pytest.fixture
async def line(dsn: str, db: Connection) -> AsyncIterator[Line]:
    async with line_to(dsn, db) as line:
        yield line


async def is_given_up(call: Awaitable[object], within: float) -> None:
    """It raises StoreUnavailable, and not much later than it may."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(call, within + SLACK_SECONDS)
    assert time.monotonic() - began < within + SLACK_SECONDS


async def one_statement(database: Database) -> None:
    await database.fetchval("now")


async def a_transaction(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.fetchval("now")


async def a_snapshot(database: Database) -> None:
    async with database.snapshot() as snapshot:
        await snapshot.fetchval("now")


async def a_migration(database: Database) -> None:
    await apply_schema(database)


@pytest.mark.parametrize("door", [one_statement, a_transaction, a_snapshot])
async def test_a_connection_that_falls_silent_is_given_up(
    line: Line, door: Callable[[Database], Awaitable[None]]
) -> None:
    async with Database.open(line.dsn, size=1, timeout_seconds=LIMIT_SECONDS) as database:
        line.fall_silent()
        await is_given_up(door(database), within=4 * LIMIT_SECONDS)
        line.restore()
        await door(database)


async def test_a_transaction_that_falls_silent_in_its_midst_is_given_up(line: Line) -> None:
    async def interrupted(database: Database) -> None:
        async with database.transaction() as transaction:
            line.fall_silent()
            await transaction.fetchval("now")

    async with Database.open(line.dsn, size=1, timeout_seconds=LIMIT_SECONDS) as database:
        await is_given_up(interrupted(database), within=5 * LIMIT_SECONDS)


async def test_a_connection_that_is_silent_from_the_start_is_given_up(line: Line) -> None:
    line.fall_silent()

    async def opened() -> None:
        async with Database.open(line.dsn):
            pytest.fail("it opened")

    await is_given_up(opened(), within=CONNECT_TIMEOUT_SECONDS)


async def test_a_migration_that_gets_no_connection_is_given_up(line: Line) -> None:
    async with Database.open(line.dsn, size=1, timeout_seconds=LIMIT_SECONDS) as database:
        line.fall_silent()
        await is_given_up(a_migration(database), within=CONNECT_TIMEOUT_SECONDS)


async def test_a_migration_that_waits_its_turn_on_a_line_that_falls_silent_is_given_up(
    line: Line, db: Connection
) -> None:
    lock = "hashtextextended('rowcall.schema_migrations', 0)"
    await db.execute(f"SELECT pg_advisory_lock({lock})")
    async with Database.open(line.dsn, size=1, timeout_seconds=LIMIT_SECONDS) as database:
        waiting = asyncio.create_task(a_migration(database))
        async with asyncio.timeout(20):
            while not await db.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'rowcall migrate' AND query LIKE '%pg_try_advisory_lock%'"
            ):
                assert not waiting.done()
                await asyncio.sleep(0.02)
        line.fall_silent()
        await is_given_up(waiting, within=5 * LIMIT_SECONDS)


async def test_a_listener_finds_out_that_its_line_is_silent(line: Line) -> None:
    heard = asyncio.Event()
    listening = asyncio.create_task(listen(line.dsn, lambda _: heard.set(), check_seconds=0.2))
    await asyncio.wait_for(heard.wait(), 20)
    line.fall_silent()
    await is_given_up(listening, within=2 * CONNECT_TIMEOUT_SECONDS)


async def test_waiting_for_a_connection_that_others_hold_has_a_limit(dsn: str) -> None:
    async with Database.open(dsn, size=1) as database, database.transaction():
        await is_given_up(one_statement(database), within=CONNECT_TIMEOUT_SECONDS)
