"""What sessions wait for, seen by looking again and again: locks of rows and tables, latches, the disk."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

LOOK_SECONDS = 0.05
WAITING = """
    SELECT coalesce(wait_event_type, 'running') AS what, count(*) AS sessions
      FROM pg_stat_activity
     WHERE application_name LIKE 'rowcall%' AND datname = current_database() AND state = 'active'
     GROUP BY 1
"""


@dataclass(slots=True)
class Waits:
    """How many looks there were, and in all of them together how many sessions waited for what."""

    looks: int = 0
    sessions: Counter[str] = field(default_factory=Counter)

    def of(self, what: str) -> float:
        """How many sessions waited for this, on average."""
        return self.sessions[what] / self.looks if self.looks else 0.0


@asynccontextmanager
async def seeing_waits(dsn: str) -> AsyncIterator[Waits]:
    """Look while the block runs."""
    waits = Waits()
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "bench"})
    looking = asyncio.create_task(_look(connection, waits))
    try:
        yield waits
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        connection.terminate()


async def _look(connection: asyncpg.Connection[asyncpg.Record], waits: Waits) -> None:
    while True:
        for row in await connection.fetch(WAITING):
            waits.sessions[row["what"]] += row["sessions"]
        waits.looks += 1
        await asyncio.sleep(LOOK_SECONDS)
