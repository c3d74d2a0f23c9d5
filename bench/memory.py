"""Whether a worker grows while it works: its resident memory after more and more runs, and never timed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.harness.charts import Lines
from bench.harness.figures import mebibytes, number, ratio
from bench.harness.processes import resident_bytes
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database
from bench.harness.waiting import until
from bench.harness.workers import Worker, running_workers, started_runs
from bench.streaming import fire_repeatedly


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    schedules: int = option("schedules that fire each second", 500)
    runs: int = option("runs between two readings", 5_000, quick=2_000)
    readings: int = option("readings after runs", 4, quick=3)


async def measure(bench: Bench, plan: Plan) -> Report:
    """Let one worker run on, and read its memory now and then."""
    found: list[tuple[int, int]] = []
    with bench.teller.step("memory: a worker that works", total=plan.readings) as step:
        async with (
            a_database(bench.server, "memory") as dsn,
            a_connection(dsn) as connection,
            running_workers(bench.server, dsn, 1) as workers,
        ):
            found.append((0, resident_bytes(workers[0].pid)))
            await fire_repeatedly(connection, plan.schedules)
            for reading in range(plan.readings):
                await _until_runs(workers, (reading + 1) * plan.runs)
                found.append((started_runs(workers), resident_bytes(workers[0].pid)))
                step.reached(reading + 1)
    warm_runs, warm = found[1]
    rows = [[f"{runs:,}", mebibytes(size), ratio(size, warm)] for runs, size in found]
    runs, size = found[-1]
    each = (size - warm) / (runs - warm_runs)
    note = f"After the first reading each run left {number(each)} bytes behind."
    return Report(
        f"Memory: one worker, {runs:,} runs",
        [Table("Resident memory of the worker", ["runs", "memory", "of the first reading"], rows, [note])],
        [Lines("Memory", "runs", "MiB", {"": [(float(runs), size / 2**20) for runs, size in found]})],
        {"bytes_per_run": each, "resident_bytes": float(size)},
    )


async def _until_runs(workers: list[Worker], runs: int) -> None:
    async def there() -> bool:
        return started_runs(workers) >= runs

    await until(there, f"{runs:,} runs", within=600)


SCENARIO = Scenario("memory", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
