"""A worker in the test's own event loop, with everything about it real but its process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import rowcall
from rowcall.metrics.tallies import Tallies
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.worker import Event, Pulse, serve_worker

QUICK = Settings(
    heartbeat_seconds=0.3, heartbeats_missed=5, poll_interval_seconds=0.5, drain_timeout_seconds=5.0, concurrency=10
)
"""A lease of a second and a half: short enough to wait for, long enough for a machine with much else to do."""

NEVER = 3600.0
"""A poll interval for tests in which something else has to wake the worker."""


def quick_settings(dsn: str, **changed: Any) -> Settings:
    """Settings with a short lease, for this database."""
    return replace(QUICK, database_url=dsn, **changed)


class Served:
    """A worker that serves: what it has told, and how to end it."""

    def __init__(self, database: Database, settings: Settings, apps: Sequence[rowcall.App]) -> None:
        self.events: list[Event] = []
        self._stop, self._abort = asyncio.Event(), asyncio.Event()
        self.pulse = Pulse()
        self.tallies = Tallies()
        self.task = asyncio.create_task(
            serve_worker(
                database,
                settings,
                apps,
                stop=self._stop,
                abort=self._abort,
                events=self.events.append,
                pulse=self.pulse,
                tallies=self.tallies,
            )
        )

    def stop(self) -> None:
        """What the first signal does."""
        self._stop.set()

    def abort(self) -> None:
        """What the second signal does."""
        self._abort.set()

    async def ended(self, within: float = 60.0) -> None:
        """Wait for its end. Raises what ended it, if that was a fault."""
        async with asyncio.timeout(within):
            await self.task


@asynccontextmanager
async def serving(settings: Settings, *apps: rowcall.App) -> AsyncIterator[Served]:
    """Serve these apps until the block ends, with connections of its own; then end at once."""
    assert settings.database_url is not None
    async with Database.open(
        settings.database_url,
        direct_dsn=settings.direct_database_url,
        timeout_seconds=settings.database_timeout_seconds,
    ) as database:
        served = Served(database, settings, apps)
        try:
            yield served
        finally:
            served.stop()
            served.abort()
            await served.ended()
