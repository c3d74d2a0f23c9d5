"""Many replicas that wake for the same second: whether they help each other, or trample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bench.draining import Drained, drain
from bench.harness.charts import Lines
from bench.harness.figures import microseconds, milliseconds, number, quantile, ratio
from bench.harness.filling import herd
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    workers: tuple[int, ...] = option("worker processes", (1, 2, 4, 8), quick=(1, 4))
    schedules: int = option("schedules due at one instant", 50_000, quick=5_000)
    concurrency: int = option("runs at once, of each worker", 2_000)


async def measure(bench: Bench, plan: Plan) -> Report:
    """The same herd for each number of workers."""
    found = [await _drain(bench, plan, workers) for workers in plan.workers]
    rows = [
        [
            str(each.workers),
            number(each.runs_per_second),
            ratio(each.runs_per_second, found[0].runs_per_second),
            milliseconds(quantile(each.lateness, 0.5)),
            milliseconds(quantile(each.lateness, 0.99)),
            " ".join(f"{share:,}" for share in sorted(each.shares, reverse=True)),
            f"{_wasted(each):,} of {each.statements.by_name['claim_due']:,}",
            number(each.waits.of("Lock")),
            number(each.waits.of("LWLock")),
            number(each.waits.of("IO")),
            microseconds((each.spent.worker_seconds + each.spent.server_seconds) / each.runs),
            number(each.spent.busy_others),
        ]
        for each in found
    ]
    columns = [
        "workers", "runs/s", "of the first", "lateness p50", "p99", "runs of each", "claims that brought nothing",
        "waiting for locks", "for latches", "for the disk", "CPU/run", "cores used by others",
    ]  # fmt: skip
    note = "Waiting: how many sessions on average, by looking at them twenty times a second while the herd drains."
    return Report(
        f"Replicas: {plan.schedules:,} schedules due at one instant",
        [Table("Workers on one server", columns, rows, [note])],
        [
            Lines(
                "Throughput", "workers", "runs/s", {"": [(float(each.workers), each.runs_per_second) for each in found]}
            )
        ],
        {f"runs_per_second.{each.workers}": each.runs_per_second for each in found},
    )


async def _drain(bench: Bench, plan: Plan, workers: int) -> Drained:
    with bench.teller.step(f"replicas: {plan.schedules:,} schedules, {workers} workers"):
        return await drain(bench, workers, plan.concurrency, partial(herd, plan.schedules))


def _wasted(drained: Drained) -> int:
    """Claims of due schedules that started nothing."""
    return max(0, drained.statements.by_name["claim_due"] - drained.statements.by_name["start_runs"])


SCENARIO = Scenario("replicas", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
