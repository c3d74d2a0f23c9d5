"""Who may come in: a key from the headers becomes what its bearer may do.

Keys that were looked up are remembered for two seconds, so that a request needs no look of its own, and a key that is
revoked is refused two seconds later at the most. Without a key only this machine's own people come in, where that is
left open to them: straight to a loopback address by a loopback name, and not through a proxy.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from starlette.requests import Request

from rowcall.domain.access import Access, Scope
from rowcall.domain.errors import StoreUnavailable
from rowcall.domain.keys import Key, holds_key, read_key
from rowcall.store.database import Database
from rowcall.store.keys import KnownKey, find_key, mark_used

from .hosts import comes_straight
from .limits import Limits
from .problems import Problem

log = structlog.get_logger("rowcall.webapi")

REMEMBERED_SECONDS = 2.0
MOST_REMEMBERED = 10_000
MARKED_EVERY_SECONDS = 60.0
GATHERED_SECONDS = 1.0
NOBODY = Access(scope=Scope.READ, client_id="")
"""Who asks what needs no key."""
ANYONE = Access("the API")
"""Who comes in without a key, where that is open: they may do everything."""
_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who may come in, and the headers that tell them how often."""

    access: Access
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Remembered:
    key: KnownKey | None
    looked_at: float

    def is_over(self, now: float) -> bool:
        left = None if self.key is None else self.key.expires_in_seconds
        return left is not None and now - self.looked_at >= left


class OpenGate:
    """Lets everything in, on behalf of one caller: for a process that asks its own API."""

    def __init__(self, caller: Access) -> None:
        self._caller = caller

    async def enter(self, _request: Request, _needed: Scope | None) -> Entry:
        """The caller."""
        return Entry(self._caller)


class Gate:
    """Lets in, or raises a Problem: 400 for a key in the address, 401 without a valid one, 429 for too many."""

    def __init__(self, database: Database, *, is_open: bool, requests_per_minute: int) -> None:
        self._database = database
        self._is_open = is_open
        self._limits = Limits(requests_per_minute)
        self._remembered: dict[str, _Remembered] = {}
        self._looking: dict[str, asyncio.Task[_Remembered]] = {}
        self._marked_at: dict[str, float] = {}
        self._to_mark: set[str] = set()
        self._marking: asyncio.Task[None] | None = None

    async def enter(self, request: Request, needed: Scope | None) -> Entry:
        """Who asks; `needed` None stands for what is open to all."""
        _check_address(request)
        if needed is None:
            return Entry(NOBODY)
        text = _presented(request)
        if text is None:
            if self._is_open and comes_straight(request):
                return Entry(ANYONE)
            raise _refused("a key is needed: send it as X-API-Key or as Authorization: Bearer", None)
        key = await self._valid(text)
        allowance = self._limits.take(key.key_id)
        if allowance is None:
            return Entry(key.access)
        if allowance.wait_seconds:
            detail = f"a key may send {allowance.quota} requests a minute here (ROWCALL_REQUESTS_PER_MINUTE)"
            raise Problem(429, detail, headers=allowance.headers)
        return Entry(key.access, allowance.headers)

    async def _valid(self, text: str) -> KnownKey:
        """The key. What is wrong with it is told only to those who know its secret."""
        presented = read_key(text)
        if presented is None:
            raise _refused("that is no key of the form rowcall_<id>_<secret>", "invalid_token")
        known = await self._known(presented)
        stored = _NO_HASH if known.key is None else known.key.secret_hash
        if not hmac.compare_digest(stored, presented.secret_hash) or known.key is None:
            raise _refused("this key is not known here, or its secret is another", "invalid_token")
        if known.key.is_revoked or known.is_over(time.monotonic()):
            raise _refused(
                f"this key is {'revoked' if known.key.is_revoked else 'expired'}; `rowcall keys create` makes another",
                "invalid_token",
            )
        self._mark(known.key.key_id)
        return known.key

    # ── looking keys up ───────────────────────────────────────────────────────────────────────────────────────────

    async def _known(self, presented: Key) -> _Remembered:
        """What is known of a key, asked anew every two seconds; who comes meanwhile waits for the same answer."""
        key_id = presented.key_id
        found = self._remembered.get(key_id)
        if found is not None and time.monotonic() - found.looked_at < REMEMBERED_SECONDS:
            return found
        looking = self._looking.get(key_id)
        if looking is None:
            looking = self._looking[key_id] = asyncio.create_task(self._look(key_id))
            looking.add_done_callback(lambda _: self._looking.pop(key_id, None))
        return await asyncio.shield(looking)

    async def _look(self, key_id: str) -> _Remembered:
        before = time.monotonic()
        async with self._database.swift() as session:
            found = _Remembered(await find_key(session, key_id), before)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key_id] = found
        return found

    # ── marking them as used ──────────────────────────────────────────────────────────────────────────────────────

    def _mark(self, key_id: str) -> None:
        """Have it written, with all others of the same second, unless it was within the minute."""
        now = time.monotonic()
        if now - self._marked_at.get(key_id, -MARKED_EVERY_SECONDS) < MARKED_EVERY_SECONDS:
            return
        self._marked_at[key_id] = now
        self._to_mark.add(key_id)
        if self._marking is None:
            self._marking = asyncio.create_task(self._write_marks())

    async def _write_marks(self) -> None:
        try:
            await asyncio.sleep(GATHERED_SECONDS)
            marked, self._to_mark = sorted(self._to_mark), set()
            async with self._database.swift() as session:
                await mark_used(session, marked)
        except StoreUnavailable as fault:  # the next minute marks them again
            log.warning("keys_not_marked", why=str(fault))
        finally:
            self._marking = None


def _check_address(request: Request) -> None:
    """Addresses stand in logs and histories, so a key in one is taken for stolen."""
    if holds_key(request.scope["path"]) or holds_key(request.scope["query_string"].decode("latin-1")):
        raise Problem(
            400,
            "a key must not stand in the address, where logs keep it: revoke it, and send another as X-API-Key",
            "key-in-address",
        )


def _presented(request: Request) -> str | None:
    """The key that was sent; None without one. Raises a 401 for several, and for another way to authenticate."""
    keys = request.headers.getlist("x-api-key")
    for header in request.headers.getlist("authorization"):
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise _refused("the only scheme known here is Authorization: Bearer, with a key", "invalid_request")
        keys.append(token.strip())
    if len(keys) > 1:
        raise _refused("one key is needed, and several were sent", "invalid_request")
    return keys[0] if keys else None


def _refused(detail: str, error: str | None) -> Problem:
    told = 'Bearer realm="rowcall"' + (f', error="{error}"' if error else "")
    return Problem(401, detail, headers={"WWW-Authenticate": told})


def challenge(needed: Scope) -> Mapping[str, str]:
    """The header of a 403 for a key that is valid, and not for this."""
    return {"WWW-Authenticate": f'Bearer realm="rowcall", error="insufficient_scope", scope="{needed}"'}
