"""Whether what a worker may not run, or what can wait, gets in the way of what it may run now.

The claim is timed by itself, in this process, through the store, with nothing else to do in the database; then beside
very many due schedules that are none of its business. Last, a worker that has a long queue of low priority to work off
is given schedules of high priority, created while it works.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import asyncpg

from bench.draining import all_recorded
from bench.harness.charts import Bars
from bench.harness.figures import milliseconds, number, quantile, ratio
from bench.harness.filling import Batch, fill, herd, named, tidy, wake_workers
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database
from bench.harness.workers import running_workers
from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.finishing import Result, record_results
from rowcall.store.leases import WorkerCard, register_worker

ROUTES = ("http", "noop")
PAUSE = "UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = 'bench' WHERE name LIKE 'foreign-%'"
OPEN_ONE_OF_EACH = """
    WITH allowed AS (
        UPDATE rowcall.schedules SET overlap_policy = 'allow', max_instances = 3 RETURNING schedule_id, priority, route
    )
    INSERT INTO rowcall.open_executions (execution_id, schedule_id, scheduled_for, worker_id, priority, trigger, route)
    SELECT nextval('rowcall.execution_ids'), schedule_id, now() - interval '1 hour', 0, priority, 'manual', route
      FROM allowed
"""
URGENT = """
    INSERT INTO rowcall.schedules (name, task_type, priority, schedule_type, scheduled_time)
    VALUES ($1, 'noop', 10, 'one_time', $2)
"""
AHEAD = timedelta(milliseconds=150)
GAP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    foreign: int = option("due schedules that the claim is not to take", 100_000, quick=20_000)
    claims: int = option("claims timed in each case", 60, quick=20)
    batch: int = option("schedules per claim", 100)
    backlog: int = option("due schedules of priority 1, in the last part", 50_000, quick=10_000)
    urgent: int = option("schedules of priority 10 that are created meanwhile", 20, quick=8)


@dataclass(frozen=True, slots=True)
class Case:
    """What lies in the way: foreign schedules, as a change of those the claim may take; none in the first case."""

    name: str
    task_type: str | None = None
    capability: str | None = None
    paused: bool = False
    priority: int = 5
    lanes: int = 1
    opened: bool = False


CASES = (
    Case("nothing else due"),
    Case("due, another task type", task_type="other"),
    Case("due, a capability that is missing", task_type="noop", capability="gpu"),
    Case("paused", task_type="noop", paused=True),
    Case("due, lower priority", task_type="noop", priority=1),
    Case("nothing else, ten priorities", lanes=10),
    Case("nothing else, an open execution of each", opened=True),
)


async def measure(bench: Bench, plan: Plan) -> Report:
    """All cases in turn, one claim of each at a time, so that the machine is the same to all of them."""
    spans = await _claims(bench, plan)
    least = quantile(spans[CASES[0].name], 0.5)
    rows = [
        [name, milliseconds(quantile(each, 0.5)), ratio(quantile(each, 0.5), least), milliseconds(quantile(each, 0.99))]
        for name, each in spans.items()
    ]
    lateness, runs = await _urgent(bench, plan)
    shares = (0.5, 0.9, 1.0)
    return Report(
        "Selectivity: what is not to be run now",
        [
            Table(
                f"A claim of {plan.batch} schedules, beside {plan.foreign:,} others",
                ["others", "p50", "of nothing else", "p99"],
                rows,
                ["Look and claim, as the worker does them, with the plans and all that is written."],
            ),
            Table(
                f"{plan.urgent} schedules of priority 10, created while a worker drains {plan.backlog:,} of priority 1",
                ["lateness p50", "p90", "max", "runs/s meanwhile"],
                [[*(milliseconds(quantile(lateness, share)) for share in shares), number(runs)]],
            ),
        ],
        [Bars("Claim, median ms", [(name, 1e3 * quantile(each, 0.5)) for name, each in spans.items()])],
        {
            **{f"claim_seconds.{name}": quantile(each, 0.5) for name, each in spans.items()},
            "urgent_lateness_seconds.max": max(lateness),
        },
    )


# ── the claim by itself ───────────────────────────────────────────────────────────────────────────────────────────────


async def _claims(bench: Bench, plan: Plan) -> dict[str, list[float]]:
    spans: dict[str, list[float]] = {case.name: [] for case in CASES}
    async with AsyncExitStack() as stack:
        claimants = {
            case.name: await stack.enter_async_context(_claimant(bench, plan, case, f"selectivity_{number}"))
            for number, case in enumerate(CASES)
        }
        with bench.teller.step("selectivity: claims", total=plan.claims) as step:
            for done in range(plan.claims + 1):
                step.reached(done)
                for name, claimant in claimants.items():
                    span = await claimant.claim(plan.batch)
                    if done:  # the first one prepares the statements
                        spans[name].append(span)
    return spans


@dataclass(slots=True)
class Claimant:
    """A worker's claims without the worker."""

    database: Database
    worker_id: int
    random: Random

    async def claim(self, batch: int) -> float:
        """Claim a batch and give it back as done; how long the claim took. Raises RuntimeError if it brought less."""
        began = time.perf_counter()
        found = await look(self.database, self.worker_id, ROUTES, batch)
        span = time.perf_counter() - began
        if len(found.claims) != batch:
            raise RuntimeError(f"{batch} schedules were due, and {len(found.claims)} were claimed")
        done = [Result(claim, Outcome.succeeded(None), 0.0) for claim in found.claims]
        await record_results(self.database, self.worker_id, done, self.random)
        return span


