"""The text of /metrics. The database is asked at most once in some seconds, however many ask for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from rowcall import __version__
from rowcall.domain.errors import StoreUnavailable
from rowcall.metrics.exposition import exposition
from rowcall.metrics.tallies import Tallies
from rowcall.store.database import Database
from rowcall.store.monitoring import metrics_row, schedule_series
from rowcall.store.sessions import Row

log = structlog.get_logger("rowcall.webapi")

KEPT_SECONDS = 10.0
MOST_SCHEDULES = 1000
"""Above so many schedules there are no series of single ones: Prometheus would drown."""


class Scraping:
    """What was last read from the database, and the tallies of this process, which are always fresh."""

    def __init__(self, database: Database, tallies: Tallies) -> None:
        self._database = database
        self._tallies = tallies
        self._reading = asyncio.Lock()
        self._read_at: float | None = None
        self._standing: Row | None = None
        self._schedules: Sequence[Row] | None = None

    async def text(self) -> bytes:
        """What Prometheus reads. Without the database it is what this process knows by itself."""
        async with self._reading:
            if self._read_at is None or time.monotonic() - self._read_at > KEPT_SECONDS:
                await self._read()
                self._read_at = time.monotonic()
        return exposition(self._tallies, __version__, self._standing, self._schedules)

    async def _read(self) -> None:
        try:
            self._standing = await metrics_row(self._database)
            found = await schedule_series(self._database, MOST_SCHEDULES + 1)
        except StoreUnavailable as fault:
            log.warning("metrics_without_the_database", error=str(fault))
            self._standing, self._schedules = None, None
            return
        if len(found) > MOST_SCHEDULES and self._schedules is not None:
            log.info("metrics_without_single_schedules", most=MOST_SCHEDULES)
        self._schedules = None if len(found) > MOST_SCHEDULES else found
