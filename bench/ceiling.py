"""The physical limit: pgbench with the row work of a scheduler on bare tables, on the same server as all else."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path

from bench.harness.charts import Bars
from bench.harness.figures import microseconds, number
from bench.harness.metering import Meter, Reading
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database, environment_of, tool

HERE = Path(__file__).parent
ROWS = """
    INSERT INTO ceiling.schedules (next_run_at, name, task_type, cron_expression, input_data)
    SELECT now() - interval '10 years', 'bench-' || n, 'noop', '30 6 * * *', '{"n": 1}'
      FROM generate_series(1, $1::int) AS n
"""
WARM_UP_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    batches: tuple[int, ...] = option("runs per batch", (100, 500, 1000))
    clients: tuple[int, ...] = option("connections at work", (1, 2), quick=(2,))
    schedules: int = option("schedules, all of them due", 100_000, quick=50_000)
    seconds: int = option("how long each is measured", 8, quick=3)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What PostgreSQL reached by itself: runs per second, and what they cost."""

    batch: int
    clients: int
    runs_per_second: float
    spent: Reading

    @property
    def runs(self) -> float:
        """How many that were."""
        return self.runs_per_second * self.spent.at


async def measure(bench: Bench, plan: Plan) -> Report:
    """Every batch with every number of clients."""
    found = [
        await ceiling(bench, batch, clients, plan.schedules, plan.seconds)
        for batch in plan.batches
        for clients in plan.clients
    ]
    rows = [
        [
            str(each.batch),
            str(each.clients),
            number(each.runs_per_second),
            microseconds(each.spent.server_seconds / each.runs),
            number(each.spent.wal_bytes / each.runs),
            number(each.spent.busy_others),
        ]
        for each in found
    ]
    columns = ["batch", "clients", "runs/s", "PostgreSQL CPU/run", "WAL bytes/run", "cores used by others"]
    return Report(
        "Ceiling: PostgreSQL alone",
        [Table("pgbench with bench/ceiling.sql", columns, rows)],
        [Bars("runs/s", [(f"batch {each.batch}, {each.clients} clients", each.runs_per_second) for each in found])],
        {f"runs_per_second.{each.batch}.{each.clients}": each.runs_per_second for each in found},
    )


async def ceiling(bench: Bench, batch: int, clients: int, schedules: int, seconds: int) -> Ceiling:
    """Measure once, in a database of its own."""
    with bench.teller.step(f"ceiling: batches of {batch}, {clients} clients"):
        async with a_database(bench.server, "ceiling", schema=False) as dsn, a_connection(dsn) as connection:
            await connection.execute((HERE / "ceiling_tables.sql").read_text())
            await connection.execute(ROWS, schedules)
            await connection.execute("VACUUM ANALYZE")
            await connection.execute("CHECKPOINT")
            await _pgbench(dsn, batch, clients, WARM_UP_SECONDS)
            meter = Meter(bench.server, connection)
            before = await meter.read()
            batches_per_second = await _pgbench(dsn, batch, clients, seconds)
            return Ceiling(batch, clients, batches_per_second * batch, await meter.read() - before)


async def _pgbench(dsn: str, batch: int, clients: int, seconds: int) -> float:
    """Batches per second, without the time it took to connect. Raises RuntimeError with what pgbench said."""
    process = await asyncio.create_subprocess_exec(
        tool("pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={clients}",
        f"--jobs={clients}",
        f"--time={seconds}",
        f"--file={HERE / 'ceiling.sql'}",
        f"--define=batch={batch}",
        env={**os.environ, **environment_of(dsn)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    found = re.search(rb"^tps = ([0-9.]+)", said, re.MULTILINE)
    if process.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed:\n{(complained or said).decode()}")
    return float(found[1])


SCENARIO = Scenario("ceiling", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
