"""The database that a command works on: the one named by DATABASE_URL, or the embedded one.

The embedded server belongs to the first process that needs it. Where one runs already, a command is its guest; where
none does, the command runs it for as long as it lasts, so that schedules can be looked at and changed while nothing is
running.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from rowcall.embedded import EmbeddedServer, embedded_postgres
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.migrations import apply_schema, check_schema, schema_version


class Schema(Enum):
    """What is done about the schema of a database named by DATABASE_URL. The embedded one is brought up to date."""

    CHECK = "refuse any other than the one that is needed"
    BUILD = "build it where there is none, refuse any other than the one that is needed"
    LEAVE = "take it as it is"


@dataclass(frozen=True, slots=True)
class Place:
    """A database that is ready, and where it is. `embedded` is None for a server named by DATABASE_URL."""

    database: Database
    embedded: EmbeddedServer | None


@asynccontextmanager
async def a_database(
    settings: Settings,
    *,
    purpose: str,
    size: int = 2,
    schema: Schema = Schema.CHECK,
    say: Callable[[str], None] | None = None,
) -> AsyncIterator[Place]:
    """The database, with connections that `purpose` can be told by in pg_stat_activity.

    Raises StoreUnavailable where it can't be reached, SchemaMismatch where its schema is another.
    """
    async with _server(settings, say) as (dsn, embedded):
        if embedded is not None and schema is not Schema.LEAVE:
            schema = Schema.BUILD
        async with Database.open(
            dsn, size=size, timeout_seconds=settings.database_timeout_seconds, application_name=f"rowcall {purpose}"
        ) as database:
            await _prepare(database, schema, embedded)
            yield Place(database, embedded)


@asynccontextmanager
async def _server(
    settings: Settings, say: Callable[[str], None] | None
) -> AsyncIterator[tuple[str, EmbeddedServer | None]]:
    if settings.database_url is not None:
        yield settings.database_url, None
        return
    async with embedded_postgres(settings.data_dir, run_as=settings.run_as, on_progress=say) as server:
        yield server.dsn, server


async def _prepare(database: Database, schema: Schema, embedded: EmbeddedServer | None) -> None:
    owned = embedded is not None and embedded.owner
    if schema is Schema.LEAVE:
        return
    if owned or (schema is Schema.BUILD and await schema_version(database) is None):
        await apply_schema(database)
    await check_schema(database)
