"""The database that a command works on: the one named by DATABASE_URL, or the embedded one.

The embedded server belongs to the first process that needs it. Where one runs already, a command is its guest; where
none does, the command runs it for as long as it lasts, so that schedules can be looked at and changed while nothing is
running. What is to stay inherits the server from an owner that ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from rowcall.domain.errors import InvalidInput
from rowcall.embedded import EmbeddedError, EmbeddedServer, embedded_postgres
from rowcall.embedded.folders import folders_of
from rowcall.embedded.owner import take_ownership
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.migrations import check_schema, schema_version

from .remote import works_on_database
from .upgrading import bring_up_to_date
from .who import acting_here

LOOK_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
SERVICES = ("serve", "api", "worker", "tick")
"""Purposes that nobody in particular stands behind; what other commands change is changed by whoever typed them."""


class Schema(Enum):
    """What is done about the schema of a database named by DATABASE_URL. The embedded one is brought up to date."""

    CHECK = "refuse any other than the one that is needed"
    BUILD = "build it where there is none, refuse any other than the one that is needed"
    LEAVE = "take it as it is"


def tell_nobody(news: str) -> None:
    """Who asked is not there to be told what is being waited for."""


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
    stays: bool = False,
    say: Callable[[str], None] = tell_nobody,
) -> AsyncIterator[Place]:
    """The database, with connections that `purpose` can be told by in pg_stat_activity.

    A process that `stays` takes the embedded server over when the process that runs it ends.

    Raises StoreUnavailable where it can't be reached, SchemaMismatch where its schema is another.
    """
    check_database_is_meant(settings, purpose)
    async with _server(settings, say, stays=stays) as (dsn, embedded):
        if embedded is not None and schema is not Schema.LEAVE:
            schema = Schema.BUILD
        async with Database.open(
            dsn,
            direct_dsn=settings.direct_database_url if embedded is None else None,
            pooled=True if settings.pooler == "transaction" and embedded is None else None,
            size=size,
            timeout_seconds=settings.database_timeout_seconds,
            application_name=f"rowcall {purpose}",
        ) as database:
            await _prepare(database, schema, embedded, say)
            yield Place(database if purpose in SERVICES else acting_here(database), embedded)


def check_database_is_meant(settings: Settings, purpose: str) -> None:
    """Raise InvalidInput where what is set tells of another database than the embedded one, and does not name it."""
    if settings.database_url is not None:
        return
    if settings.direct_database_url is not None:
        told = "goes with DATABASE_URL, whose pooler it leads past; without one, set DATABASE_URL alone"
        raise InvalidInput.of("ROWCALL_DIRECT_DATABASE_URL", told)
    if settings.server is not None and purpose not in SERVICES:
        raise InvalidInput.of("ROWCALL_SERVER", works_on_database("this command"))


@asynccontextmanager
async def _server(
    settings: Settings, say: Callable[[str], None], *, stays: bool
) -> AsyncIterator[tuple[str, EmbeddedServer | None]]:
    if settings.database_url is not None:
        yield settings.database_url, None
        return
    async with embedded_postgres(settings.data_dir, run_as=settings.run_as, on_progress=say, brief=not stays) as server:
        if server.owner or not stays:
            yield server.dsn, server
            return
        say("run by another process, and taken over from it when it ends")
        heir = asyncio.create_task(_inherit(settings, say))
        try:
            yield server.dsn, server
        finally:
            heir.cancel()
            await asyncio.wait([heir])


async def _inherit(settings: Settings, say: Callable[[str], None]) -> None:
    """Own the server as soon as nobody else does. Its address stays, so that connections are simply made anew.

    What is in the way is said, and tried again for as long as it takes: a full disk is one day not full.
    """
    folders, pause = folders_of(settings.data_dir), LOOK_SECONDS
    while True:
        while (lock := take_ownership(folders)) is None:  # noqa: ASYNC110 - the kernel tells nobody of a lock set free
            await asyncio.sleep(LOOK_SECONDS)
        lock.release()
        async with AsyncExitStack() as stack:
            try:
                server = await stack.enter_async_context(
                    embedded_postgres(settings.data_dir, run_as=settings.run_as, on_progress=say)
                )
            except (EmbeddedError, OSError) as fault:
                say(f"it could not be taken over, next try in {pause:g} s: {fault}")
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = LOOK_SECONDS
            if server.owner:
                say("taken over from the process that ran it")
                await asyncio.Event().wait()


async def _prepare(
    database: Database, schema: Schema, embedded: EmbeddedServer | None, say: Callable[[str], None]
) -> None:
    owned = embedded is not None and embedded.owner
    if schema is Schema.LEAVE:
        return
    if owned or (schema is Schema.BUILD and await schema_version(database) is None):
        await bring_up_to_date(database, embedded, say)
    await check_schema(database)
