"""What it costs to wait: one worker, and schedules of which none is due, few and very many.

And what the processes cost that somebody starts with nothing set up, which own their PostgreSQL: `rowcall worker`, and
`rowcall serve`, with the API in it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.harness.children import check_alive, end, environment_for, start
from bench.harness.figures import mebibytes, number, ratio
from bench.harness.filling import fill, not_due, tidy
from bench.harness.metering import Meter, Reading
from bench.harness.processes import fine_cpu_seconds, resident_bytes
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database
from bench.harness.statements import Statements, counting_statements
from bench.harness.waiting import until
from bench.harness.workers import running_workers
from rowcall.embedded import running_server

OWNERS = ("worker", "serve")


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
    owners = [await _own(bench, command, plan) for command in OWNERS]
    return Report(
        "Idle: one worker, nothing due",
        [
            Table("What waiting costs", columns, rows, [f"Statements in {plan.seconds} s: {who}."]),
            Table(
                "What it costs a process that owns its PostgreSQL, which is not counted",
                ["process", "CPU", "memory"],
                [[each.command, number(100 * each.share) + " %", mebibytes(each.resident)] for each in owners],
            ),
        ],
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


@dataclass(frozen=True, slots=True)
class Owner:
    """What a process used of one core that owns its PostgreSQL and waits."""

    command: str
    share: float
    resident: int


async def _own(bench: Bench, command: str, plan: Plan) -> Owner:
    folder = _own_folder(bench)
    environment = environment_for(None, {"ROWCALL_DATA_DIR": str(folder / "data"), "ROWCALL_PORT": "0"})
    with bench.teller.step(f"idle: rowcall {command} with a PostgreSQL of its own", total=plan.seconds) as step:
        process = start(
            [sys.executable, "-m", "rowcall", command, "--app", "bench.app:app"], environment, folder / "log"
        )
        try:

            async def serves() -> bool:
                check_alive(process, folder / "log")
                return await running_server(folder / "data") is not None

            await until(serves, f"the start of rowcall {command}", within=60, look=0.2)
            await asyncio.sleep(plan.settle)
            began, before = time.monotonic(), fine_cpu_seconds(process.pid)
            while (elapsed := time.monotonic() - began) < plan.seconds:
                step.reached(elapsed)
                await asyncio.sleep(0.5)
            spent = fine_cpu_seconds(process.pid) - before
            return Owner(f"rowcall {command}", spent / elapsed, resident_bytes(process.pid))
        finally:
            await asyncio.to_thread(end, [process])


def _own_folder(bench: Bench) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="own-", dir=bench.server.folder.parent))
    folder.chmod(0o711)  # the server may have an account of its own, which passes through
    return folder


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
