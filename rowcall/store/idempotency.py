"""Requests that are done once, however often they are sent: what a key was used for, and what was answered.

The key is taken in the transaction of what the request does, and its answer kept there: either all of it is done, or
nothing. Whoever sends the same meanwhile waits for that transaction to end.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rowcall.domain.errors import Conflict

from .database import Database, Verbs
from .driver_errors import domain_errors
from .jsonb import read_jsonb
from .sessions import Connection, Session, Transaction

KEPT_SECONDS = 86_400.0
FORGOTTEN_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, as it was given."""

    status: int
    headers: Mapping[str, str]
    body: str


class OtherRequest(Conflict):
    """The key was used for another request."""


class Joined(Database):
    """A database inside one transaction: each transaction through it is a part of that one, a savepoint."""

    def __init__(self, database: Database, transaction: Transaction) -> None:
        vars(self).update(vars(database))
        self._held = transaction.connection
        self._preamble, self.pooled = None, False  # the transaction has begun by saying it
        self.has_sessions = False
        self._verbs = Verbs("SAVEPOINT part", "RELEASE SAVEPOINT part", "ROLLBACK TO SAVEPOINT part")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with domain_errors():
            yield self._held


@asynccontextmanager
async def as_one(database: Database) -> AsyncIterator[Database]:
    """The database as it is inside one transaction, which commits at the end of the block."""
    async with database.transaction() as transaction:
        yield Joined(database, transaction)


async def take_key(session: Session, who: str, key: str, fingerprint: bytes) -> KeptAnswer | None:
    """Take a key for a request; or what was answered to it, where that was done within the last day.

    Raises OtherRequest where the key was used for another.
    """
    if await session.fetchval("take_idempotency_key", who, key, fingerprint, KEPT_SECONDS) is not None:
        return None
    row = await session.fetchrow("find_idempotent_answer", who, key)
    assert row is not None  # who meets it holds its lock, so it is not forgotten in between
    if row["fingerprint"] != fingerprint:
        raise OtherRequest("this Idempotency-Key was used for another request; take a new key for a new request")
    return KeptAnswer(row["status"], read_jsonb(row["headers"]), row["body"])


async def keep_answer(session: Session, who: str, key: str, answer: KeptAnswer) -> None:
    """Keep what was answered to a key that this transaction has taken."""
    headers = json.dumps(dict(answer.headers))
    await session.fetchval("keep_idempotent_answer", who, key, answer.status, headers, answer.body)


async def forget_keys(session: Session) -> int:
    """Delete keys that are older than a day; how many, ten thousand at most."""
    forgotten: int = await session.fetchval("forget_idempotency_keys", KEPT_SECONDS, FORGOTTEN_AT_ONCE)
    return forgotten
