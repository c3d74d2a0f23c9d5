"""Many schedules due at one instant: how fast they run, how late the last one starts, and what each costs.

Beside it, in the same run, the ceiling: what PostgreSQL reaches with the same row work and no scheduler. And the same
herd again with many different cron expressions in many zones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice, product
from zoneinfo import ZoneInfo

from bench.ceiling import ceiling
from bench.draining import Drained, HerdOf, drain
from bench.harness.charts import Bars, Lines
from bench.harness.figures import median, microseconds, milliseconds, number, quantile, ratio
from bench.harness.filling import Batch, herd
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from rowcall.domain.zones import zone_names

CEILING_BATCH = 500
CEILING_CLIENTS = 2
REGIONS = ("Europe/", "America/", "Asia/", "Australia/", "Africa/", "Pacific/")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    schedules: int = option("recurring schedules that are due at one instant", 100_000, quick=10_000)
    workers: tuple[int, ...] = option("worker processes", (1, 2), quick=(2,))
    expressions: int = option("different expressions, in one more run; 1 leaves that out", 10_000, quick=2_000)
    zones: int = option("zones of those", 20)
    concurrency: int = option("runs at once, of each worker", 2_000)
    ceiling_schedules: int = option("schedules of the ceiling", 100_000, quick=50_000)
    ceiling_seconds: int = option("how long the ceiling is measured, each of two times", 6, quick=2)


@dataclass(frozen=True, slots=True)
class Found:
    """A herd that ran, and what it is called."""

    name: str
    drained: Drained


async def measure(bench: Bench, plan: Plan) -> Report:
    """The ceiling, the herds, the ceiling again: what the machine does meanwhile is on both sides of the ratio."""
    limits = [await _limit(bench, plan)]
    found = [await _herd(bench, plan, workers, 1) for workers in plan.workers]
    if plan.expressions > 1:
        found.append(await _herd(bench, plan, max(plan.workers), plan.expressions))
    limits.append(await _limit(bench, plan))
    limit = median(limits) if len(limits) % 2 else sum(limits) / len(limits)
    return Report(
        f"Herd: {plan.schedules:,} recurring schedules due at one instant",
        [_speed(found, limits, limit), _costs(found, plan)],
        [_bars(found, limit), _lines(found)],
        _figures(found, limit),
    )


async def _limit(bench: Bench, plan: Plan) -> float:
    found = await ceiling(bench, CEILING_BATCH, CEILING_CLIENTS, plan.ceiling_schedules, plan.ceiling_seconds)
    return found.runs_per_second


async def _herd(bench: Bench, plan: Plan, workers: int, expressions: int) -> Found:
    name = f"{workers} worker{'s' * (workers > 1)}"
    if expressions > 1:
        name += f", {expressions:,} expressions in {plan.zones} zones"
    with bench.teller.step(f"herd of {plan.schedules:,}: {name}"):
        herd_of = _distinct(plan.schedules, expressions, plan.zones) if expressions > 1 else _alike(plan.schedules)
        return Found(name, await drain(bench, workers, plan.concurrency, herd_of))


def _alike(count: int) -> HerdOf:
    return lambda due: herd(count, due)


def _distinct(count: int, expressions: int, zones: int) -> HerdOf:
    def herd_of(due: datetime) -> Batch:
        pairs = list(different(due.replace(second=0, microsecond=0), expressions, zones))
        return Batch(
            count=count,
            run_at=due,
            occurrence_at=due.replace(second=0, microsecond=0),
            expressions=[expression for expression, _ in pairs],
            zones=[zone for _, zone in pairs],
        )

    return herd_of


def different(minute: datetime, expressions: int, zones: int) -> Sequence[tuple[str, str]]:
    """So many different expressions that all fire at this minute in their zones, and not again for hours.

    Each is (expression, zone), and names the minute, another hour, another month and a set of weekdays. At most 14,000.
    """
    names = [name for name in sorted(zone_names()) if name.startswith(REGIONS) and name.count("/") == 1]
    chosen = names[:: max(1, len(names) // zones)][:zones]
    others = product(range(3, 23), range(1, 12), product((False, True), repeat=6))
    return [
        (_firing(minute.astimezone(ZoneInfo(zone)), *other), zone)
        for other, zone in islice(zip(others, cycle(chosen), strict=False), expressions)
    ]


def _firing(local: datetime, hours_off: int, months_off: int, weekdays: Sequence[bool]) -> str:
    weekday = local.isoweekday() % 7
    days = [weekday, *((weekday + off) % 7 for off, wanted in enumerate(weekdays, start=1) if wanted)]
    return (
        f"{local.minute} {local.hour},{(local.hour + hours_off) % 24} * "
        f"{local.month},{(local.month - 1 + months_off) % 12 + 1} {','.join(map(str, days))}"
    )


def _speed(found: Sequence[Found], limits: Sequence[float], limit: float) -> Table:
    columns = ["herd", "runs/s", "of the ceiling", "last recorded after", "lateness p50", "p99", "cores used by others"]
    rows = [
        [
            each.name,
            number(each.drained.runs_per_second),
            ratio(each.drained.runs_per_second, limit),
            milliseconds(each.drained.seconds),
            milliseconds(quantile(each.drained.lateness, 0.5)),
            milliseconds(quantile(each.drained.lateness, 0.99)),
            number(each.drained.spent.busy_others),
        ]
        for each in found
    ]
    limited = " and ".join(number(each) for each in limits)
    note = (
        f"The ceiling: {limited} runs/s before and after (pgbench, bench/ceiling.sql, batches of {CEILING_BATCH}, "
        f"{CEILING_CLIENTS} clients). Lateness is from the due instant to the start of the task, noted in the worker."
    )
    return Table("Speed", columns, rows, [note])


def _costs(found: Sequence[Found], plan: Plan) -> Table:
    columns = [
        "herd",
        "worker CPU/run",
        "PostgreSQL CPU/run",
        "WAL bytes/run",
        "full pages/run",
        "commits/run",
        "statements/run",
    ]
    rows = [
        [
            each.name,
            microseconds(each.drained.spent.worker_seconds / each.drained.runs),
            microseconds(each.drained.spent.server_seconds / each.drained.runs),
            number(each.drained.spent.wal_bytes / each.drained.runs),
            number(each.drained.spent.full_pages / each.drained.runs),
            number(each.drained.spent.transactions / each.drained.runs),
            number(each.drained.statements.total / each.drained.runs),
        ]
        for each in found
    ]
    note = (
        f"Everything is in it, the counting of results too. Commits are those that wrote. {plan.concurrency:,} runs at "
        "once per worker (ROWCALL_CONCURRENCY), all other settings as they come."
    )
    return Table("Cost of a run", columns, rows, [note])


def _bars(found: Sequence[Found], limit: float) -> Bars:
    bars = [(each.name, each.drained.runs_per_second) for each in found]
    return Bars("runs/s", [("PostgreSQL alone (ceiling)", limit), *bars])


def _lines(found: Sequence[Found]) -> Lines:
    """How many had started by when."""
    series = {}
    for each in found:
        ordered = sorted(each.drained.lateness)
        series[each.name] = [(0.0, 0.0), *((ordered[-1 + n * len(ordered) // 100], float(n)) for n in range(1, 101))]
    return Lines("Started, by seconds after the due instant", "seconds", "% of all", series)


def _figures(found: Sequence[Found], limit: float) -> dict[str, float]:
    figures = {"ceiling": limit}
    for each in found:
        figures[f"runs_per_second.{each.name}"] = each.drained.runs_per_second
        figures[f"of_ceiling.{each.name}"] = each.drained.runs_per_second / limit
    return figures


SCENARIO = Scenario("herd", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
