"""The duty of letting go what waits in schedules that somebody else had locked when it was its turn.

A claim locks a schedule for milliseconds, and a person's open transaction for as long as they like. Nobody is waited
for: it is tried again, ever less often, and no result and no look of this worker is held up meanwhile. Nothing rests on
it: what a worker that ends had still to let go, the sweep of any other does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.database import Database
from rowcall.store.releasing import release_free

log = structlog.get_logger("rowcall.worker")

SHORTEST_SECONDS = 0.02
LONGEST_SECONDS = 1.0


class Releaser:
    """Lets go what waits in busy schedules. `on_released` is called when there may be something new to claim."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._busy: set[int] = set()
        self._news = asyncio.Event()
        self.on_released: Callable[[], None] = lambda: None

    def hear(self, busy: Iterable[int]) -> None:
        """Let go what waits in these schedules as soon as they are free."""
        self._busy.update(busy)
        if self._busy:
            self._news.set()

    async def run(self) -> None:
        """Try again and again, until cancelled."""
        pause = SHORTEST_SECONDS
        while True:
            if not self._busy:
                await self._news.wait()
                pause = SHORTEST_SECONDS
            self._news.clear()
            await asyncio.sleep(pause)
            pause = min(LONGEST_SECONDS, 2 * pause)
            await self._try()

    async def _try(self) -> None:
        asked = list(self._busy)
        try:
            released = await release_free(self._database, asked)
        except StoreUnavailable as fault:
            log.debug("nothing_let_go", error=str(fault))
            return
        self._busy.difference_update(asked)
        self._busy.update(released.busy)
        if released.rows:
            self.on_released()
