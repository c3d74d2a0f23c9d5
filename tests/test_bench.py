"""The benchmarks run, and say what they found. Their figures are not judged here: this is no machine to measure on."""

import asyncio
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.__main__ import NAMES, scenario_named
from bench.api import READS, WRITES, Served, bare_api, own_api
from bench.harness.charts import Bars, Lines
from bench.harness.clocks import Clocks
from bench.harness.figures import number, quantile
from bench.harness.filling import fill, not_due
from bench.harness.loading import Connection, Request
from bench.harness.report import Report
from bench.harness.running import Bench, Size, run
from bench.harness.server import a_connection, a_database, a_server
from bench.harness.statements import counting_statements
from bench.harness.telling import Teller
from bench.herd import different
from rowcall.domain.triggers import CronTrigger
from tests.folders import short_lived_folder

ROOT = Path(__file__).parents[1]
MOMENT = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
SMALLEST: dict[str, dict[str, Any]] = {
    "ceiling": {"batches": (100,), "clients": (1,), "schedules": 1000, "seconds": 1},
    "herd": {"schedules": 300, "workers": (1,), "expressions": 1, "ceiling_schedules": 1000, "ceiling_seconds": 1},
    "steps": {"schedules": 200, "batch": 50, "times": 1},
    "punctuality": {"spread": 20, "seconds": 1, "settle": 1},
    "idle": {"schedules": (10, 1000), "seconds": 1, "settle": 0},
    "selectivity": {"foreign": 200, "claims": 2, "batch": 10, "backlog": 200, "urgent": 2},
    "scale": {"few": 1000, "many": 1500, "rounds": 2},
    "memory": {"schedules": 50, "runs": 50, "readings": 2},
    "replicas": {"workers": (2,), "schedules": 200},
    "recovery": {"runs": 5, "rounds": 1, "heartbeat_seconds": 0.5, "sweep_seconds": 0.5},
    "history": {"rows": 3000, "short": 1500, "days": 3, "first_day": 1000, "rounds": 2, "runs_per_second": 10},
    "audit": {"rows": 200, "schedules": 20},
    "horizon": {"many": 20, "every": 2, "few": 10, "seconds": 4, "windows": 2, "free": 0},
    "api": {"schedules": 200, "connections": 2, "seconds": 1},
    "writes": {"per_second": 40, "seconds": 2, "connections": 4, "schedules": 200, "runs_per_second": 5},
}
READING_THE_LOG = ("herd", "horizon", "idle", "replicas")
"""What a server logs can be set by one benchmark at a time."""


@pytest.fixture
def benches() -> Iterator[dict[str, Bench]]:
    """One for each benchmark: those that read the log have a server of their own, the others share one."""
    with ExitStack() as stack:
        shared = stack.enter_context(a_bench())
        own = {name: stack.enter_context(a_bench()) for name in READING_THE_LOG}
        yield dict.fromkeys(SMALLEST, shared) | own


@contextmanager
def a_bench() -> Iterator[Bench]:
    with short_lived_folder() as folder, a_server(folder, {"fsync": "off", "shared_buffers": "64MB"}) as server:
        yield Bench(server, Size.QUICK, Teller())


def test_a_machine_that_was_frozen_is_told_from_one_that_is_slow() -> None:
    day, count = 1000.0, 50.0
    clocks = Clocks(lambda: day, lambda: count)
    day, count = day + 600, count + 600  # ten minutes, however slow
    assert clocks.leapt() == 0
    day, count = day + 63.02, count + 63  # adjusted by a little
    assert clocks.leapt() == 0
    day, count = day + 82.5, count + 60
    assert clocks.leapt() == pytest.approx(22.5)
    assert clocks.leapt() == 0


def test_every_benchmark_runs_and_fills_its_tables(benches: dict[str, Bench]) -> None:
    assert set(SMALLEST) == set(NAMES) - {"peers"}  # whose packages are not installed for a test

    for report in run(all_at_once(benches)):
        assert report.tables
        assert report.figures
        for table in report.tables:
            assert {len(row) for row in table.rows} == {len(table.columns)}
        for chart in report.charts:
            ET.fromstring(chart.svg())


