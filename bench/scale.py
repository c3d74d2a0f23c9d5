"""Whether a million schedules make anything slower than a thousand do: what people ask for, and what workers ask for.

Each operation is timed through the store, in this process, first beside few schedules and then beside many, one of
each in turn; so the ratio says what the number of schedules costs, and not what the machine did meanwhile. With
`--long`, all of it again while a worker runs schedules that fire each second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.harness.charts import Bars
from bench.harness.figures import milliseconds, number, quantile, ratio
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, Size, option
from bench.harness.workers import started_runs
from bench.operations import CEILINGS_MS, CLAIMED_AT_ONCE, CLAIMS, Operations, a_populated_database
from bench.streaming import streaming


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    few: int = option("schedules that all is compared with", 1_000)
    many: int = option("schedules", 1_000_000, quick=30_000)
    rounds: int = option("how often each operation is timed", 200, quick=40, long=1_000)
    runs_per_second: int = option("runs going on meanwhile, in a second part; 0 leaves it out", 0, long=2_000)


Spans = dict[str, list[float]]
COUNTINGS = 20
COUNTED = "Exact counts read an index entry for each schedule; that is the price of an exact number."


async def measure(bench: Bench, plan: Plan) -> Report:
    """All operations beside few and beside many, at rest; then, if asked for, while runs go on."""
    async with AsyncExitStack() as stack:
        populated = [await stack.enter_async_context(_populated(bench, count)) for count in (plan.few, plan.many)]
        few, many = await _time(bench, populated, plan.rounds, "at rest")
        claims = await _claim(bench, populated)
        counted = await _time(bench, populated, COUNTINGS, "counting", Operations.counting)
        tables = [
            _table("At rest", plan, few, many),
            _claims(plan, claims),
            _table("What counts schedules", plan, counted[0], counted[1], COUNTED),
        ]
        if plan.runs_per_second:
            busy, note = await _busy(bench, plan, populated)
            tables.append(_table(f"While {plan.runs_per_second:,} runs a second go on", plan, busy[0], busy[1], note))
    return Report(
        f"Scale: {plan.many:,} schedules beside {plan.few:,}",
        tables,
        [Bars("p50 beside many, of that beside few", [(name, _times(few, many, name, 0.5)) for name in few])],
        {
            **{f"p50_ratio.{name}": _times(few, many, name, 0.5) for name in few},
            **{f"p99_seconds.{name}": quantile(many[name], 0.99) for name in many},
        },
    )


@asynccontextmanager
async def _populated(bench: Bench, count: int) -> AsyncIterator[Operations]:
    with bench.teller.step(f"scale: filling in {count:,} schedules"):
        async with a_populated_database(bench.server, count) as operations:
            yield operations


async def _time(
    bench: Bench,
    populated: Sequence[Operations],
    rounds: int,
    when: str,
    asked: Callable[[Operations, int], Awaitable[dict[str, float]]] = Operations.all,
) -> list[Spans]:
    spans: list[Spans] = [{} for _ in populated]
    with bench.teller.step(f"scale: operations, {when}", total=rounds) as step:
        for done in range(rounds + 1):
            step.reached(done)
            for operations, found in zip(populated, spans, strict=True):
                for name, span in (await asked(operations, done)).items():
                    if done:  # the first round prepares the statements
                        found.setdefault(name, []).append(span)
    return spans


async def _busy(bench: Bench, plan: Plan, populated: Sequence[Operations]) -> tuple[list[Spans], str]:
    """The same while schedules fire in the larger database, and so beside it in the smaller one's server."""
    async with streaming(bench, populated[-1].dsn, plan.runs_per_second) as workers:
        began, before = asyncio.get_running_loop().time(), started_runs(workers)
        spans = await _time(bench, populated, plan.rounds, "while runs go on")
        reached = (started_runs(workers) - before) / (asyncio.get_running_loop().time() - began)
    return spans, f"{reached:,.0f} runs a second were reached."


async def _claim(bench: Bench, populated: Sequence[Operations]) -> list[list[tuple[float, int]]]:
    """Claims beside few and beside many, in turn: (seconds, bytes of write-ahead log) of each."""
    found: list[list[tuple[float, int]]] = [[] for _ in populated]
    with bench.teller.step("scale: claims"):
        for turn in range(CLAIMS):
            for operations, claims in zip(populated, found, strict=True):
                claim = await operations.claim()
                if turn:
                    claims.append(claim)
    return found


def _claims(plan: Plan, found: Sequence[Sequence[tuple[float, int]]]) -> Table:
    columns = ["schedules", "p50", "p99", "WAL bytes per schedule"]
    rows = [
        [
            f"{count:,}",
            milliseconds(quantile([span for span, _ in claims], 0.5)),
            milliseconds(quantile([span for span, _ in claims], 0.99)),
            number(sum(written for _, written in claims) / len(claims) / CLAIMED_AT_ONCE),
        ]
        for count, claims in zip((plan.few, plan.many), found, strict=True)
    ]
    times = ratio(*(quantile([span for span, _ in claims], 0.5) for claims in reversed(found)))
    note = (
        f"{times} times at p50. The due ones stand all over the table: where there are many, each is on a page of its "
        "own, colder, and written whole into the write-ahead log at its first change after a checkpoint."
    )
    return Table(f"A claim of {CLAIMED_AT_ONCE}", columns, rows, [note])


def _table(title: str, plan: Plan, few: Spans, many: Spans, *notes: str) -> Table:
    columns = [
        "operation", f"p50 of {plan.few:,}", f"p50 of {plan.many:,}", "times", f"p99 of {plan.few:,}",
        f"p99 of {plan.many:,}", "times", "to stay under",
    ]  # fmt: skip
    rows = [
        [
            name,
            *(milliseconds(quantile(spans[name], 0.5)) for spans in (few, many)),
            ratio(quantile(many[name], 0.5), quantile(few[name], 0.5)),
            *(milliseconds(quantile(spans[name], 0.99)) for spans in (few, many)),
            ratio(quantile(many[name], 0.99), quantile(few[name], 0.99)),
            f"{CEILINGS_MS[name]} ms" if name in CEILINGS_MS else "",
        ]
        for name in few
    ]
    return Table(title, columns, rows, notes)


def _times(few: Spans, many: Spans, name: str, share: float) -> float:
    return quantile(many[name], share) / quantile(few[name], share)


SCENARIO = Scenario("scale", Plan, measure, (Size.QUICK, Size.FULL, Size.LONG))

if __name__ == "__main__":
    SCENARIO.main()
