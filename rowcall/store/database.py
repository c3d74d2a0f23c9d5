"""The pool of connections, and the border at which the driver's errors become errors of the domain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import asyncpg

from rowcall.domain.errors import Conflict, InvalidInput, StoreUnavailable

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Record = asyncpg.Record

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
)
"""What a real restart, failover or cut raises. A fault in a statement of ours is none of them, and stays loud."""


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
    except asyncpg.InterfaceError as fault:
        if "connection" not in str(fault) and "pool" not in str(fault):
            raise
        raise StoreUnavailable(f"PostgreSQL does not answer: {fault}") from fault
    except UNAVAILABLE as fault:
        raise StoreUnavailable(f"PostgreSQL does not answer: {fault or type(fault).__name__}") from fault


@cache
def sql(name: str) -> str:
    """The statement in ``sql/<name>.sql``."""
    return files("rowcall.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


class Database:
    """A pool of connections to one database.

    Every call has a time limit, on this side and on the server's; errors are those of the domain.
    """

    def __init__(self, pool: asyncpg.Pool, dsn: str) -> None:
        self._pool = pool
        self.dsn = dsn

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        dsn: str,
        *,
        size: int = 10,
        timeout_seconds: float = 30.0,
        application_name: str = "rowcall",
        prepared_statements: bool = True,
    ) -> AsyncIterator[Database]:
        """Connect, lend the database, close. `prepared_statements` off suits poolers in transaction mode.

        Raises StoreUnavailable when PostgreSQL doesn't answer.
        """
        with domain_errors():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                timeout=CONNECT_TIMEOUT_SECONDS,
                command_timeout=timeout_seconds,
                statement_cache_size=256 if prepared_statements else 0,
                max_inactive_connection_lifetime=300,
                server_settings={
                    "application_name": application_name,
                    "statement_timeout": str(int(timeout_seconds * 1000)),
                    "idle_in_transaction_session_timeout": str(int(timeout_seconds * 1000)),
                    "timezone": "UTC",
                },
            )
        try:
            yield cls(pool, dsn)
        finally:
            await _close(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool, outside any transaction."""
        with domain_errors():
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction that commits at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, name: str, *arguments: Any) -> list[Record]:
        """Run the statement ``sql/<name>.sql`` by itself; all its rows."""
        with domain_errors():
            return await self._pool.fetch(sql(name), *arguments)

    async def fetchrow(self, name: str, *arguments: Any) -> Record | None:
        """Run the statement by itself; its first row, or None."""
        with domain_errors():
            return await self._pool.fetchrow(sql(name), *arguments)

    async def fetchval(self, name: str, *arguments: Any) -> Any:
        """Run the statement by itself; the first column of its first row."""
        with domain_errors():
            return await self._pool.fetchval(sql(name), *arguments)


async def _close(pool: asyncpg.Pool) -> None:
    """Close politely; a server that no longer answers is not waited for."""
    try:
        await asyncio.wait_for(pool.close(), timeout=5)
    except (TimeoutError, *UNAVAILABLE, asyncpg.InterfaceError):
        pool.terminate()
