"""A thousand writes a second through the API, for a minute, while schedules run: how long each takes, what it costs.

Six kinds in turn: a schedule is created, changed, paused, resumed, executed, deleted. They are sent at their moments,
whether or not the ones before are answered, and the time of each counts from that moment. A worker runs what is
executed, and other schedules besides. At the end what was answered is looked for in the database.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from bench.harness.charts import Bars
from bench.harness.children import environment_for
from bench.harness.figures import microseconds, milliseconds, number, quantile
from bench.harness.filling import fill, named, not_due, tidy
from bench.harness.loading import Request, free_port, serving
from bench.harness.metering import Meter, Reading
from bench.harness.pacing import Paced, keep_pace
from bench.harness.processes import cpu_seconds
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, Size, option
from bench.harness.server import a_connection, a_database
from bench.harness.waiting import until
from bench.streaming import streaming
from rowcall.domain.access import Scope
from rowcall.store.database import Database
from rowcall.store.keys import create_key

KINDS = ("create", "change", "pause", "resume", "execute", "delete")
BEHIND_SECONDS = 5
"""So much later is resumed what was paused, and deleted what was created."""
MOST_FAULTS = 5

FOUND = """
    SELECT (SELECT count(*) FROM rowcall.schedules WHERE name LIKE 'new-%') AS created,
           (SELECT count(*) FROM rowcall.schedules WHERE status = 'DISABLED') AS deleted,
           (SELECT count(*) FROM rowcall.schedule_executions WHERE trigger = 'manual') AS executed,
           (SELECT count(*) FROM rowcall.schedule_executions WHERE trigger = 'manual' AND status = 'SUCCEEDED') AS ran,
           (SELECT count(*) FROM rowcall.audit_log AS a WHERE a.who LIKE 'key %') AS audited
"""
PAUSED = """
    UPDATE rowcall.schedules AS s SET status = 'PAUSED'
      FROM generate_series($1::int, $2::int - 1) AS n WHERE s.name = 'bench-' || n AND s.client_id = 'default'
