"""Retention: days of the ledger that are old enough leave it whole, and nothing is ever deleted row by row.

    1  the floor is raised and committed: from then on no audit and no backfill asks for these days
    2  the day's table is marked, and detached CONCURRENTLY: claims, results and readers go on
    3  it is summed up into execution_rollups and dropped, in one transaction

Whatever is interrupted, kill -9 included, is found by its mark and gone on with by whoever comes next. Any replica may;
an advisory lock lets one at a time. Every wait for a lock is short: what is in use is tried again later.

A day stays while one of its executions is open, or while a backfill is not through with it. What a schedule needs to go
on stands in its own row (`last_occurrence_at`), so no day is kept for that.

How old a day is, is what the server's clock says, and a clock can leap by years. Each day on which Rowcall works has a
table, so whoever drops days unasked counts those too: where the clock leapt, they are not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import asyncpg

from rowcall.domain.errors import StoreUnavailable

from .connecting import NAMES, Connection, connect_past_poolers, server_settings
from .database import Database
from .driver_errors import domain_errors
from .sessions import Connection as AnyConnection
from .sessions import Row, Session, Transaction, sql

LOCK_SECONDS = 2.0
BRIEF_LOCK = "SET LOCAL lock_timeout = '200ms'"
DROP_SECONDS = 600.0
"""To sum up a day of many millions."""

OURS = "SELECT WHERE pg_try_advisory_xact_lock(hashtext('rowcall.retention'))"
"""Sent as text: the answer to a statement with parameters keeps its snapshot, and FINALIZE would wait for that."""

IDLE = f"SET LOCAL idle_in_transaction_session_timeout = '{DROP_SECONDS + 60:.0f}s'"
"""The guard waits while a day is summed up."""

NOT_NOW = (
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # somebody detaches another day by hand
    asyncpg.UndefinedTableError,  # somebody has dropped it by hand
)

KEEP_OUT = "SELECT pg_try_advisory_lock(hashtext('rowcall.old_days'))"
LET_IN = "SELECT pg_advisory_unlock(hashtext('rowcall.old_days'))"
"""A run that began in a day between the look at what is open of it and its end would not find its row when it ends."""

FEW_YOUNGER = "the ledger has too few younger days: nobody worked for long, or the clock leapt"

MARK = "COMMENT ON TABLE rowcall.{name} IS 'rowcall: on its way out'"
UNMARK = "COMMENT ON TABLE rowcall.{name} IS NULL"
DETACH = "ALTER TABLE rowcall.schedule_executions DETACH PARTITION rowcall.{name} CONCURRENTLY"
FINALIZE = "ALTER TABLE rowcall.schedule_executions DETACH PARTITION rowcall.{name} FINALIZE"
DROP = "DROP TABLE rowcall.{name}"
DETACH_AT_ONCE = "ALTER TABLE rowcall.schedule_executions DETACH PARTITION rowcall.{name}"
LET_NOBODY_BEGIN = "LOCK TABLE ONLY rowcall.schedule_executions IN ACCESS EXCLUSIVE MODE"


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the ledger (UTC) that is old enough to go. `executions` is estimated, and counted once dropped.

    `state` is attached, or how far a drop has come: detaching, detached. `kept_because` is None if it may go.
    """

    name: str
    day: date
    ends_at: datetime
    state: str
    executions: int
    bytes: int
    kept_because: str | None = None


@dataclass(slots=True)
class Retired:
    """What one pass did: the days dropped, and those that stay for now.

    `busy` says that another replica was at it, and nothing was done here.
    """

    dropped: list[Day] = field(default_factory=list)
    kept: list[Day] = field(default_factory=list)
    busy: bool = False


async def forgotten_before(session: Session) -> datetime | None:
    """Before which moment days were dropped; None if none ever was."""
    moment: datetime | None = await session.fetchval("forgotten_before")
    return moment


async def old_days(session: Session, older_than: timedelta, keep_days: int = 0) -> list[Day]:
    """The days that ended so long ago, those on their way out first; reads only.

    The last `keep_days` days of the ledger stay, however old they are said to be.
    """
    return [_day(row, keep_days) for row in await session.fetch("history_days", older_than)]


async def drop_old_days(database: Database, older_than: timedelta, keep_days: int = 0) -> Retired:
    """Drop the days that ended so long ago, as far as nothing holds them; `keep_days` as in `old_days`.

    Raises StoreUnavailable; then, as when it is killed, the next pass goes on where this one was.
    """
    retired = Retired(kept=await old_days(database, older_than, keep_days))
    if all(day.kept_because for day in retired.kept) and not await database.fetch("marked_in_vain"):
        return retired
    async with database.transaction() as guard:
        await guard.connection.execute(IDLE)
        if not await _is_ours(guard):
            return Retired(busy=True)
        async with database.transaction() as transaction:
            await transaction.connection.execute(BRIEF_LOCK)
            await _unmark(transaction.connection)
        going, retired.kept = await _let_go(database, older_than, keep_days)
        async with _apart(database) as connection:
            for day in going:
                await _is_ours(guard)  # still; but it must not seem idle
                count = await _drop(database, connection, day)
                if count is None:
                    retired.kept.append(replace(day, kept_because="an execution of it is open"))
                else:
                    retired.dropped.append(replace(day, executions=count))
    return retired


