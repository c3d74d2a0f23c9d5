"""What ``rowcall keys`` does. A secret is written to standard output once, and to nothing else."""

from __future__ import annotations

import re
from datetime import datetime

from rowcall.domain.access import Scope
from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings
from rowcall.store.keys import KeyRow, create_key, find_key_row, list_keys, revoke_key

from .access import a_database
from .durations import moment_ahead
from .options import known_words
from .output import moment, print_json, print_table, print_text, say

COLUMNS = ("ID", "NAME", "CLIENT", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "REVOKED")


async def create_one(scopes: list[str], client: str, name: str | None, expires: str | None, *, as_json: bool) -> None:
    """Make a key, and show it. Raises InvalidInput for a scope that is none, a moment that is past, a long name."""
    wanted = [Scope(word) for word in known_words(scopes, Scope, "--scope")]
    for option, text in (("--client", client), ("--name", name)):
        if text is not None and not 1 <= len(text) <= 200:
            raise InvalidInput.of(option, "1 to 200 characters are expected")
    async with (
        a_database(Settings.from_environment(), purpose="cli") as place,
        place.database.transaction() as transaction,
    ):
        expires_at = None if expires is None else _moment_ahead(expires, await transaction.fetchval("now"))
        key = await create_key(transaction, client_id=client, scopes=wanted, name=name, expires_at=expires_at)
        row = await find_key_row(transaction, key.key_id)
    if as_json:
        print_json({**row, "key": key.text})
    else:
        say(f"Key {key.key_id} may {'/'.join(row['scopes'])} for client {client}{_until(row)}. It is shown this once:")
        print_text(key.text)


async def list_them(*, every: bool, as_json: bool) -> None:
    """List keys."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        found = await list_keys(place.database, include_invalid=every)
    if as_json:
        for key in found:
            print_json(key)
    else:
        print_table(COLUMNS, map(_line, found), empty="No keys.")


async def revoke_one(reference: str, *, as_json: bool) -> None:
    """Revoke a key, named by its id or by its whole text. Raises NotFound."""
    key_id = re.sub(r"^rowcall_([a-z0-9]{8})(_.*)?$", r"\1", reference)
    async with (
        a_database(Settings.from_environment(), purpose="cli") as place,
        place.database.transaction() as transaction,
    ):
        row = await revoke_key(transaction, key_id)
    if as_json:
        print_json(row)
    else:
        say(f"Key {key_id} is revoked since {moment(row['revoked_at'])}.")


def _moment_ahead(text: str, now: datetime) -> datetime:
    """A moment after `now`, which is PostgreSQL's: it is what keys are judged by. Raises InvalidInput."""
    expires_at = moment_ahead(text, "--expires", now)
    if expires_at <= now:
        raise InvalidInput.of("--expires", f"lies in the past: {expires_at.isoformat()}")
    return expires_at


def _until(row: KeyRow) -> str:
    return f", until {moment(row['expires_at'])}" if row["expires_at"] else ""


def _line(row: KeyRow) -> tuple[object, ...]:
    return (
        row["key_id"],
        row["name"],
        row["client_id"],
        " ".join(row["scopes"]),
        row["created_at"],
        row["expires_at"],
        row["last_used_at"],
        row["revoked_at"],
    )
