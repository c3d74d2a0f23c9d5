"""Foresight: what comes after the occurrences that are due soon is worked out while there is nothing else to do.

A claim asks the rule of each schedule for the moment after this one. Asking croniter takes a few hundred microseconds,
and a herd of ten thousand different rules would wait for seconds in the middle of its claims. The answers are
remembered (`domain.occurrences`), so it is enough to have asked once, ahead of time. Nothing rests on it: what was not
foreseen is asked then.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.domain.straight import foresee
from rowcall.store.database import Database

from .holdings import Holdings

log = structlog.get_logger("rowcall.worker")

FIRST_OF_A_LANE = 20_000
SETTLING_SECONDS = 1.0
"""After news of schedules: a thousand that are created one by one are looked at together."""

SLICE_SECONDS = 0.002
"""What is due meanwhile waits no longer than this."""


class Foresight:
    """One worker's look ahead, by twice its poll interval: two sweeps see each rule before it is due."""

    def __init__(self, database: Database, routes: Sequence[str], holdings: Holdings, poll_seconds: float) -> None:
        self._database = database
        self._routes = routes
        self._holdings = holdings
        self._poll_seconds = poll_seconds
        self._news = asyncio.Event()
        self._due_at = 0.0

    def hear(self, due_in_seconds: float | None) -> None:
        """What the worker's loop has seen: when something is due next; None where nothing is planned."""
        self._due_at = math.inf if due_in_seconds is None else time.monotonic() + due_in_seconds

    def wake(self) -> None:
        """Look ahead soon: there may be new schedules."""
        self._due_at = 0.0
        self._news.set()

    async def run(self) -> None:
        """Look ahead every poll interval, and after news, until cancelled."""
        while True:
            await asyncio.sleep(SETTLING_SECONDS)
            self._news.clear()
            try:
                if self._due_at - time.monotonic() <= 2 * self._poll_seconds:
                    await self.look_ahead()
            except StoreUnavailable as fault:
                log.debug("nothing_foreseen", error=str(fault))
            try:
                await asyncio.wait_for(self._news.wait(), timeout=self._poll_seconds)
            except TimeoutError:
                continue

    async def look_ahead(self) -> None:
        """Ask the rules that are due soon for what comes next, in slices, as long as there is no work in hand."""
        rows = await self._database.fetch("upcoming_rules", self._routes, 2 * self._poll_seconds, FIRST_OF_A_LANE)
        slice_ends = time.monotonic() + SLICE_SECONDS
        for row in rows:
            if self._holdings.any:
                return
            foresee(row["cron_expression"], row["timezone"], row["next_occurrence_at"])
            if time.monotonic() >= slice_ends:
                await asyncio.sleep(SLICE_SECONDS)
                slice_ends = time.monotonic() + SLICE_SECONDS
