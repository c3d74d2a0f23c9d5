"""How quick the REST API is, and what of that is its own doing: beside it a bare handler of Starlette and asyncpg.

The bare handler runs the same SQL in the same transactions; it checks nothing, describes nothing, and knows neither
clients nor keys. The difference to it is what the API costs. Rowcall's own is asked with a key. The two are measured in
turn, a few rounds each, so that what others do to the machine meets both.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.harness.charts import Bars
from bench.harness.children import environment_for
from bench.harness.figures import median, microseconds, milliseconds, number, quantile
from bench.harness.filling import fill, not_due, tidy
from bench.harness.loading import HOST, Answered, Request, free_port, load, serving
from bench.harness.processes import cpu_seconds
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database
from rowcall.domain.access import Scope
from rowcall.store.database import Database
from rowcall.store.keys import create_key

P = 0.5, 0.99
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
    Request("pause", "/v1/schedules/bench-{n}/pause", '{"reason": "lunch {n}"}'),
    Request("execute", "/v1/schedules/bench-{n}/execute", '{"input_data": {"k": {n}}}'),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    schedules: int = option("schedules in the database", 10_000, quick=2_000)
    connections: int = option("connections, each with one request at a time", 8)
    seconds: int = option("how long each is measured in a round", 2, quick=1)
    rounds: int = option("rounds, of which the median counts", 3, quick=1)


@dataclass(frozen=True, slots=True)
class Served:
    """A running API: where, its process, and the key it asks for."""

    port: int
    pid: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found of one request: its answers, and the processor time of the API's process for each."""

    answered: Answered
    cpu: float


async def measure(bench: Bench, plan: Plan) -> Report:
    """Each request, in turn to both."""
    async with a_database(bench.server, "api") as dsn:
        async with a_connection(dsn) as connection:
            await fill(connection, not_due(plan.schedules, datetime.now(UTC)), whole=True)
            await connection.execute(
                "INSERT INTO rowcall.tasks (task_type) VALUES ('http'), ('noop') ON CONFLICT DO NOTHING"
            )
            await tidy(connection)
        async with own_api(bench, dsn) as own, bare_api(bench, dsn) as bare:
            found = {each.name: await _compared(bench, plan, each, own, bare) for each in (*READS, *WRITES)}
    return Report(
        f"API: {plan.connections} connections",
        [_table(found, plan)],
        [Bars("Requests per second", _bars(found))],
        {f"requests_per_second.{name}": _rate(rounds) for name, (rounds, _) in found.items()}
        | {f"of_bare.{name}": _share(own, bare) for name, (own, bare) in found.items()},
    )


@asynccontextmanager
async def own_api(bench: Bench, dsn: str) -> AsyncIterator[Served]:
    """Rowcall's API, with a key."""
    async with Database.open(dsn, size=1) as database:
        key = (await create_key(database, scopes=[Scope.ADMIN])).text
    port = free_port()
    settings = {"ROWCALL_PORT": str(port), "ROWCALL_AUTH": "keys", "ROWCALL_REQUESTS_PER_MINUTE": "0"}
    command = [sys.executable, "-m", "rowcall", "api"]
    async with serving(command, port, environment_for(dsn, settings), bench.server.folder.parent) as pid:
        yield Served(port, pid, key)


@asynccontextmanager
async def bare_api(bench: Bench, dsn: str) -> AsyncIterator[Served]:
    port = free_port()
    options = ["--host", HOST, "--port", str(port), "--log-level", "warning", "--no-access-log"]
    command = [sys.executable, "-m", "uvicorn", "bench.bare_api:app", *options]
    async with serving(command, port, environment_for(dsn, {}), bench.server.folder.parent) as pid:
        yield Served(port, pid, None)


async def _compared(
    bench: Bench, plan: Plan, request: Request, *served: Served
) -> tuple[Sequence[Round], Sequence[Round]]:
    """The rounds of Rowcall's own and of the bare handler."""
    rounds: tuple[list[Round], list[Round]] = ([], [])
    counting = _counting(request, plan.schedules)
    with bench.teller.step(f"api: {request.name}"):
        for _ in range(plan.rounds):
            for api, found in zip(served, rounds, strict=True):
                await load(api.port, request, plan.connections, plan.seconds / 4, counting, api.key)  # warms it up
                before = cpu_seconds(api.pid)
                answered = await load(api.port, request, plan.connections, plan.seconds, counting, api.key)
                found.append(Round(answered, (cpu_seconds(api.pid) - before) / len(answered.spans)))
    return rounds


def _counting(request: Request, schedules: int) -> Callable[[], int]:
    """Numbers one after the other; where they name schedules that are there, they begin anew after the last."""
    counter = itertools.count()
    return lambda: next(counter) if request.name == "create" else next(counter) % schedules


def _table(found: Mapping[str, tuple[Sequence[Round], Sequence[Round]]], plan: Plan) -> Table:
    rows = [
        [
            name,
            number(_rate(own)),
            *(milliseconds(quantile([span for each in own for span in each.answered.spans], share)) for share in P),
            microseconds(median([each.cpu for each in own])),
            number(_rate(bare)),
            microseconds(median([each.cpu for each in bare])),
            f"{_share(own, bare):.2f}",
        ]
        for name, (own, bare) in found.items()
    ]
    columns = ["request", "requests/s", "p50", "p99", "CPU", "bare, requests/s", "bare, CPU", "of the bare rate"]
    note = (
        f"One process each, {plan.schedules:,} schedules, the same SQL; the load comes from the same machine. "
        f"Rates, CPU (of the API's process, a request) and shares are medians of {plan.rounds} rounds in turn."
    )
    return Table("Rowcall's API and a bare handler", columns, rows, [note])


def _rate(rounds: Sequence[Round]) -> float:
    return median([each.answered.per_second for each in rounds])


def _share(own: Sequence[Round], bare: Sequence[Round]) -> float:
    pairs = zip(own, bare, strict=True)
    return median([one.answered.per_second / other.answered.per_second for one, other in pairs])


def _bars(found: Mapping[str, tuple[Sequence[Round], Sequence[Round]]]) -> list[tuple[str, float]]:
    bars = [(name, _rate(own)) for name, (own, _) in found.items()]
    return [*bars, *((f"bare: {name}", _rate(bare)) for name, (_, bare) in found.items())]


SCENARIO = Scenario("api", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