"""
"""Those that are resumed before any was paused."""
WAITING = "SELECT count(*) FROM rowcall.open_executions AS o WHERE o.trigger = 'manual'"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    per_second: int = option("writes a second", 1000, quick=200)
    seconds: int = option("how long", 20, quick=3, long=60)
    kinds: tuple[str, ...] = option(f"which kinds of write, in turn: {', '.join(KINDS)}", KINDS)
    connections: int = option("connections, each with one request at a time", 32)
    apis: int = option("processes of the API", 1)
    schedules: int = option("schedules that are changed, paused, resumed and executed", 10_000, quick=2_000)
    runs_per_second: int = option("runs a second of other schedules meanwhile", 50, quick=20)


@dataclass(frozen=True, slots=True)
class Found:
    """What was answered, what it cost, and what is in the database at the end."""

    answers: Sequence[Paced]
    spent: Reading
    api_seconds: float
    lateness: Sequence[float]
    rows: asyncpg.Record

    def of(self, kind: str) -> Sequence[Paced]:
        """The answers to one kind of write."""
        return [each for each in self.answers if each.request == kind]

    def per_second(self, plan: Plan) -> float:
        """How many were answered in each second, from when the first was to be sent; at most as many as were sent."""
        return len(self.answers) / max(plan.seconds, *(each.ended_at for each in self.answers))

    @property
    def faults(self) -> Sequence[str]:
        """What went wrong."""
        return [each.fault for each in self.answers if each.fault is not None]


async def measure(bench: Bench, plan: Plan) -> Report:
    """Fill, write at the pace, let what was asked for run, and look."""
    if strangers := set(plan.kinds) - set(KINDS):
        raise ValueError(f"there is no kind of write {min(strangers)!r}; there are {', '.join(KINDS)}")
    async with a_database(bench.server, "writes") as dsn, a_connection(dsn) as connection:
        await _fill(connection, plan)
        key = await _a_key(dsn)
        async with streaming(bench, dsn, plan.runs_per_second) as [worker], _apis(bench, dsn, plan.apis) as apis:
            meter = Meter(bench.server, connection, [worker.pid, *apis.values()])
            await keep_pace(list(apis), _warming, per_second=50, seconds=2, connections=plan.connections, key=key)
            before, used, since = await meter.read(), _cpu(apis), worker.samples.count
            with bench.teller.step(f"writes: {plan.per_second} a second, {plan.seconds} s"):
                answers = await keep_pace(
                    list(apis),
                    _in_turn(plan),
                    per_second=plan.per_second,
                    seconds=plan.seconds,
                    connections=plan.connections,
                    key=key,
                )
            spent, used = await meter.read() - before, _cpu(apis) - used
            lateness = [started - due for started, due in worker.samples.read(since)]
            await _until_run(connection)
            rows = await connection.fetchrow(FOUND)
            assert rows is not None
    return _report(plan, Found(answers, spent, used, lateness, rows))


async def _fill(connection: asyncpg.Connection[asyncpg.Record], plan: Plan) -> None:
    now = datetime.now(UTC)
    await fill(connection, not_due(plan.schedules, now), whole=True)
    await fill(connection, named(not_due(_deleted_of_old(plan), now), "old-"), whole=True)
    await connection.execute(PAUSED, plan.schedules - _turns_behind(plan), plan.schedules)
    await tidy(connection)


async def _a_key(dsn: str) -> str:
    async with Database.open(dsn, size=1) as database:
        return (await create_key(database, scopes=[Scope.ADMIN])).text


@asynccontextmanager
async def _apis(bench: Bench, dsn: str, count: int) -> AsyncIterator[dict[int, int]]:
    """So many processes of the API: by port, the process."""
    found: dict[int, int] = {}
    async with AsyncExitStack() as stack:
        for _ in range(count):
            port = free_port()
            settings = {"ROWCALL_PORT": str(port), "ROWCALL_AUTH": "keys", "ROWCALL_REQUESTS_PER_MINUTE": "0"}
            command, environment = [sys.executable, "-m", "rowcall", "api"], environment_for(dsn, settings)
            served = serving(command, port, environment, bench.server.folder.parent)
            found[port] = await stack.enter_async_context(served)
        yield found


def _cpu(apis: dict[int, int]) -> float:
    return sum(cpu_seconds(pid) for pid in apis.values())


def _turns_behind(plan: Plan) -> int:
    return BEHIND_SECONDS * plan.per_second // len(plan.kinds) + 1


def _deleted_of_old(plan: Plan) -> int:
    """How many are deleted that were there before; the others were created meanwhile."""
    return _turns_behind(plan) if "create" in plan.kinds else plan.per_second * plan.seconds // len(plan.kinds) + 1


def _warming(number: int) -> Request:
    """A read, so that every connection is open and every statement of it known."""
    return Request("read", f"/v1/schedules/bench-{number}")


def _in_turn(plan: Plan) -> Callable[[int], Request]:
    """The n-th write. No two that are under way at once mean the same schedule."""
    behind, of_old = _turns_behind(plan), _deleted_of_old(plan)

    def each(count: int) -> Request:
        turn, place = divmod(count, len(plan.kinds))
        at, across = turn % plan.schedules, (turn + plan.schedules // 2) % plan.schedules
        match plan.kinds[place]:
            case "create":
                return Request("create", "/v1/schedules", CREATED.replace("{n}", str(turn)))
            case "change":
                return Request("change", f"/v1/schedules/bench-{across}", f'{{"description": "at {count}"}}', "PATCH")
            case "pause":
                return Request("pause", f"/v1/schedules/bench-{at}/pause", '{"reason": "lunch"}')
            case "resume":
                return Request("resume", f"/v1/schedules/bench-{(turn - behind) % plan.schedules}/resume", "{}")
            case "execute":
                return Request("execute", f"/v1/schedules/bench-{across}/execute", f'{{"input_data": {{"n": {turn}}}}}')
        name = f"new-{turn - of_old}" if turn >= of_old else f"old-{turn}"
        return Request("delete", f"/v1/schedules/{name}", method="DELETE")

    return each


CREATED = (
    '{"name": "new-{n}", "task_type": "noop", "cron_expression": "30 6 * * *", "timezone": "Europe/London", '
    '"labels": {"team": "reports"}, "input_data": {"url": "https://example.org/{n}"}}'
)


async def _until_run(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    async def run() -> bool:
        return bool(await connection.fetchval(WAITING) == 0)

    await until(run, "the end of what was executed", look=0.2)


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _report(plan: Plan, found: Found) -> Report:
    figures = {f"p99.{kind}": quantile([each.span for each in found.of(kind)], 0.99) for kind in plan.kinds}
    return Report(
        f"Writes: {plan.per_second:,} a second for {plan.seconds} s, beside {plan.runs_per_second} runs a second",
        [_by_kind(plan, found), _as_a_whole(plan, found), _answered_and_found(found)],
        [Bars("p99 in milliseconds", [(kind, 1e3 * figures[f"p99.{kind}"]) for kind in plan.kinds])],
        {**figures, "errors": len(found.faults), "per_second": found.per_second(plan)},
    )


def _by_kind(plan: Plan, found: Found) -> Table:
    rows = []
    for kind in plan.kinds:
        answers = found.of(kind)
        spans = [each.span for each in answers]
        rows.append(
            [
                kind,
                f"{len(answers):,}",
                *(milliseconds(quantile(spans, share)) for share in (0.5, 0.9, 0.99, 1)),
                str(sum(each.fault is not None for each in answers)),
            ]
        )
    told = [f"An error: `{fault}`" for fault in list(dict.fromkeys(found.faults))[:MOST_FAULTS]]
    notes = ["Each counts from the moment it was to be sent, with a key.", *told]
    return Table("Each kind of write", ["write", "sent", "p50", "p90", "p99", "longest", "errors"], rows, notes)


def _as_a_whole(plan: Plan, found: Found) -> Table:
    count = len(found.answers)
    worker_seconds = found.spent.worker_seconds - found.api_seconds
    row = [
        number(found.per_second(plan)),
        str(len(found.faults)),
        *(microseconds(each / count) for each in (found.api_seconds, found.spent.server_seconds, worker_seconds)),
        number(len(found.lateness) / found.spent.at),
        milliseconds(quantile(found.lateness, 0.99)),
        number(found.spent.busy_others),
    ]
    columns = [
        "writes/s", "errors", "CPU/write, API", "CPU/write, PostgreSQL", "CPU/write, worker", "runs/s",
        "runs late, p99", "cores busy with others",
    ]  # fmt: skip
    note = f"{plan.apis} process(es) of the API, {plan.connections} connections; the load comes from the same machine."
    return Table("All of them", columns, [row], [note])


def _answered_and_found(found: Found) -> Table:
    done = {kind: sum(each.fault is None for each in found.of(kind)) for kind in KINDS}
    pairs = [
        ("schedules created", done["create"], found.rows["created"]),
        ("schedules deleted", done["delete"], found.rows["deleted"]),
        ("executions asked for", done["execute"], found.rows["executed"]),
        ("of which ran, and succeeded", done["execute"], found.rows["ran"]),
        ("changes in the log of changes", sum(done.values()), found.rows["audited"]),
    ]
    rows = [[what, f"{answered:,}", f"{there:,}"] for what, answered, there in pairs]
    return Table("Answered, and found in the database", ["what", "answered", "found"], rows)


SCENARIO = Scenario("writes", Plan, measure, (Size.QUICK, Size.FULL, Size.LONG))

if __name__ == "__main__":
    SCENARIO.main()
