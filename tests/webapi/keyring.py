"""Keys of every kind, for whoever tries what they open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from rowcall.domain.access import Scope
from rowcall.domain.keys import make_key
from rowcall.store.database import Database
from rowcall.store.keys import create_key, revoke_key

ACME, OTHER = "acme", "other"
INVALID = ("none", "wrong", "expired", "revoked")
KINDS = (*INVALID, *Scope, "other")
"""No key, three that are none any more, one of each scope for the client acme, and one for another that may write."""


async def make_keyring(database: Database) -> Mapping[str, str | None]:
    """The texts of the keys, by kind."""
    found: dict[str, str | None] = {"none": None}
    for scope in Scope:
        found[scope] = (await create_key(database, client_id=ACME, scopes=[scope])).text
    found["other"] = (await create_key(database, client_id=OTHER, scopes=[Scope.WRITE])).text
    past = datetime.now(UTC) - timedelta(seconds=1)
    found["expired"] = (await create_key(database, client_id=ACME, scopes=[Scope.ADMIN], expires_at=past)).text
    revoked = await create_key(database, client_id=ACME, scopes=[Scope.ADMIN])
    await revoke_key(database, revoked.key_id)
    found["revoked"] = revoked.text
    admin = await create_key(database, client_id=ACME, scopes=[Scope.ADMIN])
    found["wrong"] = f"rowcall_{admin.key_id}_{make_key().text[-43:]}"
    return found


def sent(key: str | None) -> dict[str, str]:
    """The headers that a key is sent in."""
    return {} if key is None else {"X-API-Key": key}
