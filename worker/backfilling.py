"""The duty of feeding backfills: soon after one is asked for, after each of its runs, and as their rates allow.

While none goes on it sleeps until it is woken, by a notification or by the sweep that found one.

A worker feeds only while it has a free slot, and looks for work right after: what it queues starts at once, and needs
no notification. A worker without room leaves it to the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.database import Database
from rowcall.store.feeding import feed
from rowcall.store.finishing import Result

from .holdings import Holdings

log = structlog.get_logger("rowcall.worker")

FLOOR_SECONDS = 0.02
"""Between two feedings: runs that end one right after the other are answered together."""

IDLE_FLOOR_SECONDS = 0.25
"""The same while none goes on: of the many notifications of a busy database hardly one is about a backfill."""

LONGEST_SECONDS = 1.0
"""While a backfill goes on: its runs may end elsewhere, where nobody tells of it."""


class Feeder:
    """One worker's share in all backfills. `on_fed` is called when executions were queued."""

    def __init__(self, database: Database, routes: Sequence[str], holdings: Holdings) -> None:
        self._database = database
        self._routes = routes
        self._holdings = holdings
        self._news = asyncio.Event()
        self._schedule_ids: Collection[int] = frozenset()
        self.on_fed: Callable[[], None] = lambda: None

    def wake(self) -> None:
        """Feed as soon as possible: there may be a new backfill."""
        self._news.set()

    def hear(self, ended: Sequence[Result]) -> None:
        """Feed when an execution has ended that may have been a backfill's."""
        if self._schedule_ids and any(result.claim.schedule_id in self._schedule_ids for result in ended):
            self._news.set()

    async def run(self, ending: asyncio.Event) -> None:
        """Feed again and again until `ending` is set, or until cancelled."""
        while not ending.is_set():
            self._news.clear()  # before feeding: what is said meanwhile is not lost
            pause = await self.feed_once()
            await asyncio.sleep(IDLE_FLOOR_SECONDS if pause is None else FLOOR_SECONDS)
            await self._sleep(pause)

    async def feed_once(self) -> float | None:
        """Feed, if PostgreSQL lets; in how many seconds to do so again, None where nothing is to be fed."""
        if self._holdings.free <= 0:
            return LONGEST_SECONDS
        try:
            fed = await feed(self._database, self._routes)
        except StoreUnavailable as fault:
            log.warning("backfills_not_fed", error=str(fault))
            return LONGEST_SECONDS
        self._schedule_ids = fed.schedule_ids
        if fed.enqueued:
            self.on_fed()
        if not fed.schedule_ids:
            return None
        return LONGEST_SECONDS if fed.due_in_seconds is None else min(LONGEST_SECONDS, fed.due_in_seconds)

    async def _sleep(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), timeout=seconds)
        except TimeoutError:
            return
