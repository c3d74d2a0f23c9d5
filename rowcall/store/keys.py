"""API keys: made, found, listed, revoked, and marked as used. Of a secret only its hash is ever here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowcall.domain.access import DEFAULT_CLIENT, Access, Scope
from rowcall.domain.errors import NotFound
from rowcall.domain.keys import NewKey, make_key

from .sessions import Row, Session

KeyRow = Mapping[str, Any]
ALSO_INVALID = True


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key as it is stored. `expires_in_seconds` counts from when it was looked up; None never ends."""

    key_id: str
    secret_hash: bytes
    client_id: str
    name: str | None
    scope: Scope
    is_revoked: bool
    expires_in_seconds: float | None

    @property
    def access(self) -> Access:
        """What its bearer may."""
        who = f"key {self.key_id}" + (f" ({self.name})" if self.name else "")
        return Access(who, self.client_id, self.scope)


async def find_key(session: Session, key_id: str) -> KnownKey | None:
    """The key of this id, valid or not; None where there is none."""
    row = await session.fetchrow("find_api_key", key_id)
    return None if row is None else _known(row)


async def create_key(
    session: Session,
    *,
    client_id: str = DEFAULT_CLIENT,
    scopes: Collection[Scope],
    name: str | None = None,
    expires_at: datetime | None = None,
) -> NewKey:
    """A new key. Its text is in the answer, and nowhere else."""
    key = make_key()
    words = [scope.value for scope in Scope if scope in scopes]
    await session.fetch("insert_api_key", key.key_id, key.secret_hash, client_id, name, words, expires_at)
    return key


async def create_first_key(session: Session, name: str) -> NewKey | None:
    """A key for administrators, where there never was any key; None otherwise."""
    key = make_key()
    made = await session.fetchval("insert_first_api_key", key.key_id, key.secret_hash, name)
    return None if made is None else key


async def list_keys(session: Session, *, include_invalid: bool = False) -> list[KeyRow]:
    """Keys without their secrets, the oldest first: those that are valid, or all there ever were."""
    return [_shown(row) for row in await session.fetch("list_api_keys", include_invalid, None)]


async def find_key_row(session: Session, key_id: str) -> KeyRow:
    """A key without its secret. Raises NotFound."""
    rows = await session.fetch("list_api_keys", ALSO_INVALID, key_id)
    if not rows:
        raise NotFound(f"there is no key {key_id[:40]!r}; `rowcall keys list --all` lists all there ever were")
    return _shown(rows[0])


async def revoke_key(session: Session, key_id: str) -> KeyRow:
    """Make a key invalid for good; revoking it twice changes nothing. Raises NotFound."""
    await session.fetch("revoke_api_key", key_id)
    return await find_key_row(session, key_id)


async def has_keys(session: Session, *, include_invalid: bool = False) -> bool:
    """Whether there is a valid key, or ever was one."""
    return bool(await session.fetchval("has_api_keys", include_invalid))


async def mark_used(session: Session, key_ids: Sequence[str]) -> None:
    """Keep that these keys are in use; at most once a minute for each it is written."""
    await session.fetch("touch_api_keys", key_ids)


def _known(row: Row) -> KnownKey:
    return KnownKey(
        key_id=row["key_id"],
        secret_hash=row["secret_hash"],
        client_id=row["client_id"],
        name=row["name"],
        scope=max((Scope(word) for word in row["scopes"]), key=list(Scope).index),
        is_revoked=row["is_revoked"],
        expires_in_seconds=row["expires_in"],
    )


def _shown(row: Row) -> KeyRow:
    return {column: row[column] for column in row.keys()}  # noqa: SIM118 - of a record
