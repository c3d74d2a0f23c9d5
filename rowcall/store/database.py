"""The pool of connections, and the border at which the driver's errors become errors of the domain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from rowcall.domain.errors import Conflict, InvalidInput, StoreUnavailable

CONNECT_TIMEOUT_SECONDS = 10.0

CONFLICTS = {
    "schedules_name_taken": "a schedule with this name exists already: choose another name, or change that one",
}
"""Constraints that two honest requests can run into: their names become a Conflict."""

UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""What a real restart, failover or cut raises, or a server that lets nobody in.

A fault in a statement of ours is none of them, and stays loud."""

PROBES = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
}
"""The store asks by probes of indexes, a bounded number of rows each, and PostgreSQL is not to think it over.

Left alone it does: for a batch of results it would read the whole ledger and hash it. Nor is a plan to be kept: one
that was made when the queue was empty reads all of it for every row once it is full. Planning costs a millisecond.
"""

READING_ALL = "; ".join(
    [
        "LOCK TABLE ONLY rowcall.schedule_executions IN ACCESS SHARE MODE",
        *(f"SET LOCAL {name} = on" for name in PROBES if name.startswith("enable_")),
    ]
)


@contextmanager
def domain_errors() -> Iterator[None]:
    """Translate what the driver raises. A constraint that nobody foresaw is a bug, and is raised as it is."""
    try:
        yield
    except asyncpg.UniqueViolationError as fault:
        if fault.constraint_name not in CONFLICTS:
            raise
        raise Conflict(CONFLICTS[fault.constraint_name]) from fault
    except asyncpg.CheckViolationError as fault:
        if not (fault.constraint_name or "").startswith("schedules_"):
            raise
        field = str(fault.constraint_name).removeprefix("schedules_").replace("_", " ")
        raise InvalidInput.of("schedule", f"refused by the database: {field}") from fault
    except asyncpg.ClientConfigurationError as fault:
        raise InvalidInput.of("DATABASE_URL", str(fault)) from fault
    except asyncpg.InterfaceError as fault:
        if "connection" not in str(fault) and "pool" not in str(fault):
            raise
        raise StoreUnavailable(f"PostgreSQL does not answer: {fault}") from fault
    except asyncpg.DeadlockDetectedError as fault:
        raise StoreUnavailable("two transactions waited for each other, and this one gave way: try again") from fault
    except UNAVAILABLE as fault:
        raise StoreUnavailable(f"PostgreSQL does not answer: {str(fault) or type(fault).__name__}") from fault


@cache
def sql(name: str) -> str:
    """The statement in ``sql/<name>.sql``."""
    return files("rowcall.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


class Row(Protocol):
    """A row of an answer: its columns by name."""

    def __getitem__(self, column: str, /) -> Any: ...
    def keys(self) -> Iterator[str]:  # noqa: D102 - as of a mapping
        ...


class Session(Protocol):
    """What runs statements by their names: the database, each by itself, or a transaction.

    `known_days` are the days of the ledger that are known to be there.
    """

    known_days: set[date]

    async def fetch(self, name: str, *arguments: Any) -> Sequence[Row]:
        """All rows of ``sql/<name>.sql``."""
        ...

    async def fetchrow(self, name: str, *arguments: Any) -> Row | None:
        """The first row, or None."""
        ...

    async def fetchval(self, name: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        ...


Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"


class Transaction:
    """A Session inside one transaction; the driver's errors are translated where it ends."""

    def __init__(self, connection: Connection, known_days: set[date]) -> None:
        self.connection = connection
        self.known_days = known_days

    async def fetch(self, name: str, *arguments: Any) -> Sequence[Row]:
        """All rows of ``sql/<name>.sql``."""
        return await self.connection.fetch(sql(name), *arguments)

    async def fetchrow(self, name: str, *arguments: Any) -> Row | None:
        """The first row, or None."""
        return await self.connection.fetchrow(sql(name), *arguments)

    async def fetchval(self, name: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        return await self.connection.fetchval(sql(name), *arguments)


class Snapshot(Transaction):
    """A Session that reads one moment of the database, in one transaction."""

    async def stream(self, name: str, at_once: int, *arguments: Any) -> AsyncIterator[Sequence[Row]]:
        """The rows of ``sql/<name>.sql`` in pages of `at_once`, however many they are: the server keeps the others."""
        cursor = await self.connection.cursor(sql(name), *arguments)
        while rows := await cursor.fetch(at_once):
            yield rows


class Database:
    """A pool of connections to one database.

    Every call has a time limit, on this side and on the server's; errors are those of the domain.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], dsn: str) -> None:
        self._pool = pool
        self.dsn = dsn
        self.known_days: set[date] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        dsn: str,
        *,
        size: int = 10,
        min_size: int = 1,
        timeout_seconds: float = 30.0,
        application_name: str = "rowcall",
        prepared_statements: bool = True,
        probes_only: bool = True,
    ) -> AsyncIterator[Database]:
        """Connect, lend the database, close. `prepared_statements` off suits poolers in transaction mode.

        `probes_only` is for the store's own statements; take it off where tasks run theirs.

        Raises StoreUnavailable when PostgreSQL doesn't answer.
        """
        with domain_errors():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=min_size,
                max_size=size,
                timeout=CONNECT_TIMEOUT_SECONDS,
                command_timeout=timeout_seconds,
                statement_cache_size=256 if prepared_statements else 0,
                max_inactive_connection_lifetime=300,
                server_settings=server_settings(application_name, timeout_seconds) | (PROBES if probes_only else {}),
            )
        try:
            yield cls(pool, dsn)
        finally:
            await _close(pool)

    def terminate(self) -> None:
        """Cut all connections at once, for good; whoever waits for an answer gets StoreUnavailable."""
        self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A session inside a transaction that commits at the end of the block."""
        with domain_errors():
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection, connection.transaction():
                yield Transaction(connection, self.known_days)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """A session that reads one moment of the database, however long it takes.

        The ledger is locked before the moment is fixed: days that retention detaches from then on are still seen.
        """
        with domain_errors():
            async with (
                self._pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.execute(READING_ALL)
                yield Snapshot(connection, self.known_days)

    async def fetch(self, name: str, *arguments: Any) -> Sequence[Row]:
        """All rows of ``sql/<name>.sql``, run by itself."""
        with domain_errors():
            return await self._pool.fetch(sql(name), *arguments)

    async def fetchrow(self, name: str, *arguments: Any) -> Row | None:
        """The first row, or None."""
        with domain_errors():
            return await self._pool.fetchrow(sql(name), *arguments)

    async def fetchval(self, name: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        with domain_errors():
            return await self._pool.fetchval(sql(name), *arguments)

    async def run_script(self, script: str) -> None:
        """Run a script of several statements in one transaction."""
        with domain_errors():
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection, connection.transaction():
                await connection.execute(script)


def server_settings(application_name: str, timeout_seconds: float) -> dict[str, str]:
    """What each connection tells the server: who it is, and how long it may take."""
    limit = str(int(timeout_seconds * 1000))
    return {
        "application_name": application_name[:63],
        "statement_timeout": limit,
        "idle_in_transaction_session_timeout": limit,
        "timezone": "UTC",
    }


async def _close(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Close politely; a server that no longer answers is not waited for."""
    try:
        await asyncio.wait_for(pool.close(), timeout=5)
    except (*UNAVAILABLE, asyncpg.InterfaceError):
        pool.terminate()
