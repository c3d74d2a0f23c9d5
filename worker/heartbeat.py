"""The heartbeat: it renews the lease from a thread, a loop and a connection of its own.

A task that blocks the worker's event loop therefore does not look like a death. The lease is trusted only as long as it
can be proved: from before the request that renewed it was sent, for the lease's length less a margin. Silence is not a
refusal; but when that window closes, what runs is ended before anyone else may take it.

A worker that has nothing in hand beats at a third of the pace, and says so: its row carries the longer lease, so that
it looks dead to nobody. Its first claim brings the quick pace back at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.database import Database
from rowcall.store.leases import Beat, beat

log = structlog.get_logger("rowcall.worker")

MARGIN = 0.25
"""The part of the lease that is not trusted: it must cover the ending of the work."""

LEAVE_SECONDS = 2.0

SHORTEST_PATIENCE_SECONDS = 1.0

IDLE_BEATS = 3
"""A worker with nothing in hand leaves out two of three beats."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the lease is renewed, and for how long each time."""

    interval_seconds: float
    lease_seconds: float

    @property
    def trusted_seconds(self) -> float:
        """For how long after the request for it a lease is trusted."""
        return self.lease_seconds * (1 - MARGIN)

    def slower(self) -> Pace:
        """The pace of a worker with nothing in hand: a beat may come just as late as ever before it counts as dead."""
        interval = IDLE_BEATS * self.interval_seconds
        return Pace(interval, self.lease_seconds + interval - self.interval_seconds)


class Heartbeat:
    """The beats of one worker id, in a thread. Enter it before the first claim, leave it after the last result.

    `leased_since`, a moment of the monotonic clock, is from before the worker was registered: until the first beat is
    answered, that is all that proves the lease. `on_lost` is called at most once, `on_cancel` with the executions whose
    end is requested, and `on_beat` after every beat with whether anything runs in the worker's name: all on the loop
    that entered it. `is_idle` says whether nothing is in hand, and is called in the thread.
    """

    def __init__(
        self,
        dsn: str,
        worker_id: int,
        *,
        pooled: bool | None = None,
        interval_seconds: float,
        lease_seconds: float,
        leased_since: float,
        on_lost: Callable[[str], None],
        on_cancel: Callable[[Sequence[int]], None],
        on_beat: Callable[[bool], None],
        is_idle: Callable[[], bool],
    ) -> None:
        self._dsn = dsn
        self._pooled = pooled
        self._worker_id = worker_id
        self._quick = Pace(interval_seconds, lease_seconds)
        self._is_idle = is_idle
        self._is_slow = False
        self._began_at = time.monotonic()
        self._leased_since = leased_since
        self._on_lost = on_lost
        self._on_cancel = on_cancel
        self._on_beat = on_beat
        self._owner = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poke: asyncio.Event | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._answered = False
        self._thread = threading.Thread(target=self._run, name="rowcall heartbeat", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the beats. A thread that waits for a silent PostgreSQL is left to end by itself."""
        self._stopping.set()
        self.beat_soon()
        await asyncio.to_thread(self._thread.join, LEAVE_SECONDS)

    def beat_soon(self) -> None:
        """Beat at once: a cancellation was requested, and the beat reads it."""
        if self._loop is not None and self._poke is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed: the thread has just ended
                self._loop.call_soon_threadsafe(self._poke.set)

    def quicken(self) -> None:
        """Work has begun: beat at the quick pace from now on, and at once if the pace was slow."""
        self._began_at = time.monotonic()
        if self._is_slow:
            self.beat_soon()

    def _pace(self) -> Pace:
        """The pace from now on. It is called slow before that is decided: so work that begins meanwhile is heard of."""
        self._is_slow = True
        self._is_slow = self._is_idle() and time.monotonic() - self._began_at >= self._quick.interval_seconds
        return self._quick.slower() if self._is_slow else self._quick

    def _run(self) -> None:
        try:
            asyncio.run(self._beat_until_stopped())
        except Exception as fault:  # without a beat nothing may run on
            log.exception("heartbeat_died")
            self._lose(f"the heartbeat failed: {fault}")

    async def _beat_until_stopped(self) -> None:
        self._loop, self._poke = asyncio.get_running_loop(), asyncio.Event()
        leased_for = time.monotonic() - self._leased_since
        self._trust(self._loop.time() - leased_for + self._quick.trusted_seconds)
        while not self._stopping.is_set():
            self._answered = False
            try:
                async with Database.open(
                    self._dsn,
                    pooled=self._pooled,
                    size=1,
                    timeout_seconds=max(1.0, self._quick.lease_seconds),  # the beats cut it off sooner
                    application_name=f"rowcall heartbeat {self._worker_id}",
                    prepared_statements=False,
                ) as database:
                    await self._beat_on(database, self._loop)
            except StoreUnavailable as fault:
                log.warning("heartbeat_unanswered", error=str(fault))
                if not self._answered:  # else only this connection may be gone, and the next one answers
                    await self._pause(min(self._quick.interval_seconds, 1.0))

    async def _beat_on(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.is_set():
            asked_at, pace = loop.time(), self._pace()
            until = asked_at + pace.trusted_seconds
            self._trust_at_most(until)
            heard = await self._beat(database, pace, self._patience(asked_at))
            if heard is None:
                self._lose("its lease had run out")
                return
            self._answered = True
            self._trust(until)
            self._hand_on(heard)
            await self._pause(pace.interval_seconds)

    async def _beat(self, database: Database, pace: Pace, patience_seconds: float) -> Beat | None:
        """Beat, and cut a silent line off: to give a statement up politely takes as long again as it was waited for."""
        cut = asyncio.get_running_loop().call_later(patience_seconds, database.terminate)
        try:
            return await beat(database, self._worker_id, pace.lease_seconds)
        finally:
            cut.cancel()

    def _patience(self, asked_at: float) -> float:
        """For how long this connection is waited for: half of what is left of the trust; the rest is the next's."""
        left = 0.0 if self._expiry is None else self._expiry.when() - asked_at
        return max(SHORTEST_PATIENCE_SECONDS, left / 2)

    def _trust(self, until: float) -> None:
        """The lease is proved until then. A timer of its own ends that trust, whatever call hangs meanwhile."""
        assert self._loop is not None
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = self._loop.call_at(until, self._lose, "it could not be renewed in time")

    def _trust_at_most(self, until: float) -> None:
        """A shorter lease is asked for, and may hold from now on, whether or not that is answered."""
        if self._expiry is not None and self._expiry.when() > until:
            self._trust(until)

    def _lose(self, why: str) -> None:
        """Say that the lease is lost, once, and beat no more: nothing may prolong what was given up."""
        if not self._stopping.is_set():
            self._stopping.set()
            if self._poke is not None:
                self._poke.set()
            self._tell(self._on_lost, why)

    def _hand_on(self, heard: Beat) -> None:
        if heard.to_end:
            self._tell(self._on_cancel, heard.to_end)
        self._tell(self._on_beat, heard.runs)

    async def _pause(self, seconds: float) -> None:
        assert self._poke is not None
        try:
            await asyncio.wait_for(self._poke.wait(), timeout=seconds)
        except TimeoutError:
            return
        self._poke.clear()

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the worker's loop is closed: nobody is left to be told
            self._owner.call_soon_threadsafe(what, *arguments)
