"""Whether a long history makes anything slower, and whether dropping a day of it disturbs what runs meanwhile.

Reading and claiming are timed beside a long history and beside a short one, one of each in turn. Then the oldest day
is taken away by the statements of retention: detached concurrently, summed up, and dropped, while a worker runs
schedules that fire each second: once with nobody in the way, once while a reader holds the ledger open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from bench.harness.figures import milliseconds, number, quantile, ratio
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, Size, option
from bench.harness.server import a_connection
from bench.harness.workers import Worker
from bench.ledger import fill_history
from bench.operations import CLAIMS, Operations, a_populated_database
from bench.streaming import streaming
from rowcall.store.executions import ExecutionFilter, find_execution, list_executions
from rowcall.store.retention import DETACH, DROP
from rowcall.store.sessions import sql

SCHEDULES = 1_000
READER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    rows: int = option("executions in the long history", 1_000_000, quick=60_000, long=20_000_000)
    short: int = option("executions in the short one", 10_000, quick=3_000)
    days: int = option("days of each, and so partitions", 30, quick=5)
    first_day: int = option("executions of the day that is dropped", 200_000, quick=20_000, long=1_000_000)
    rounds: int = option("how often each is timed", 100, quick=20, long=300)
    runs_per_second: int = option("runs going on while days are dropped", 200, quick=50)


@dataclass(frozen=True, slots=True)
class Kept:
    """A database with a history, and the partitions of it, the oldest first."""

    operations: Operations
    partitions: list[str]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A day taken away: how long its steps took, and how late runs were meanwhile."""

    name: str
    detach_seconds: float
    sum_up_seconds: float
    drop_seconds: float
    lateness: Sequence[float]


