"""One herd: so many schedules, all due at one instant; how long until the last is recorded, and what that cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from bench.harness.filling import Batch, fill, tidy, wake_workers
from bench.harness.metering import Meter, Reading
from bench.harness.running import Bench
from bench.harness.server import a_connection, a_database
from bench.harness.statements import Statements, counting_statements
from bench.harness.waiting import at, until
from bench.harness.waits import Waits, seeing_waits
from bench.harness.workers import Worker, running_workers, started_runs

LEAD_SECONDS = 2.5
FILLED_PER_SECOND = 6_000
FORESEEN_PER_SECOND = 800
REST_SECONDS = 0.3
RECORDED = "SELECT count(*) FROM rowcall.schedule_executions WHERE status = 'SUCCEEDED'"
OPEN = "SELECT EXISTS (SELECT FROM rowcall.open_executions)"
UNCOUNTED = "SELECT EXISTS (SELECT FROM rowcall.outcomes)"

HerdOf = Callable[[datetime], Batch]


@dataclass(frozen=True, slots=True)
class Drained:
    """A herd that ran. `seconds` is from the due instant until the last run was recorded; `lateness`, of each run, from
    there until its task began. What was spent includes the counting of the results, which comes later.
    """

    workers: int
    runs: int
    seconds: float
    lateness: Sequence[float]
    spent: Reading
    statements: Statements
    waits: Waits
    shares: Sequence[int]

    @property
    def runs_per_second(self) -> float:
        """Throughput, with the wait for the first and the record of the last in it."""
        return self.runs / self.seconds


async def drain(bench: Bench, workers: int, concurrency: int, herd_of: HerdOf) -> Drained:
    """Run one herd on a database of its own, and see that each schedule ran once.

    Raises RuntimeError where that is not so.
    """
    settings = {"ROWCALL_CONCURRENCY": str(concurrency)}
    async with (
        a_database(bench.server, "herd") as dsn,
        a_connection(dsn) as connection,
        running_workers(bench.server, dsn, workers, settings) as processes,
    ):
        batch = await _prepare(connection, herd_of)
        meter = Meter(bench.server, connection, [worker.pid for worker in processes])
        async with counting_statements(bench.server, connection) as statements:
            await at(batch.run_at.timestamp() - REST_SECONDS)
            before = await meter.read()
            async with seeing_waits(dsn) as waits:
                ended_at = await all_recorded(connection, processes, batch.count)
            await until(lambda: _counted(connection), "the counting of the results")
            spent = await meter.read() - before
        if (recorded := await connection.fetchval(RECORDED)) != batch.count:
            raise RuntimeError(f"{batch.count} schedules were due, and {recorded} runs are recorded")
        due = batch.run_at.timestamp()
        return Drained(
            workers=workers,
            runs=batch.count,
            seconds=ended_at - due,
            lateness=[started - due for worker in processes for started, _ in worker.samples.read()],
            spent=spent,
            statements=statements,
            waits=waits,
            shares=[worker.samples.count for worker in processes],
        )


async def _prepare(connection: asyncpg.Connection[asyncpg.Record], herd_of: HerdOf) -> Batch:
    """Fill in the herd, due in a moment; where the machine was too slow for that moment, again with more time.

    Workers look ahead while they are idle, as beside any herd that was not created a moment before it is due.
    """
    sample = herd_of(datetime.now(UTC))
    looking_ahead = len(sample.expressions) / FORESEEN_PER_SECOND
    lead = LEAD_SECONDS + sample.count / FILLED_PER_SECOND + looking_ahead
    while True:
        batch = herd_of(datetime.now(UTC) + timedelta(seconds=lead))
        await fill(connection, batch)
        await tidy(connection)
        if time.time() < batch.run_at.timestamp() - 2 * REST_SECONDS - 1 - looking_ahead:
            await wake_workers(connection)
            return batch
        await connection.execute("TRUNCATE rowcall.schedules")
        lead *= 2


async def all_recorded(connection: asyncpg.Connection[asyncpg.Record], workers: Sequence[Worker], count: int) -> float:
    """Wait until so many have started, which the workers' notes tell, and then until none is open; when that was."""

    async def recorded() -> bool:
        return started_runs(workers) >= count and not await connection.fetchval(OPEN)

    return await until(recorded, f"the record of {count} runs")


async def _counted(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    return not await connection.fetchval(UNCOUNTED)
