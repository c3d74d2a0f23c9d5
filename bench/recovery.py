"""A worker is killed (SIGKILL) with its hands full: how long it takes until other replicas run all of it again."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from bench.harness.figures import number, quantile
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, Size, option
from bench.harness.server import a_connection, a_database
from bench.harness.waiting import until
from bench.harness.workers import Worker, running_workers

HEARTBEATS_MISSED = 4
OTHERS = 2
OPEN = "SELECT EXISTS (SELECT FROM rowcall.open_executions)"
INSERT = """
    INSERT INTO rowcall.schedules (task_type, schedule_type, scheduled_time)
    SELECT 'hold', 'one_time', now() FROM generate_series(1, $1::int)
"""
FOUND = """
    SELECT e.status, e.attempt, extract(epoch FROM e.executed_at - $1::timestamptz)::float8 AS since_killed
      FROM rowcall.schedule_executions AS e
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    runs: int = option("executions that the killed worker runs", 100)
    rounds: int = option("how often one is killed, each time at another moment of the sweep", 6, quick=2, long=4)
    heartbeat_seconds: float = option("between two beats; the lease is four of them", 0.5, long=5.0)
    sweep_seconds: float = option("between two sweeps", 2.0, long=30.0)

    @property
    def lease_seconds(self) -> float:
        """How long a worker may be silent."""
        return self.heartbeat_seconds * HEARTBEATS_MISSED

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment of the workers."""
        return {
            "ROWCALL_CONCURRENCY": str(self.runs),
            "ROWCALL_HEARTBEAT_SECONDS": str(self.heartbeat_seconds),
            "ROWCALL_HEARTBEATS_MISSED": str(HEARTBEATS_MISSED),
            "ROWCALL_POLL_INTERVAL_SECONDS": str(self.sweep_seconds),
        }


@dataclass(frozen=True, slots=True)
class Recovered:
    """One round: for each execution, the seconds from the kill until it ran again; and those that never did."""

    after: Sequence[float]
    lost: int


async def measure(bench: Bench, plan: Plan) -> Report:
    """Kill a worker again and again, and tell how long its executions stood still."""
    found = []
    for each in range(plan.rounds):
        with bench.teller.step(f"recovery: kill {each + 1} of {plan.rounds}"):
            found.append(await _kill_one(bench, plan))
    every = [seconds for each in found for seconds in each.after]
    rows = [_row(str(number_of), [each]) for number_of, each in enumerate(found, start=1)]
    rows.append(_row("all", found))
    limits = f"Lease {plan.lease_seconds:g} s, sweep {plan.sweep_seconds:g} s (give or take a tenth)"
    return Report(
        f"Recovery: a worker killed while it runs {plan.runs:,}",
        [
            Table(
                "From the kill until the next attempt began",
                ["kill", "executions", "min", "p50", "p95", "max", "lost"],
                rows,
                [
                    f"{limits}: together {plan.lease_seconds + plan.sweep_seconds:g} s, and {OTHERS} replicas left.",
                    "The lease counts from the last beat, which came before the kill.",
                ],
            )
        ],
        figures={
            "min_seconds": min(every),
            "p50_seconds": quantile(every, 0.5),
            "p95_seconds": quantile(every, 0.95),
            "max_seconds": max(every),
            "lease_seconds": plan.lease_seconds,
            "sweep_seconds": plan.sweep_seconds,
            "lost": float(sum(each.lost for each in found)),
        },
    )


def _row(name: str, found: Sequence[Recovered]) -> list[str]:
    after = [seconds for each in found for seconds in each.after]
    told = [f"{number(quantile(after, share))} s" for share in (0.0, 0.5, 0.95, 1.0)]
    return [name, f"{len(after):,}", *told, str(sum(each.lost for each in found))]


async def _kill_one(bench: Bench, plan: Plan) -> Recovered:
    async with (
        a_database(bench.server, "recovery") as dsn,
        a_connection(dsn) as connection,
        running_workers(bench.server, dsn, 1, plan.settings) as [doomed],
    ):
        await connection.execute(INSERT, plan.runs)
        await _until_started(doomed, plan.runs)
        async with running_workers(bench.server, dsn, OTHERS, plan.settings):
            await asyncio.sleep(random.uniform(0, plan.sweep_seconds))  # their sweeps began when they did
            return await _kill(connection, doomed, plan)


async def _until_started(worker: Worker, runs: int) -> None:
    async def started() -> bool:
        return worker.samples.count >= runs

    await until(started, f"the start of {runs} executions")


async def _kill(connection: asyncpg.Connection[asyncpg.Record], doomed: Worker, plan: Plan) -> Recovered:
    """Kill it and wait until nothing is open. Raises RuntimeError where an execution was not tried exactly again."""
    killed_at = await connection.fetchval("SELECT clock_timestamp()")
    doomed.process.send_signal(signal.SIGKILL)

    async def all_ended() -> bool:
        return not await connection.fetchval(OPEN)

    await until(all_ended, "the recovery", within=60 + 3 * (plan.lease_seconds + plan.sweep_seconds))
    rows = await connection.fetch(FOUND, killed_at)
    if len(rows) != plan.runs:
        raise RuntimeError(f"{plan.runs} executions ran, and the ledger has {len(rows)}")
    again = [row["since_killed"] for row in rows if (row["status"], row["attempt"]) == ("SUCCEEDED", 2)]
    return Recovered(again, lost=len(rows) - len(again))


SCENARIO = Scenario("recovery", Plan, measure, sizes=(Size.QUICK, Size.FULL, Size.LONG))

if __name__ == "__main__":
    SCENARIO.main()