async def _is_ours(guard: Transaction) -> bool:
    """Whether this transaction is the one that drops days."""
    return bool(await guard.connection.execute(OURS) == "SELECT 1")


async def _let_go(database: Database, older_than: timedelta, keep_days: int) -> tuple[list[Day], list[Day]]:
    """Raise the floor above the days that may go. Those that still may, now that nobody asks for them; and others."""
    async with database.transaction() as transaction:
        ends = [day.ends_at for day in await old_days(transaction, older_than, keep_days) if day.kept_because is None]
        floor = await transaction.fetchval("raise_history_floor", max(ends, default=None))
        days = await old_days(transaction, older_than, keep_days)
    going = [day for day in days if day.kept_because is None and day.ends_at <= floor]
    return going, [day for day in days if day.kept_because is not None]


async def _drop(database: Database, connection: Connection | None, day: Day) -> int | None:
    """Detach a day, or go on with what was begun, and drop it: how many executions it held; None if it came back."""
    try:
        if connection is None:
            return await _drop_through_pooler(database, day)
        if day.state == "attached":
            if not await _detach(connection, day):
                return None
        elif day.state == "detaching":
            await connection.execute(FINALIZE.format(name=day.name))
        async with connection.transaction():
            return await _sum_up_and_drop(connection, day)
    except NOT_NOW as fault:
        raise StoreUnavailable(f"the day {day.day} is in use, and will be dropped later: {fault}") from fault


async def _detach(connection: Connection, day: Day) -> bool:
    """Detach a day while nobody can begin anything in old ones; False if something of it was begun before."""
    if not await connection.fetchval(KEEP_OUT):
        raise StoreUnavailable(f"the day {day.day} will be dropped later: somebody writes to old days")
    try:
        if await connection.fetchval(sql("is_open_day"), day.ends_at):
            return False
        await connection.execute(MARK.format(name=day.name))
        try:
            await connection.execute(DETACH.format(name=day.name))
        except NOT_NOW:
            await _unmark(connection)
            raise
        return True
    finally:
        await connection.execute(LET_IN)


async def _unmark(connection: AnyConnection) -> None:
    """Take the mark off the days that are in the ledger still: whoever detaches one by hand means to keep it."""
    for row in await connection.fetch(sql("marked_in_vain")):
        await connection.execute(UNMARK.format(name=row["name"]))


async def _sum_up_and_drop(connection: AnyConnection, day: Day) -> int | None:
    """What can't be told apart by whoever comes next: so it is one transaction."""
    count: int | None = await connection.fetchval(sql("sum_up_day"), day.name, timeout=DROP_SECONDS)
    if count is not None:
        await connection.execute(DROP.format(name=day.name), timeout=DROP_SECONDS)
    return count


@asynccontextmanager
async def _apart(database: Database) -> AsyncIterator[Connection | None]:
    """A connection to PostgreSQL itself, for what can't run in a transaction; None where a pooler stands between."""
    if database.direct_dsn is None:
        yield None
        return
    settings = server_settings("rowcall retention", DROP_SECONDS)
    settings |= NAMES | {"lock_timeout": str(int(LOCK_SECONDS * 1000)), "jit": "off"}
    with domain_errors():
        connection = await connect_past_poolers(
            database.direct_dsn, "DATABASE_URL", command_timeout=DROP_SECONDS, server_settings=settings
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=5)


async def _drop_through_pooler(database: Database, day: Day) -> int | None:
    """The same where there is no session: nothing can be CONCURRENT, so the wait is so short that nobody notices it.

    All wait while the day is detached; so that is over, and committed, before it is summed up, which may take minutes.
    """
    async with database.transaction() as transaction:
        await transaction.connection.execute(BRIEF_LOCK)
        if not await _detach_at_once(transaction.connection, day):
            return None
    async with database.transaction(limit_seconds=DROP_SECONDS) as transaction:
        await transaction.connection.execute(BRIEF_LOCK)
        return await _sum_up_and_drop(transaction.connection, day)


async def _detach_at_once(connection: AnyConnection, day: Day) -> bool:
    """Detach a day, or go on with that, inside a transaction; False if something of it was begun before."""
    if day.state == "detaching":
        await connection.execute(FINALIZE.format(name=day.name))
    elif day.state == "attached":
        await connection.execute(LET_NOBODY_BEGIN)
        if await connection.fetchval(sql("is_open_day"), day.ends_at):
            return False
        await connection.execute(DETACH_AT_ONCE.format(name=day.name))
        await connection.execute(MARK.format(name=day.name))
    return True


def _day(row: Row, keep_days: int) -> Day:
    attached = row["state"] == "attached"  # any other goes all the way, or comes back
    because = _kept_because(row, keep_days) if attached else None
    return Day(row["name"], row["day"], row["ends_at"], row["state"], row["executions"], row["bytes"], because)


def _kept_because(row: Row, keep_days: int) -> str | None:
    if row["younger"] < keep_days:
        return FEW_YOUNGER
    if row["open_executions"]:
        return f"{row['open_executions']} of its executions are open"
    return "a backfill is not through with it" if row["is_backfilled"] else None