async def all_at_once(benches: dict[str, Bench]) -> list[Report]:
    """They mostly wait; what they measure is of no interest here."""
    scenarios = [scenario_named(name) for name in SMALLEST]
    return await asyncio.gather(
        *(each.measure(benches[each.name], each.plan_for(Size.QUICK, SMALLEST[each.name])) for each in scenarios)
    )


def test_the_bare_handler_sends_the_statements_that_the_api_sends() -> None:
    with a_bench() as bench:
        run(both_asked(bench))


async def both_asked(bench: Bench) -> None:
    async with a_database(bench.server, "both") as dsn, a_connection(dsn) as connection:
        await fill(connection, not_due(100, datetime.now(UTC)), whole=True)
        await connection.execute("INSERT INTO rowcall.tasks (task_type) VALUES ('http')")
        async with own_api(bench, dsn) as own, bare_api(bench, dsn) as bare:
            for place, request in enumerate((*READS, *WRITES)):
                sent = [
                    await statements_of(bench, connection, own, "rowcall", request, 10 * place),
                    await statements_of(bench, connection, bare, "bare", request, 10 * place + 5),
                ]
                assert sent[0] == sent[1], request.name
                assert sent[0] or request.name == "liveness"


async def statements_of(
    bench: Bench, connection: Any, api: Served, sender: str, request: Request, number: int
) -> Counter[str]:
    """What a request has sent to PostgreSQL, the second of its kind: the first finds out what is remembered."""
    asking = Connection(api.port, api.key)
    assert (await asking.ask(request, number)).is_success
    async with counting_statements(bench.server, connection, sender) as statements:
        assert (await asking.ask(request, number + 1)).is_success
    asking.close()
    # Now and then, however many requests there are: keys are looked at, and a session is told to plan in another way
    # than for its last statement.
    now_and_then = re.compile("find_api_key|touch_api_keys|SET plan_cache_mode = .*")
    sent = Counter({name: count for name, count in statements.by_name.items() if not now_and_then.fullmatch(name)})
    return Counter({re.sub(r"(rowcall\.who = )E'[^']*'", r"\1…", name): count for name, count in sent.items()})


def test_a_benchmark_prints_its_table_and_leaves_it_with_its_plot_as_files(tmp_path: Path) -> None:
    sizes = ["--quick", "--batches", "100", "--schedules", "1000", "--seconds", "1"]
    with short_lived_folder() as folder:
        command = [sys.executable, "-m", "bench.ceiling", *sizes, "--data", str(folder), "--results", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "| batch | clients | runs/s" in done.stdout
    assert "PostgreSQL 18" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "ceiling-quick.md", "ceiling-quick.json", "ceiling-quick-1.svg",
    }  # fmt: skip


def test_different_expressions_are_different_and_fire_at_one_instant() -> None:
    pairs = different(MOMENT, 200, 20)

    assert len(set(pairs)) == len(pairs) == 200
    assert len({zone for _, zone in pairs}) == 20
    for expression, zone in pairs:
        assert CronTrigger(expression, zone).next_after(MOMENT - timedelta(seconds=1)) == MOMENT


@pytest.mark.parametrize(
    ("value", "shown"), [(31214.4, "31,214"), (12.54, "12.5"), (0.00421, "0.00421"), (0, "0"), (float("nan"), "–")]
)
def test_numbers_are_shown_with_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_quantile_is_a_value_that_occurred() -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.99) == 4.0


@pytest.mark.parametrize("chart", [Bars("A & B", [("<none>", 0.0)]), Lines("Nothing", "x", "y", {"empty": []})])
def test_a_plot_of_little_is_a_plot_all_the_same(chart: Bars | Lines) -> None:
    assert ET.fromstring(chart.svg()).tag.endswith("svg")
