"""What a held snapshot does: one transaction stays open for minutes, so that nothing dead can be cleaned away.

A pg_dump does that, or an analyst's query. Meanwhile schedules fire and fire again, and each advance leaves a dead
entry in the index that claims read. Watched from the server's own log: how long claims take, minute by minute. Two
loads of the same throughput: very many schedules that fire now and then, and few that fire each second, which is the
hard case, because every look meets what all the looks before it left behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from bench.harness.charts import Lines
from bench.harness.clocks import Clocks
from bench.harness.figures import milliseconds, number, quantile, ratio
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, Size, option
from bench.harness.server import a_connection, a_database
from bench.harness.statements import Timings, timing_statements
from bench.harness.workers import Worker, running_workers
from bench.streaming import fire_repeatedly, until_firing

MOST = 6
CLAIMS = ("peek", "claim_due")
DEAD = """
    SELECT n_dead_tup AS dead, pg_relation_size('rowcall.schedules_due') AS index_bytes
      FROM pg_stat_user_tables WHERE relid = 'rowcall.schedules'::regclass
"""


SEEING_ALL = "ROWCALL_LOOK_BACK_SECONDS=1000000000"
"""Every look begins at the beginning: what protects claims is off."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    many: int = option("schedules of the easy case", 10_000)
    every: int = option("seconds between two firings of each of those", 20)
    few: int = option("schedules of the hard case, which fire each second; 0 leaves it out", 500)
    seconds: int = option("how long the snapshot is held, in each case", 600)
    windows: int = option("parts of that time that are told apart", 10)
    free: int = option("1: the hard case once more, with no snapshot held", 1)
    unprotected: str = option("NAME=VALUE, a worker's setting: the hard case once more, held, with that", SEEING_ALL)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the time: what claims took in it, and what became of the runs."""

    ended_after: float
    seconds: float
    statements: dict[str, list[float]]
    lateness: Sequence[float]
    dead: int
    index_bytes: int
    leapt: float

    def claim(self, share: float) -> float:
        """A quantile of what a look and a claim took on the server."""
        return sum(quantile(self.statements.get(name, []), share) for name in CLAIMS)

    @property
    def runs_per_second(self) -> float:
        """How many runs started."""
        return len(self.lateness) / self.seconds

    @property
    def server_seconds(self) -> float:
        """What all statements together took of a second."""
        return sum(sum(spans) for spans in self.statements.values()) / self.seconds


@dataclass(frozen=True, slots=True)
class Watched:
    """One case, from its beginning to its end."""

    name: str
    windows: Sequence[Window]

    @property
    def growth(self) -> float:
        """How many times the first window's claim p99 the last one's is."""
        return self.windows[-1].claim(0.99) / self.windows[0].claim(0.99)


async def measure(bench: Bench, plan: Plan) -> Report:
    """Both cases with a snapshot held; and the hard one without a snapshot, and without protection."""
    easy = f"{plan.many:,} schedules, each every {plan.every} s"
    hard = f"{plan.few:,} schedules, each every second"
    watched = [await _watch(bench, plan, f"{easy}, snapshot held", plan.many, plan.every)]
    if plan.few:
        watched.append(await _watch(bench, plan, f"{hard}, snapshot held", plan.few, 1))
    if plan.few and plan.free:
        watched.append(await _watch(bench, plan, f"{hard}, none held", plan.few, 1, held=False))
    if plan.few and plan.unprotected:
        watched.append(await _watch(bench, plan, f"{hard}, held, {plan.unprotected}", plan.few, 1, plan.unprotected))
    series = {each.name: [(part.ended_after, 1e3 * part.claim(0.99)) for part in each.windows] for each in watched}
    return Report(
        f"Horizon: a snapshot held for {plan.seconds} s",
        [_summary(watched), *(_course(each) for each in watched), *(_work(each) for each in watched)],
        [Lines("Look and claim on the server, p99", "seconds", "ms", series)],
        {
            **{f"claim_p99_growth.{each.name}": each.growth for each in watched},
            **{f"runs_per_second_at_last.{each.name}": each.windows[-1].runs_per_second for each in watched},
        },
    )


async def _watch(
    bench: Bench, plan: Plan, name: str, schedules: int, every: int, setting: str = "", *, held: bool = True
) -> Watched:
    with bench.teller.step(f"horizon: {name}", total=plan.windows) as step:
        async with AsyncExitStack() as stack:
            dsn = await stack.enter_async_context(a_database(bench.server, "horizon"))
            connection = await stack.enter_async_context(a_connection(dsn))
            workers = await stack.enter_async_context(running_workers(bench.server, dsn, 1, _settings(setting)))
            timings = await stack.enter_async_context(timing_statements(bench.server, connection))
            await fire_repeatedly(connection, schedules, every)
            await until_firing(workers, schedules)  # a whole round: what was created late has caught up
            if held:
                await stack.enter_async_context(_a_held_snapshot(dsn))
            timings.news()
            windows: list[Window] = []
            began, clocks = time.monotonic(), Clocks()
            for number_ in range(1, plan.windows + 1):
                seconds = plan.seconds / plan.windows
                windows.append(await _window(connection, workers[0], timings, clocks, began, seconds))
                step.reached(number_)
            return Watched(name, windows)


def _settings(setting: str) -> dict[str, str]:
    name, given, value = setting.partition("=")
    return {name: value} if given else {}


async def _window(
    connection: asyncpg.Connection[asyncpg.Record],
    worker: Worker,
    timings: Timings,
    clocks: Clocks,
    began: float,
    seconds: float,
) -> Window:
    noted, opened = worker.samples.count, time.monotonic()
    await asyncio.sleep(seconds)
    row = await connection.fetchrow(DEAD)
    assert row is not None  # the table is there
    lateness = [started - due for started, due in worker.samples.read(noted)]
    closed = time.monotonic()
    statements = timings.news()
    dead, index_bytes = row["dead"], row["index_bytes"]
    return Window(closed - began, closed - opened, statements, lateness, dead, index_bytes, clocks.leapt())


@asynccontextmanager
async def _a_held_snapshot(dsn: str) -> AsyncIterator[None]:
    """A transaction that has looked once and stays open, as a dump does. It has a transaction's number too."""
    async with a_connection(dsn) as connection, connection.transaction(isolation="repeatable_read"):
        await connection.execute("CREATE TEMPORARY TABLE a_long_report ON COMMIT DROP AS SELECT now() AS began_at")
        yield


