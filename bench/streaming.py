"""Runs that go on all the time: schedules that fire each second, spread evenly over it, and workers that run them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg

from bench.harness.running import Bench
from bench.harness.server import a_connection
from bench.harness.waiting import until
from bench.harness.workers import Worker, running_workers, started_runs

EACH_SECOND = """
    INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds, starts_at)
    SELECT 'each-second-' || n, 'noop', 'interval', $3::int,
           $2::timestamptz + n * make_interval(secs => $3::int) / $1::int
      FROM generate_series(0, $1::int - 1) AS n
"""
LEAD = timedelta(seconds=2)
ROUNDS = 3


async def fire_repeatedly(
    connection: asyncpg.Connection[asyncpg.Record], count: int, interval_seconds: int = 1
) -> None:
    """Create schedules that fire every so many seconds, from two seconds on, evenly apart from each other."""
    beginning = datetime.now(UTC).replace(microsecond=0) + LEAD
    await connection.execute(EACH_SECOND, count, beginning, interval_seconds)


async def until_firing(workers: Sequence[Worker], runs: int) -> None:
    """Wait until so many runs have started: then all is prepared and warm."""

    async def firing() -> bool:
        return started_runs(workers) >= runs

    await until(firing, "the first runs")


@asynccontextmanager
async def streaming(bench: Bench, dsn: str, runs_per_second: int, workers: int = 1) -> AsyncIterator[list[Worker]]:
    """So many runs a second in a database, as long as the block lasts."""
    async with running_workers(bench.server, dsn, workers) as running, a_connection(dsn) as connection:
        await fire_repeatedly(connection, runs_per_second)
        await until_firing(running, ROUNDS * runs_per_second)
        yield running
