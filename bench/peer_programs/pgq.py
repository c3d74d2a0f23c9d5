"""pgqueuer: one-off jobs with the same run-at; its log table is its history."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# The library is installed in the peers' own environment only.

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from typing import Any

import asyncpg
import uvloop

from bench.peer_programs import common

BATCH = 1000
POOL = 5
CHUNK = 5_000


def fill(count: int, due: datetime) -> None:
    """Install the schema, and enqueue."""
    uvloop.run(_fill(count, due))


async def _fill(count: int, due: datetime) -> None:
    from pgqueuer import AsyncpgDriver, Queries

    connection = await asyncpg.connect(common.dsn())
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        wait = due - datetime.now(UTC)
        await queries.enqueue(["noop"] * size, [b"{}"] * size, [0] * size, [wait] * size)
    await connection.close()


def work() -> None:
    """Run them until told to stop."""
    uvloop.run(_work())


async def _work() -> None:
    from pgqueuer import PgQueuer

    notes = common.samples()
    async with asyncpg.create_pool(common.dsn(), min_size=POOL, max_size=POOL) as pool:
        queuer: Any = PgQueuer.from_asyncpg_pool(pool)

        @queuer.entrypoint("noop")
        async def noop(_job: Any) -> None:
            notes.note(0.0)

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queuer.shutdown.set)
        common.say_ready()
        await queuer.run(batch_size=BATCH)


if __name__ == "__main__":
    common.main(fill, work)