@asynccontextmanager
async def _claimant(bench: Bench, plan: Plan, case: Case, database: str) -> AsyncIterator[Claimant]:
    async with a_database(bench.server, database) as dsn:
        with bench.teller.step(f"selectivity: {plan.foreign:,} {case.name}"):
            async with a_connection(dsn) as connection:
                await _fill(connection, plan, case)
        async with Database.open(dsn, size=2) as opened:
            card = WorkerCard("bench", "bench", 0, "0", [], ROUTES, plan.batch, 3600.0)
            yield Claimant(opened, await register_worker(opened, card, []), Random(1))


async def _fill(connection: asyncpg.Connection[asyncpg.Record], plan: Plan, case: Case) -> None:
    now = datetime.now(UTC)
    if case.task_type is not None:
        foreign = named(herd(plan.foreign, now - timedelta(seconds=30)), "foreign-")
        in_the_way = replace(foreign, task_type=case.task_type, capability=case.capability, priority=case.priority)
        await fill(connection, in_the_way)
    if case.paused:
        await connection.execute(PAUSE)
    own = plan.batch * (plan.claims + 1)
    for lane in range(case.lanes):
        mine = replace(_own(own // case.lanes, now), name=f"own-{lane}-", priority=5 if case.lanes == 1 else 10 - lane)
        await fill(connection, mine)
    if case.opened:
        await connection.execute(OPEN_ONE_OF_EACH)
    await tidy(connection)


def _own(count: int, now: datetime) -> Batch:
    return replace(herd(count, now - timedelta(seconds=20)), spread=timedelta(seconds=10) / count)


# ── what is urgent ────────────────────────────────────────────────────────────────────────────────────────────────────


async def _urgent(bench: Bench, plan: Plan) -> tuple[list[float], float]:
    """The lateness of urgent runs amid a backlog, and how many runs a second were going on meanwhile."""
    with bench.teller.step(f"selectivity: urgent ones before {plan.backlog:,}"):
        async with (
            a_database(bench.server, "urgent") as dsn,
            a_connection(dsn) as connection,
            running_workers(bench.server, dsn, 1) as workers,
        ):
            backlog = replace(herd(plan.backlog, datetime.now(UTC)), priority=1)
            await fill(connection, backlog)
            await tidy(connection)
            began = time.time()
            await wake_workers(connection)
            moments = [await _create(connection, number) for number in range(plan.urgent)]
            ended_at = await all_recorded(connection, workers, plan.backlog + plan.urgent)
            noted = [(started, due) for started, due in workers[0].samples.read() if due in moments]
            return [started - due for started, due in noted], plan.backlog / (ended_at - began)


async def _create(connection: asyncpg.Connection[asyncpg.Record], number: int) -> float:
    await asyncio.sleep(GAP_SECONDS)
    moment = datetime.now(UTC) + AHEAD
    await connection.execute(URGENT, f"urgent-{number}", moment)
    return moment.timestamp()


SCENARIO = Scenario("selectivity", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