def _summary(watched: Sequence[Watched]) -> Table:
    columns = [
        "case",
        "claim p50 at first",
        "at last",
        "p99 at first",
        "at last",
        "times",
        "runs/s at first",
        "at last",
        "times",
        "statements, in a second, at first",
        "at last",
    ]
    rows = [
        [
            each.name,
            *(milliseconds(part.claim(0.5)) for part in (each.windows[0], each.windows[-1])),
            *(milliseconds(part.claim(0.99)) for part in (each.windows[0], each.windows[-1])),
            ratio(each.growth, 1),
            *(number(part.runs_per_second) for part in (each.windows[0], each.windows[-1])),
            ratio(each.windows[-1].runs_per_second, each.windows[0].runs_per_second),
            *(milliseconds(part.server_seconds) for part in (each.windows[0], each.windows[-1])),
        ]
        for each in watched
    ]
    note = "A claim is the look for what is due and the locking of it (peek and claim_due), by the server's log."
    return Table("First and last", columns, rows, [note])


def _course(watched: Watched) -> Table:
    columns = [
        "after",
        "claim p50",
        "p99",
        "lateness p50",
        "p99",
        "runs/s",
        "dead rows",
        "index of what is due",
        "clock leapt",
    ]
    rows = [
        [
            f"{part.ended_after:.0f} s",
            milliseconds(part.claim(0.5)),
            milliseconds(part.claim(0.99)),
            milliseconds(quantile(part.lateness, 0.5)),
            milliseconds(quantile(part.lateness, 0.99)),
            number(part.runs_per_second),
            f"{part.dead:,}",
            f"{part.index_bytes / 2**20:.1f} MiB",
            f"{part.leapt:+.1f} s" if part.leapt else "no",
        ]
        for part in watched.windows
    ]
    note = "Where the clock leapt the machine stood still: a virtual one was frozen and went on. What was due is late."
    return Table(watched.name, columns, rows, [note] if any(part.leapt for part in watched.windows) else [])


def _work(watched: Watched) -> Table:
    """Where the time went: what a second of the server's was spent on, at first and at last."""
    first, last = watched.windows[0], watched.windows[-1]
    most = sorted(last.statements, key=lambda name: -sum(last.statements[name]))[:MOST]
    rows = [
        [name, *(milliseconds(sum(part.statements.get(name, [])) / part.seconds) for part in (first, last))]
        for name in most
    ]
    return Table(f"{watched.name}: in a second of it", ["statement", "at first", "at last"], rows)


SCENARIO = Scenario("horizon", Plan, measure, (Size.LONG,))

if __name__ == "__main__":
    SCENARIO.main()
