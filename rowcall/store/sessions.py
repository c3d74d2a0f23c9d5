"""Sessions: what runs the store's statements, by their names. The database is one, and so is a transaction of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeAlias, overload

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from rowcall.domain.access import Access


@cache
def sql(name: str) -> str:
    """The statement in ``sql/<name>.sql``."""
    return files("rowcall.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


class Row(Protocol):
    """A row of an answer: its columns by name, or some of them by their places."""

    @overload
    def __getitem__(self, column: str, /) -> Any: ...
    @overload
    def __getitem__(self, columns: slice, /) -> tuple[Any, ...]: ...
    def keys(self) -> Iterator[str]:  # noqa: D102 - as of a mapping
        ...
    def items(self) -> Iterable[tuple[str, Any]]:  # noqa: D102 - as of a mapping
        ...


class Session(Protocol):
    """What runs statements by their names: the database, each by itself, or a transaction.

    `known_days` are the days of the ledger that are known to be there, `known_today` is the last that was when it was
    today. `access` is on whose behalf: statements that look something up are confined by it, so that nobody who asks
    through a session can forget to be. `is_swift` says that nothing it locks stays locked: see `swiftly`.
    """

    is_swift: bool
    known_days: set[date]
    known_today: set[date]
    access: Access

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


class Pooled(Session, Protocol):
    """A Session that lends connections."""

    timeout_seconds: float


class Transaction:
    """A Session inside one transaction; the driver's errors are translated where it ends."""

    is_swift = False

    def __init__(self, connection: Connection, database: Pooled) -> None:
        self.connection = connection
        self.known_days = database.known_days
        self.known_today = database.known_today
        self.access = database.access

    async def fetch(self, name: str, *arguments: Any) -> Sequence[Row]:
        """All rows of ``sql/<name>.sql``."""
        return await self.connection.fetch(sql(name), *arguments)

    async def fetchrow(self, name: str, *arguments: Any) -> Row | None:
        """The first row, or None."""
        return await self.connection.fetchrow(sql(name), *arguments)

    async def fetchval(self, name: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        return await self.connection.fetchval(sql(name), *arguments)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What is done inside is taken back where something is raised there; the transaction goes on."""
        await self.connection.execute("SAVEPOINT inside")
        try:
            yield
        except Exception:
            await self.connection.execute("ROLLBACK TO SAVEPOINT inside; RELEASE SAVEPOINT inside")
            raise
        await self.connection.execute("RELEASE SAVEPOINT inside")


class Swift(Transaction):
    """A Session whose statements each stand alone, on one connection that keeps their plans."""

    is_swift = True

    def __init__(self, connection: Connection, database: Pooled) -> None:
        super().__init__(connection, database)
        self.timeout_seconds = database.timeout_seconds


class Snapshot(Transaction):
    """A Session that reads one moment of the database, in one transaction."""

    async def stream(self, name: str, at_once: int, *arguments: Any) -> AsyncIterator[Sequence[Row]]:
        """The rows of ``sql/<name>.sql`` in pages of `at_once`, however many they are: the server keeps the others."""
        cursor = await self.connection.cursor(sql(name), *arguments)
        while rows := await cursor.fetch(at_once):
            yield rows
