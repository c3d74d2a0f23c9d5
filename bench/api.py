"""How quick the REST API is, and what of that is its own doing: beside it a bare handler of Starlette and asyncpg.

The bare handler reads the same rows and lets PostgreSQL write the JSON; it checks nothing, describes nothing, and knows
no clients. The difference to it is what the API costs.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.harness.charts import Bars
from bench.harness.children import environment_for
from bench.harness.figures import milliseconds, number, quantile, ratio
from bench.harness.filling import fill, not_due, tidy
from bench.harness.loading import HOST, Answered, Request, free_port, load, serving
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database

READS = (
    Request("liveness", "/livez"),
    Request("get by name", "/v1/schedules/bench-{n}"),
    Request("list of 100", "/v1/schedules?limit=100"),
)
WRITES = (
    Request(
        "create",
        "/v1/schedules",
        '{"name": "new-{n}", "task_type": "http", "cron_expression": "30 6 * * *", '
        '"input_data": {"url": "https://example.org/"}}',
    ),
    Request("execute", "/v1/schedules/bench-{n}/execute", '{"input_data": {"k": {n}}}'),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    schedules: int = option("schedules in the database", 10_000, quick=2_000)
    connections: int = option("connections, each with one request at a time", 8)
    seconds: int = option("how long each is measured", 4, quick=1)


async def measure(bench: Bench, plan: Plan) -> Report:
    """Reads of both, then writes of the API."""
    async with a_database(bench.server, "api") as dsn:
        async with a_connection(dsn) as connection:
            await fill(connection, not_due(plan.schedules, datetime.now(UTC)), versions=True)
            await connection.execute(
                "INSERT INTO rowcall.tasks (task_type) VALUES ('http'), ('noop') ON CONFLICT DO NOTHING"
            )
            await tidy(connection)
        port = free_port()
        bare = await _served(bench, plan, dsn, _bare(port), port, READS)
        port = free_port()
        own = await _served(bench, plan, dsn, _own(), port, (*READS, *WRITES))
    return Report(
        f"API: {plan.connections} connections",
        [_table(own, bare, plan)],
        [Bars("Requests per second", _bars(own, bare))],
        {f"requests_per_second.{name}": each.per_second for name, each in own.items()},
    )


async def _served(
    bench: Bench, plan: Plan, dsn: str, command: Sequence[str], port: int, requests: Sequence[Request]
) -> dict[str, Answered]:
    environment = environment_for(dsn, {"ROWCALL_PORT": str(port)})
    found: dict[str, Answered] = {}
    async with serving(command, port, environment, bench.server.folder.parent):
        for request in requests:
            with bench.teller.step(f"api: {request.name}"):
                counting = _counting(request, plan.schedules)
                await load(port, request, plan.connections, plan.seconds / 4, counting)  # warms it up
                found[request.name] = await load(port, request, plan.connections, plan.seconds, counting)
    return found


def _counting(request: Request, schedules: int) -> Callable[[], int]:
    """Numbers one after the other; where they name schedules that are there, they begin anew after the last."""
    counter = itertools.count()
    return lambda: next(counter) if request.name == "create" else next(counter) % schedules


def _bare(port: int) -> list[str]:
    options = ["--host", HOST, "--port", str(port), "--log-level", "warning", "--no-access-log"]
    return [sys.executable, "-m", "uvicorn", "bench.bare_api:app", *options]


def _own() -> list[str]:
    return [sys.executable, "-m", "rowcall", "api"]


def _table(own: dict[str, Answered], bare: dict[str, Answered], plan: Plan) -> Table:
    rows = [
        [
            name,
            number(each.per_second),
            milliseconds(quantile(each.spans, 0.5)),
            milliseconds(quantile(each.spans, 0.99)),
            *(_beside(each, bare[name]) if name in bare else ("–", "–")),
        ]
        for name, each in own.items()
    ]
    columns = ["request", "requests/s", "p50", "p99", "bare handler, requests/s", "of the bare handler"]
    note = f"One process each, {plan.schedules:,} schedules; the load comes from the same machine."
    return Table("Rowcall's API and a bare handler", columns, rows, [note])


def _beside(own: Answered, bare: Answered) -> tuple[str, str]:
    return number(bare.per_second), ratio(own.per_second, bare.per_second)


def _bars(own: dict[str, Answered], bare: dict[str, Answered]) -> list[tuple[str, float]]:
    bars = [(name, each.per_second) for name, each in own.items()]
    return [*bars, *((f"bare: {name}", each.per_second) for name, each in bare.items())]


SCENARIO = Scenario("api", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