async def measure(bench: Bench, plan: Plan) -> Report:
    """Read and claim beside both, then drop days of the long one."""
    async with AsyncExitStack() as stack:
        short = await stack.enter_async_context(_kept(bench, plan.short, plan.days, plan.short // plan.days))
        long = await stack.enter_async_context(_kept(bench, plan.rows, plan.days, plan.first_day))
        spans = await _compare(bench, plan, short.operations, long.operations)
        dropped = await _drop_two(bench, plan, long)
    return Report(
        f"History: {plan.rows:,} executions in {plan.days} days",
        [_comparison(plan, *spans), _dropping(plan, dropped)],
        figures={
            **{f"p50_ratio.{name}": quantile(spans[1][name], 0.5) / quantile(spans[0][name], 0.5) for name in spans[0]},
            **{f"drop_seconds.{each.name}": each.detach_seconds + each.drop_seconds for each in dropped},
        },
    )


@asynccontextmanager
async def _kept(bench: Bench, rows: int, days: int, first_day: int) -> AsyncIterator[Kept]:
    async with a_populated_database(bench.server, SCHEDULES) as operations:
        per_day = (rows - first_day) // (days - 1)
        with bench.teller.step(f"history: {rows:,} executions in {days} days", total=days) as step:
            names = await fill_history(operations.dsn, SCHEDULES, days, per_day, first_day, step.reached)
            async with a_connection(operations.dsn) as connection:
                await connection.execute("CHECKPOINT")
        yield Kept(operations, names)


# ── reading and claiming ──────────────────────────────────────────────────────────────────────────────────────────────


async def _compare(bench: Bench, plan: Plan, *both: Operations) -> list[dict[str, list[float]]]:
    spans: list[dict[str, list[float]]] = [{} for _ in both]
    with bench.teller.step("history: reading", total=plan.rounds) as step:
        for turn in range(plan.rounds + 1):
            step.reached(turn)
            for operations, found in zip(both, spans, strict=True):
                timed = await _read(operations, 1 + turn % SCHEDULES)
                if turn < CLAIMS:
                    timed["claim of 25"] = (await operations.claim())[0]
                if turn:
                    for name, span in timed.items():
                        found.setdefault(name, []).append(span)
    return spans


async def _read(operations: Operations, schedule_id: int) -> dict[str, float]:
    database = operations.database
    then = datetime.now(UTC) - timedelta(days=3)
    page = await list_executions(database, ExecutionFilter(schedule_id=schedule_id), None, 1)
    return {
        "newest 100": await _timed(lambda: list_executions(database, ExecutionFilter(), None, 100)),
        "newest 100 of a client": await _timed(
            lambda: list_executions(database, ExecutionFilter(client_id="default"), None, 100)
        ),
        "newest 100 that failed": await _timed(
            lambda: list_executions(database, ExecutionFilter(statuses=["FAILED"]), None, 100)
        ),
        "newest 10 of a schedule": await _timed(
            lambda: list_executions(database, ExecutionFilter(schedule_id=schedule_id), None, 10)
        ),
        "100 of a day": await _timed(
            lambda: list_executions(database, ExecutionFilter(since=then, until=then + timedelta(days=1)), None, 100)
        ),
        "one by its id": await _timed(lambda: find_execution(database, page[0]["execution_id"])),
    }


async def _timed(operation: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await operation()
    return time.perf_counter() - began


def _comparison(plan: Plan, short: dict[str, list[float]], long: dict[str, list[float]]) -> Table:
    columns = ["operation", f"p50 of {plan.short:,}", f"p50 of {plan.rows:,}", "times", "p99", "p99", "times"]
    rows = [
        [
            name,
            *(milliseconds(quantile(spans[name], 0.5)) for spans in (short, long)),
            ratio(quantile(long[name], 0.5), quantile(short[name], 0.5)),
            *(milliseconds(quantile(spans[name], 0.99)) for spans in (short, long)),
            ratio(quantile(long[name], 0.99), quantile(short[name], 0.99)),
        ]
        for name in short
    ]
    return Table(f"Beside {plan.short:,} and beside {plan.rows:,} executions", columns, rows)


# ── dropping days ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _drop_two(bench: Bench, plan: Plan, kept: Kept) -> list[Dropped]:
    dsn = kept.operations.dsn
    with bench.teller.step("history: dropping days"):
        async with streaming(bench, dsn, plan.runs_per_second) as workers, a_connection(dsn) as connection:
            quiet = await _drop(connection, workers, f"{plan.first_day:,} executions", kept.partitions[0])
            executions = (plan.rows - plan.first_day) // (plan.days - 1)
            per_day = f"{executions:,} executions, a reader in the way for {READER_SECONDS:.0f} s"
            async with _a_reader(dsn):
                return [quiet, await _drop(connection, workers, per_day, kept.partitions[1])]


async def _drop(
    connection: asyncpg.Connection[asyncpg.Record], workers: Sequence[Worker], name: str, partition: str
) -> Dropped:
    noted = [worker.samples.count for worker in workers]
    detached = await _timed(lambda: connection.execute(DETACH.format(name=partition)))
    async with connection.transaction():
        summed = await _timed(lambda: connection.fetchval(sql("sum_up_day"), partition))
        dropped = await _timed(lambda: connection.execute(DROP.format(name=partition)))
    await asyncio.sleep(READER_SECONDS)  # what it held up has started by then
    lateness = [
        started - due
        for worker, since in zip(workers, noted, strict=True)
        for started, due in worker.samples.read(since)
    ]
    return Dropped(name, detached, summed, dropped, lateness)


@asynccontextmanager
async def _a_reader(dsn: str) -> AsyncIterator[None]:
    """Somebody who has read from the ledger and ends the transaction a second later."""
    async with a_connection(dsn) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetchval("SELECT count(*) FROM (SELECT FROM rowcall.schedule_executions LIMIT 10) AS few")

        async def leave() -> None:
            await asyncio.sleep(READER_SECONDS)
            await transaction.rollback()

        leaving = asyncio.create_task(leave())
        yield
        await leaving


def _dropping(plan: Plan, dropped: Sequence[Dropped]) -> Table:
    columns = ["day dropped", "detach", "sum up", "drop", "runs meanwhile", "lateness p50", "max"]
    rows = [
        [
            each.name,
            milliseconds(each.detach_seconds),
            milliseconds(each.sum_up_seconds),
            milliseconds(each.drop_seconds),
            number(len(each.lateness)),
            milliseconds(quantile(each.lateness, 0.5)),
            milliseconds(quantile(each.lateness, 1)),
        ]
        for each in dropped
    ]
    return Table(f"While {plan.runs_per_second:,} runs a second go on", columns, rows)


SCENARIO = Scenario("history", Plan, measure, (Size.QUICK, Size.FULL, Size.LONG))

if __name__ == "__main__":
    SCENARIO.main()
