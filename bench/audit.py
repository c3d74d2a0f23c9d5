"""How long the audit of a whole ledger takes: of many schedules with some executions, and of one with all of them."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.audited import WholeLedger, fill_whole
from bench.harness.figures import number
from bench.harness.filling import tidy
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, Size, option
from bench.harness.server import a_connection, a_database
from rowcall.store.auditing import audit
from rowcall.store.database import Database


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    rows: int = option("executions in the ledger", 1_000_000, quick=50_000)
    schedules: int = option("schedules that share them", 10_000, quick=1_000)


@dataclass(frozen=True, slots=True)
class Audited:
    """One audit: of what, how long it took, and by how much the memory of its process grew."""

    ledger: WholeLedger
    rows: int
    seconds: float
    grown_bytes: int


async def measure(bench: Bench, plan: Plan) -> Report:
    """Audit a ledger of many schedules, then one of a single schedule."""
    ledgers = [
        WholeLedger(plan.schedules, plan.rows // plan.schedules),
        WholeLedger(1, plan.rows, hourly=False),
    ]
    audited = [await _audit(bench, ledger) for ledger in ledgers]
    return Report(
        f"Audit: {plan.rows:,} executions",
        [_table(audited)],
        figures={f"seconds.{each.ledger.schedules}": each.seconds for each in audited},
    )


async def _audit(bench: Bench, ledger: WholeLedger) -> Audited:
    told = f"audit: {ledger.schedules:,} schedules with {ledger.executions:,} executions each"
    async with a_database(bench.server, f"audit_{ledger.schedules}") as dsn:
        with bench.teller.step(told):
            async with a_connection(dsn) as connection:
                await fill_whole(connection, ledger)
                await tidy(connection)
            async with Database.open(dsn, size=1) as database:
                resident, began = _most_resident(), time.perf_counter()
                report = await audit(database)
                seconds = time.perf_counter() - began
    if not report.is_clean:
        raise RuntimeError(f"the ledger was not whole: {report.findings[0]}")
    return Audited(ledger, report.rows, seconds, _most_resident() - resident)


def _most_resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _table(audited: Sequence[Audited]) -> Table:
    columns = ["schedules", "executions", "seconds", "executions a second", "memory grew by"]
    rows = [
        [
            f"{each.ledger.schedules:,}",
            f"{each.rows:,}",
            number(each.seconds),
            number(each.rows / each.seconds),
            f"{each.grown_bytes / 2**20:.0f} MB",
        ]
        for each in audited
    ]
    return Table("The whole ledger, in one process", columns, rows)


SCENARIO = Scenario("audit", Plan, measure, (Size.QUICK, Size.FULL))

if __name__ == "__main__":
    SCENARIO.main()
