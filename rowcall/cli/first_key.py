"""The first key: a start with the embedded server makes one for administrators, in a file that only its owner can read.

Server and file lie in the same data folder, and go together. For a server that DATABASE_URL names nobody would expect
a key in a file of whichever replica happened to start first: there `rowcall keys create` makes the first one.
"""

from __future__ import annotations

import os
from pathlib import Path

from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.keys import create_first_key, has_keys
from rowcall.webapi import is_loopback

from .access import Place
from .who import acting_here


def needs_key(settings: Settings) -> bool:
    """Whether everyone needs a key, people on this machine too."""
    return settings.auth == "keys" or not is_loopback(settings.host)


async def make_first_key(place: Place, settings: Settings) -> Path | None:
    """Make the first key where there never was any, and nobody else can come in; the file with it, if there is one."""
    if place.embedded is None or not is_loopback(settings.host):
        return None
    path = settings.key_file
    async with acting_here(place.database).transaction() as transaction:
        key = await create_first_key(transaction, "made at the first start")
        if key is not None:
            _write(path, key.text)  # before the commit: a key that could not be written down must not be
    return path if path.exists() else None


async def check_reachable(database: Database, settings: Settings) -> None:
    """Raise InvalidInput where everyone who reaches this machine could come to the API, and nobody has a key."""
    if is_loopback(settings.host) or await has_keys(database):
        return
    raise InvalidInput.of(
        "host",
        f"{settings.host!r} lets in everyone who reaches this machine, and there is no valid key yet. Make one with "
        "`rowcall keys create --scope admin --name ...`, or listen on 127.0.0.1",
    )


def _write(path: Path, text: str) -> None:
    """A file of this text that nobody else could read at any moment."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
