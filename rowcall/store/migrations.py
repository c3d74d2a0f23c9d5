"""From whatever a database holds to the schema that this Rowcall needs.

An empty database gets ``schema.sql``, which is the whole of it. An older one gets the numbered files that it lacks,
each in one transaction with its entry in ``rowcall.schema_migrations``. A file whose first line is
``-- no-transaction`` runs statement by statement (each ends with a semicolon and an empty line), and must bear being
repeated.

Several processes may start at once: one migrates, the others wait and then find nothing left to do. They wait by asking
again, never inside a transaction: an index that is built CONCURRENTLY would wait for them in its turn. The lock belongs
to the connection, so the way has to lead to PostgreSQL itself; past a pooler it is ROWCALL_DIRECT_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

import asyncpg

from rowcall.domain.errors import InvalidInput, StoreUnavailable

from .connecting import NAMES, Connection, connect_past_poolers, server_settings
from .database import Database
from .driver_errors import UNAVAILABLE
from .schema_checks import (
    LOCK_TIMEOUT_SECONDS,
    SchemaMismatch,
    check_history,
    check_schema,
    pending_migrations,
    schema_errors,
    schema_version,
)
from .schema_files import Migration, known_migrations
from .sessions import sql

__all__ = [
    "Migration",
    "SchemaMismatch",
    "apply_schema",
    "check_schema",
    "known_migrations",
    "pending_migrations",
    "schema_version",
]

OLDEST_SERVER = 14
PATIENCE_SECONDS = 120.0
FILE_SECONDS = 6 * 3600.0
"""The longest that one file may take: it may build indexes over years of history."""

GOODBYE_SECONDS = 2.0
NO_DIRECT_WAY = (
    "a pooler stands at DATABASE_URL, and the schema is changed under a lock that belongs to a connection: "
    "set this to the URL of PostgreSQL itself"
)
ASK_AGAIN_SECONDS = 0.1

_LOCK = "hashtextextended('rowcall.schema_migrations', 0)"


async def apply_schema(database: Database, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring the database to the schema of this Rowcall; returns the versions that were applied, oldest first.

    Safe to call from any number of processes at once. Raises SchemaMismatch for a database that can't be brought there,
    Forbidden where the role may not, StoreUnavailable when another session is in the way: then nothing is half done.
    """
    known = known_migrations() if migrations is None else migrations
    async with _connect(database) as connection:
        _check_server(connection)
        applied: list[str] = []
        while step := await _next_step(connection, known):
            applied += step
        return applied


# ── one step: under the lock, look again, apply what comes first ──────────────────────────────────────────────────────


async def _next_step(connection: Connection, known: Sequence[Migration]) -> list[str]:
    """Apply the whole schema, or the first file that is missing; returns the versions it brought, [] at the end."""
    async with _alone(connection):
        if not await connection.fetchval(sql("has_schema")):
            return await _build(connection, known)
        applied = {row["version"]: row for row in await connection.fetch(sql("list_migrations"))}
        check_history(applied, known)
        missing = next((migration for migration in known if migration.version not in applied), None)
        if missing is None:
            return []
        await _apply(connection, missing)
        return [missing.version]


async def _build(connection: Connection, known: Sequence[Migration]) -> list[str]:
    """Build the whole of it at once, from schema.sql."""
    strangers = await connection.fetchval(sql("count_strangers"))
    if strangers:
        raise SchemaMismatch(
            f'The database has a schema "rowcall" with {strangers} tables, none of them schema_migrations: '
            "it is not Rowcall's, or it is damaged. Name another database in DATABASE_URL, or restore this one."
        )
    async with connection.transaction():
        await connection.execute(
            files("rowcall").joinpath("schema.sql").read_text(encoding="utf-8"), timeout=FILE_SECONDS
        )
        for migration in known:
            await _record(connection, migration)
    return [migration.version for migration in known]


async def _apply(connection: Connection, migration: Migration) -> None:
    if migration.in_transaction:
        async with connection.transaction():
            await connection.execute(migration.script, timeout=FILE_SECONDS)
            await _record(connection, migration)
        return
    for statement in migration.statements:
        await connection.execute(statement, timeout=FILE_SECONDS)
    await _record(connection, migration)


async def _record(connection: Connection, migration: Migration) -> None:
    await connection.execute(sql("record_migration"), migration.version, migration.name, migration.checksum)


# ── the connection, and the lock ──────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _connect(database: Database) -> AsyncIterator[Connection]:
    """A connection of its own: a file may take hours, all else as long as any statement, and none makes others queue
    behind its locks."""
    if database.direct_dsn is None:
        raise InvalidInput.of("ROWCALL_DIRECT_DATABASE_URL", NO_DIRECT_WAY)
    settings = (
        server_settings("rowcall migrate", timeout_seconds=0) | NAMES | {"lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s"}
    )
    with schema_errors():
        connection = await connect_past_poolers(
            database.direct_dsn,
            "ROWCALL_DIRECT_DATABASE_URL",
            command_timeout=database.timeout_seconds,
            statement_cache_size=0,
            server_settings=settings,
        )
        try:
            yield connection
        finally:
            await _hang_up(connection)


async def _hang_up(connection: Connection) -> None:
    """Say goodbye, if the server still listens."""
    try:
        await connection.close(timeout=GOODBYE_SECONDS)
    except (*UNAVAILABLE, asyncpg.InterfaceError):
        connection.terminate()


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    """Hold the lock that all migrating processes take; it ends with the connection at the latest."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + PATIENCE_SECONDS
    while not await connection.fetchval(f"SELECT pg_try_advisory_lock({_LOCK})"):
        if loop.time() > give_up_at:
            raise StoreUnavailable(
                f"Another process has been changing the schema for {PATIENCE_SECONDS:.0f} seconds (see "
                "pg_stat_activity, application_name 'rowcall migrate'): let it finish, then try again."
            )
        await asyncio.sleep(ASK_AGAIN_SECONDS)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")


def _check_server(connection: Connection) -> None:
    """Say it before a statement that an old server can't read says it."""
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise SchemaMismatch(
            f"The server is PostgreSQL {version.major}.{version.minor}; Rowcall needs {OLDEST_SERVER} or later."
        )
