"""What a command asks: an API elsewhere, where a server is named; else this process's own, over the database.

Both are asked in the same way, so that a command does, says and ends the same over either. Its own API knows who types,
and asks for no key.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from rowcall.client import AsyncClient
from rowcall.domain.access import DEFAULT_CLIENT, Access
from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings
from rowcall.store.database import Database

from .remote import named
from .who import who

HERE = "http://127.0.0.1"
"""The name that requests to the own API carry; nothing listens there."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The API, and the database behind it where that is reached directly."""

    client: AsyncClient
    database: Database | None


@asynccontextmanager
async def an_api() -> AsyncIterator[Reached]:
    """The API to ask. Raises InvalidInput for an address or a key that is none, StoreUnavailable without a database."""
    server = server_named()
    if server is not None:
        async with AsyncClient(server, named()[1]) as client:
            yield Reached(client, None)
        return
    if named()[1] is not None:
        raise InvalidInput.of("--key", "needs a --server, or ROWCALL_SERVER: a database asks for no key")
    async with _own(Settings.from_environment()) as reached:
        yield reached


def server_named() -> str | None:
    """The server that was named for this command, or for all of them; None: the database is asked.

    Raises InvalidInput for an empty one: whoever gave it means a server, and not the database that happens to be here.
    """
    server, key = named()
    for name, given in (("--server", server), ("--key", key), ("ROWCALL_SERVER", os.environ.get("ROWCALL_SERVER"))):
        if given is not None and not given.strip():
            raise InvalidInput.of(name, "is empty: say which, or leave it out")
    return server or Settings.from_environment().server


def whose(client: str | None) -> str | None:
    """Whose schedule a name means, as it is asked for: where nothing else was said, the client of the key."""
    return None if client == DEFAULT_CLIENT else client


@asynccontextmanager
async def _own(settings: Settings) -> AsyncIterator[Reached]:
    from httpx2 import ASGITransport

    from rowcall.webapi import create_app

    from .access import a_database

    with _quiet():
        async with a_database(settings, purpose="cli") as place:
            caller, settings = Access(who()), replace(settings, scheduler_enabled=True)
            app = create_app(place.database, settings, caller=caller, source="cli")
            async with AsyncClient(HERE, transport=ASGITransport(app=app), retries=0, timeout=None) as client:
                yield Reached(client, place.database)


@contextmanager
def _quiet() -> Iterator[None]:
    """Have the own API log nothing: what it answers is told by the command, and what it crashes of is raised."""
    import structlog

    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(wrapper_class=before)
