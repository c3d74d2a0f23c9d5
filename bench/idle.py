"""What it costs to wait: one worker, and schedules of which none is due, few and very many."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.harness.figures import mebibytes, number, ratio
from bench.harness.filling import fill, not_due, tidy
from bench.harness.metering import Meter, Reading
from bench.harness.processes import resident_bytes
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database
from bench.harness.statements import Statements, counting_statements
from bench.harness.workers import running_workers


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    schedules: tuple[int, ...] = option("schedules that are not due", (1_000, 1_000_000), quick=(1_000, 50_000))
    seconds: int = option("how long each is measured: the sweep comes every 30", 62, quick=10)
    settle: int = option("seconds from its start until then", 8, quick=3)


@dataclass(frozen=True, slots=True)
class Found:
    """What waiting cost beside so many schedules."""

    schedules: int
    spent: Reading
    resident: int
    statements: Statements

    @property
    def statements_per_second(self) -> float:
        """All that the worker sent."""
        return self.statements.total / self.spent.at

    @property
    def worker_share(self) -> float:
        """The part of one core that the worker used."""
        return self.spent.worker_seconds / self.spent.at


async def measure(bench: Bench, plan: Plan) -> Report:
    """Wait beside each number of schedules."""
    found = [await _wait(bench, count, plan) for count in plan.schedules]
    least = found[0]
    rows = [
        [
            f"{each.schedules:,}",
            number(each.statements_per_second),
            number(100 * each.worker_share) + " %",
            number(100 * each.spent.server_seconds / each.spent.at) + " %",
            mebibytes(each.resident),
            ratio(each.resident, least.resident),
            number(each.spent.transactions / each.spent.at),
            number(each.spent.busy_others),
        ]
        for each in found
    ]
    columns = [
        "schedules", "statements/s", "worker CPU", "PostgreSQL CPU", "worker memory", "of the first", "commits/s",
        "cores used by others",
    ]  # fmt: skip
    who = "; ".join(
        f"{each.schedules:,}: " + ", ".join(f"{name} {count}" for name, count in each.statements.by_name.most_common())
        for each in found
    )
    return Report(
        "Idle: one worker, nothing due",
        [Table("What waiting costs", columns, rows, [f"Statements in {plan.seconds} s: {who}."])],
        figures={
            f"{what}.{each.schedules}": value
            for each in found
            for what, value in (
                ("statements_per_second", each.statements_per_second),
                ("worker_cpu_share", each.worker_share),
                ("resident_bytes", float(each.resident)),
            )
        },
    )


async def _wait(bench: Bench, count: int, plan: Plan) -> Found:
    async with a_database(bench.server, "idle") as dsn, a_connection(dsn) as connection:
        with bench.teller.step(f"idle: filling in {count:,} schedules"):
            await fill(connection, not_due(count, datetime.now(UTC)))
            await tidy(connection)
        with bench.teller.step(f"idle: waiting beside {count:,} schedules", total=plan.seconds) as step:
            async with running_workers(bench.server, dsn, 1) as workers:
                await asyncio.sleep(plan.settle)
                meter = Meter(bench.server, connection, [worker.pid for worker in workers], fine=True)
                async with counting_statements(bench.server, connection) as statements:
                    before = await meter.read()
                    while (elapsed := time.time() - before.at) < plan.seconds:
                        step.reached(elapsed)
                        await asyncio.sleep(0.5)
                    spent = await meter.read() - before
                return Found(count, spent, resident_bytes(workers[0].pid), statements)


SCENARIO = Scenario("idle", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
