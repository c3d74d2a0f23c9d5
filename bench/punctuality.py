"""How late a run starts when nothing else is to be done: schedules that fire each second, one, and many spread over it.

Lateness is the start of the task, noted inside the worker, minus the occurrence it was for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.harness.charts import Lines
from bench.harness.figures import milliseconds, number, quantile
from bench.harness.metering import Meter, Reading
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database
from bench.harness.workers import running_workers, started_runs
from bench.streaming import fire_repeatedly, until_firing


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    spread: int = option("schedules spread over each second, in the second part", 500)
    seconds: int = option("how long each part is measured", 60, quick=12)
    settle: int = option("how often each fires before that", 3)


@dataclass(frozen=True, slots=True)
class Found:
    """The lateness of each run, and what it all cost."""

    name: str
    schedules: int
    lateness: Sequence[float]
    spent: Reading

    @property
    def expected(self) -> float:
        """How many runs so much time should have brought."""
        return self.schedules * self.spent.at


async def measure(bench: Bench, plan: Plan) -> Report:
    """One schedule, then many."""
    found = [
        await _fire(bench, "one each second", 1, plan),
        await _fire(bench, f"{plan.spread} spread over each second", plan.spread, plan),
    ]
    rows = [
        [
            each.name,
            f"{len(each.lateness):,}",
            *(milliseconds(quantile(each.lateness, share)) for share in (0.5, 0.9, 0.99, 1)),
            number(100 * each.spent.worker_seconds / each.spent.at) + " %",
            number(100 * each.spent.server_seconds / each.spent.at) + " %",
            number(each.spent.busy_others),
        ]
        for each in found
    ]
    columns = [
        "schedules",
        "runs",
        "lateness p50",
        "p90",
        "p99",
        "max",
        "worker CPU",
        "PostgreSQL CPU",
        "cores used by others",
    ]
    return Report(
        "Punctuality: schedules that fire each second, one worker",
        [Table("Start of the task minus its occurrence", columns, rows)],
        [Lines("Lateness", "% of the runs", "ms", {each.name: _curve(each.lateness) for each in found})],
        {f"{each.name}.p{share}": quantile(each.lateness, share / 100) for each in found for share in (50, 99, 100)},
    )


async def _fire(bench: Bench, name: str, count: int, plan: Plan) -> Found:
    with bench.teller.step(f"punctuality: {name}", total=plan.seconds) as step:
        async with (
            a_database(bench.server, "punctuality") as dsn,
            a_connection(dsn) as connection,
            running_workers(bench.server, dsn, 1) as workers,
        ):
            await fire_repeatedly(connection, count)
            await until_firing(workers, plan.settle * count)
            meter = Meter(bench.server, connection, [worker.pid for worker in workers])
            before, noted = await meter.read(), started_runs(workers)
            while (elapsed := time.time() - before.at) < plan.seconds:
                step.reached(elapsed)
                await asyncio.sleep(0.5)
            spent = await meter.read() - before
            lateness = [started - due for started, due in workers[0].samples.read(noted)]
            return Found(name, count, lateness, spent)


def _curve(lateness: Sequence[float]) -> list[tuple[float, float]]:
    return [(float(share), 1e3 * quantile(lateness, share / 100)) for share in range(1, 101)]


SCENARIO = Scenario("punctuality", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
