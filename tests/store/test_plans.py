"""The plans of the statements that every look, every result and every sweep runs, on a hundred thousand schedules.

A plan is judged by what it read: the rows of all its scans, those that a filter dropped included. All are prepared, and
used, while the tables are empty: that is what a connection has behind it that was opened on a quiet evening.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest

from rowcall.domain.catching_up import LateLane
from rowcall.domain.definitions import define
from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.database import PROBES, Database
from rowcall.store.executions import execute_schedule
from rowcall.store.keeping import ONE_PLAN
from rowcall.store.schedules import lock_schedule
from rowcall.store.sessions import sql
from tests.store.stories import HOUR, MINUTE, NOON, ASchedule, Connection, claim, finish

ROOM = 100
RESULTS = 200
KEPT_AFTER = 6
"""PostgreSQL plans for the arguments five times before it thinks of keeping a plan."""

Questions: TypeAlias = Mapping[str, tuple[int, Sequence[Any]]]

BIG = ("schedules", "schedule_names", "schedule_executions", "open_executions", "webhook_deliveries")

FILLING = """
SET LOCAL session_replication_role = replica;  -- no triggers: nothing here is about them

-- a hundred thousand, half of them due; a quarter each of two routes that this replica has and of two that it has not
INSERT INTO rowcall.schedules
       (name, task_type, route, priority, schedule_type, interval_seconds, next_occurrence_at, next_run_at)
SELECT 's' || n, route, route, 1 + n % 10, 'interval', 3600, moment, moment
  FROM generate_series(1, 100000) AS n,
       LATERAL (SELECT ('{here,there,foreign,beyond}'::text[])[1 + n % 4] AS route,
                       now() + make_interval(secs => CASE WHEN n % 8 < 4 THEN -1 - n % 800 ELSE 60 + n % 3600 END)
                       AS moment) AS made;
INSERT INTO rowcall.schedule_versions (schedule_id, valid_from, version, status, definition, tzdata_version)
SELECT n, now() - interval '1 day', 1, 'ACTIVE', '{}', '0' FROM generate_series(1, 20000) AS n;
INSERT INTO rowcall.schedules (name, task_type, route, schedule_type, interval_seconds)
SELECT 'new' || n, 'here', 'here', 'interval', 3600 FROM generate_series(1, 5000) AS n;
INSERT INTO rowcall.schedule_names (client_id, name, schedule_id)
SELECT s.client_id, s.name, s.schedule_id FROM rowcall.schedules AS s;

INSERT INTO rowcall.workers (name, host, pid, rowcall_version, routes, slots, lease_seconds, status, ended_at)
SELECT 'w' || n, 'h', n, '0', '{here,there}', 100, 30,
       CASE n WHEN 20 THEN 'DEAD' ELSE 'RUNNING' END, CASE n WHEN 20 THEN now() END
  FROM generate_series(1, 20) AS n;

-- a week of history, and twenty thousand open ones: queued, running under twenty workers, waiting
INSERT INTO rowcall.schedule_executions
       (execution_id, schedule_id, scheduled_for, finished_at, schedule_version, priority, trigger, status, task_type,
        input_data, attempt, fence)
SELECT 1000000 + n, n, now() - n % 7 * interval '1 day' - n * interval '1 millisecond', now(), 1, 5, 'schedule',
       'SUCCEEDED', 'here', '{}', 1, 1
  FROM generate_series(1, 70000) AS n;
INSERT INTO rowcall.open_executions
       (execution_id, schedule_id, scheduled_for, available_at, worker_id, fence, priority, trigger, route)
SELECT n, n, now() - n * interval '1 microsecond', CASE n % 3 WHEN 0 THEN now() END,
       CASE n % 3 WHEN 1 THEN 1 + n / 3 % 20 END, 1, 1 + n / 3 % 10, 'manual',
       ('{here,there,foreign,beyond}'::text[])[1 + n / 3 % 4]
  FROM generate_series(1, 20000) AS n;
INSERT INTO rowcall.schedule_executions
       (execution_id, schedule_id, scheduled_for, available_at, worker_id, executed_at, schedule_version, priority,
        trigger, status, task_type, input_data, attempt, fence)
SELECT execution_id, schedule_id, scheduled_for, available_at, worker_id, now(), 1, 5, 'manual',
       CASE WHEN worker_id IS NULL THEN 'QUEUED' ELSE 'RUNNING' END, 'here', '{}', 1, 1
  FROM rowcall.open_executions;
INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
SELECT array_agg(n), array_agg(n), array_agg('SUCCEEDED'::text) FROM generate_series(1, 20000) AS n GROUP BY n % 100;
SELECT setval('rowcall.execution_ids', 2000000);

-- twenty thousand deliveries, half of them over; of the others most are for one receiver, which is dead
INSERT INTO rowcall.webhook_deliveries
       (schedule_id, execution_id, client_id, event, url, payload, status, next_attempt_at, finished_at)
SELECT n % 1000, n, 'default', 'SUCCEEDED', 'https://host' || n % 1000 || '.example/', '{}',
       'DELIVERED', NULL, now() - interval '40 days'
  FROM generate_series(1, 10000) AS n;
INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload, due_since)
SELECT n % 1000, n, 'default', 'SUCCEEDED',
       'https://' || CASE WHEN n % 100 = 0 THEN 'host' || n % 1000 ELSE 'dead' END || '.example/', '{}',
       now() - interval '2 days'
  FROM generate_series(1, 10000) AS n;
"""


DEFINITION = json.dumps(
    {**define({"task_type": "here", "hours": 1}, now=datetime.now(UTC)).columns(), "name": "another"}, default=str
)


class Crowd:
    """What the statements are asked about."""

    def __init__(
        self,
        now: datetime,
        due: Sequence[asyncpg.Record] = (),
        running: Sequence[asyncpg.Record] = (),
        queued: Sequence[asyncpg.Record] = (),
    ) -> None:
        self.now = now
        self.due = [row["schedule_id"] for row in due]
        self.moments: list[datetime] = [row["next_run_at"] for row in due]
        self.running = [row["execution_id"] for row in running]
        self.running_for: list[datetime] = [row["scheduled_for"] for row in running]
        self.span = min(self.running_for, default=now), max(self.running_for, default=now)
        self.running_of = [row["schedule_id"] for row in running]
        self.queued = [row["execution_id"] for row in queued]
        self.queued_for: list[datetime] = [row["scheduled_for"] for row in queued]
        self.queued_of = [row["schedule_id"] for row in queued]
        self.span_of_queue = min(self.queued_for, default=now), max(self.queued_for, default=now)

    @classmethod
    async def of(cls, db: Connection) -> "Crowd":
        due = await db.fetch(
            "SELECT schedule_id, next_run_at FROM rowcall.schedules"
            " WHERE route = 'here' AND next_run_at < now() ORDER BY next_run_at LIMIT $1",
            ROOM,
        )
        running = await db.fetch(
            "SELECT execution_id, schedule_id, scheduled_for FROM rowcall.open_executions WHERE worker_id = 2 LIMIT $1",
            RESULTS,
        )
        queued = await db.fetch(
            "SELECT execution_id, schedule_id, scheduled_for FROM rowcall.open_executions"
            " WHERE available_at IS NOT NULL LIMIT $1",
            ROOM,
        )
        return cls(await db.fetchval("SELECT now()"), due, running, queued)

    def questions(self) -> Questions:
        """For each statement how many rows it may read at most, and its arguments."""
        routes = ["here", "there"]
        lanes = [(route, priority) for priority in range(10, 0, -1) for route in routes]
        lane_arrays = [route for route, _ in lanes], [priority for _, priority in lanes]
        due, nothing, ones = len(self.due), [None] * len(self.due), [1] * len(self.due)
        following = [moment + timedelta(hours=1) for moment in self.moments]
        half_a_minute_ago = self.now - timedelta(seconds=30)
        ended, ends, of = len(self.running), [None] * len(self.running), self.running_of
        keys = (self.running, self.running_for, [1] * ended)
        return {
            "peek": (2 * len(lanes) + 1, [routes, None, None, None]),
            "peek of what is not late": (2 * len(lanes) + 1, [routes, None, half_a_minute_ago, half_a_minute_ago]),
            "claim_due": (ROOM, [*lane_arrays, ROOM, None, None, None]),
            "claim_due of what is not late": (ROOM, [*lane_arrays, ROOM, None, half_a_minute_ago, None]),
            "claim_due of what is late": (ROOM, [*lane_arrays, ROOM, None, None, half_a_minute_ago]),
            "claim_queued": (2 * ROOM, [*lane_arrays, ROOM, None, None, None]),
            "claim_queued of what is not late": (2 * ROOM, [*lane_arrays, ROOM, None, half_a_minute_ago, None]),
            "claim_queued of what is late": (2 * ROOM, [*lane_arrays, ROOM, None, None, half_a_minute_ago]),
            "take_runs": (
                4 * len(self.queued),
                [1, self.queued, self.queued_for, self.queued_of, [1] * len(self.queued), *self.span_of_queue],
            ),
            "find_unroutable": (2 * 1000 + 120, [routes, 500, 1000, None]),
            "walk_unroutable": (2 * 1000, [routes, 5000, 1000, None]),
            "lock_unroutable": (due + 20 * due, [self.due, None]),
            "open_of": (3 * due, [self.due]),
            "due_in_full": (2 * due, [self.due]),
            "start_runs of what is on time": (2 * due, [1, self.due, nothing, following, *[[]] * 4]),
            "start_runs of what has a plan": (
                due,
                [1, self.due, nothing, following, self.moments, self.moments, following, ones],
            ),
            "advance_schedules": (due, [self.due, self.moments, following, following, ones]),
            "insert_answers": (3 * due, [self.due, ["MISSED"] * due, following, nothing, ["so it is"] * due]),
            "complete_schedules": (due, [self.due, ["so it is"] * due]),
            "request_cancel_open": (9 * due, [self.due]),
            "close_available": (6 * due, [self.due]),
            "cancel_closed": (
                2 * len(self.queued),
                [self.queued, self.queued_of, self.queued_for, [1] * len(self.queued), "so it is"],
            ),
            "lock_free_schedules": (due, [self.due]),
            "waiting_of": (3 * due, [self.due]),
            "upcoming_rules": (len(lanes) * ROOM, [["here"], 300.0, ROOM]),
            "releasable": (30000, [500]),
            "overtaken": (30000, [None, 500]),
            "overtaken of some": (9 * due, [self.due, 500]),
            "deleted_but_queued": (30000, [500]),
            "release_waiting": (12 * due, [self.due, ones]),
            "take_unplanned": (500, [None, 500]),
            "take_unplanned of one": (2, [[100001], 500]),
            "spans_of": (4 * due, [self.due, self.moments]),
            "finish_executions": (4 * ended, [2, *keys, of, [0.1] * ended, *[[]] * 5, *self.span]),
            "requeue_executions": (2 * ended + 400, [2, *keys, [0.0] * ended, [0] * ended, ends, ends, of]),
            "beat": (800, [3, None]),
            "survey": (
                2500,
                [["here", "there", "foreign", "beyond"], ["shop"], 60, 400, 0, 86400.0, half_a_minute_ago],
            ),
            "survey of another's": (2500, [["another"], ["shop"], 30, 400, 400, 86400.0, None]),
            "open_of_worker": (400, [2]),
            "open_of_worker_since": (ended + 10, [2, self.running, 19_990]),
            "bury_workers": (60, [None]),
            "take_orphans": (4 * 400, [500, None]),
            "fold_outcomes": (30_000, [5_000, 0, None]),
            "find_named": (due, [["default"] * due, [f"s{number}" for number in range(due)]]),
            "lock_schedules": (due, [self.due]),
            "find_static": (1, ["shop"]),
            "find_gone": (60, ["shop"]),
            "declared_by_others": (60, ["shop", 1]),
            "waiting_targets": (60, ["", 500]),
            "claim_deliveries": (80, [["https://dead.example", "https://host100.example"], [10, 10], 15.0]),
            "note_delivery": (1, [10001, 0, "PENDING", None, 5.0, "{}", self.now]),
            "expire_deliveries": (
                2000,
                ["https://dead.example", 86400.0, 1000, "so it is", "https://dead.example/", "default"],
            ),
            "forget_deliveries": (2000, [30, 1000]),
        }

    def questions_of_one(self) -> Questions:
        """The same for the statements of a change of one schedule, whose plans are kept."""
        one = self.due[0] if self.due else 1
        override, reason = '{"n": 1}', "so it is"
        return {
            "find_schedule": (2, [one, None, None, None]),
            "find_schedule by its name": (2, [None, "default", f"s{one}", None]),
            "find_schedules of one": (1, [[one], None]),
            "lock_schedule": (2, [one, None, None, None]),
            "lock_schedule by its name": (2, [None, "default", f"s{one}", None]),
            "disable_schedule": (3, [one, 1, None]),
            "set_schedule_status": (1, [one, "PAUSED", reason, *[None] * 5]),
            "update_schedule": (2, [one, DEFINITION, None, None]),
            "spans_of_schedule": (4, [one, self.now]),
            "advance_schedule": (1, [one, self.now, self.now, self.now]),
            "request_execution": (8, [one, self.now, override, True]),
            "delete_schedule": (8, [one, reason]),
        }

    def questions_of_a_look(self) -> Questions:
        """The same for those of a look, which have but one plan each."""
        looks = {"peek", "claim_due", "claim_queued"}
        one = self.due[0] if self.due else 1
        return {
            **{question: each for question, each in self.questions().items() if question.split()[0] in looks},
            "start_run": (2, [1, one, None, self.now, None]),
            "take_run": (3, [1, *self._first(self.queued, self.queued_for, self.queued_of), 1]),
            "try_partitions": (0, [self.now]),
        }

    def questions_of_a_lone_result(self) -> Questions:
        """The same for the end of a run by itself."""
        execution, moment, schedule = self._first(self.running, self.running_for, self.running_of)
        return {
            "finish_run": (2, [2, execution, moment, 1, schedule, 0.1]),
            "waiting_of": (3 * len(self.due), [self.due]),
        }

    def _first(self, *columns: Sequence[Any]) -> Sequence[Any]:
        """The first of each; where there is nothing, keys that nothing has."""
        return [column[0] if column else default for column, default in zip(columns, (1, self.now, 1), strict=True)]


# ── what was read ─────────────────────────────────────────────────────────────────────────────────────────────────────


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def rows_out_of(node: Mapping[str, Any]) -> float:
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    rows: float = (node["Actual Rows"] + dropped) * node["Actual Loops"]
    return rows


def faults_of(plan: Mapping[str, Any], most: int) -> list[str]:
    """What is wrong with a plan that was carried out."""
    scans = [node for node in nodes(plan) if "Scan" in node["Node Type"] and "Relation Name" in node]
    read = sum(rows_out_of(node) for node in scans)
    whole = [node for node in scans if node["Node Type"] == "Seq Scan" and node["Relation Name"].startswith(BIG)]
    compared = sum(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"] for node in nodes(plan))
    sorted_rows = [rows_out_of(node) for node in nodes(plan) if node["Node Type"] == "Sort"]
    return [
        *([f"read {read:.0f} rows, {most} are enough"] if read > most else []),
        *([f"compares {compared:.0f} pairs in vain"] if compared > most else []),
        *(f"reads all of {node['Relation Name']}" for node in whole),
        *(f"sorts {rows:.0f} rows" for rows in sorted_rows if rows > max(most, 500)),
    ]


async def prepare(db: Connection, question: str) -> None:
    await db.execute(f'PREPARE "{question}" AS {sql(question.split(maxsplit=1)[0])}')


async def explained(db: Connection, question: str, arguments: Sequence[Any]) -> Mapping[str, Any]:
    """The plan of a prepared statement, carried out and taken back."""
    types = await db.fetchval(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1 AND from_sql", question
    )
    literals = [
        await db.fetchval(f"SELECT quote_nullable($1::{kind}::text)", argument)
        for kind, argument in zip(types, arguments, strict=True)
    ]
    given = f"({', '.join(literals)})" if literals else ""
    transaction = db.transaction()
    await transaction.start()
    try:
        answer = await db.fetchval(f'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE "{question}"{given}')
    finally:
        await transaction.rollback()
    plan: Mapping[str, Any] = json.loads(answer)[0]["Plan"]
    return plan


async def faults(db: Connection, questions: Questions) -> dict[str, list[str]]:
    """What is wrong with which plan."""
    found = {}
    for question, (most, arguments) in questions.items():
        if wrong := faults_of(await explained(db, question, arguments), most):
            found[question] = wrong
    return found


@pytest.fixture
async def asked(dsn: str) -> AsyncIterator[Connection]:
    """A connection with the settings that those of the store have, and little patience."""
    settings = {**PROBES, "statement_timeout": "20s"}
    connection = await asyncpg.connect(dsn, server_settings=settings, statement_cache_size=0)
    yield connection
    await connection.close()


async def test_every_statement_reads_a_bounded_number_of_rows(db: Connection, asked: Connection) -> None:
    await db.execute("SELECT rowcall.ensure_partitions(now() - interval '8 days', now() + interval '2 days')")
    await db.execute("ANALYZE")
    nobody = Crowd(await db.fetchval("SELECT now()"))
    for question, (_, arguments) in nobody.questions().items():
        await prepare(asked, question)
        for _ in range(KEPT_AFTER):
            await explained(asked, question, arguments)  # for tables that were found empty

    await db.execute(FILLING)
    crowd = await Crowd.of(db)
    assert (len(crowd.due), len(crowd.running), len(crowd.queued)) == (ROOM, RESULTS, ROOM)
    found = {"filled a moment ago": await faults(asked, crowd.questions())}
    await db.execute("ANALYZE")
    found["settled"] = await faults(asked, crowd.questions())
    await asked.execute("SET plan_cache_mode = force_generic_plan")
    found["planned for any arguments"] = await faults(asked, crowd.questions())

    assert {state: wrong for state, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "questions", [Crowd.questions_of_one, Crowd.questions_of_a_look, Crowd.questions_of_a_lone_result]
)
async def test_a_plan_that_is_kept_stays_a_probe(
    db: Connection, asked: Connection, questions: Callable[[Crowd], Questions]
) -> None:
    await asked.execute(f"SET plan_cache_mode = {ONE_PLAN}")
    await db.execute("SELECT rowcall.ensure_partitions(now() - interval '8 days', now() + interval '2 days')")
    await db.execute("ANALYZE")
    nobody = Crowd(await db.fetchval("SELECT now()"))
    for question, (_, arguments) in questions(nobody).items():
        await prepare(asked, question)
        for _ in range(KEPT_AFTER):
            await explained(asked, question, arguments)

    await db.execute(FILLING)
    crowd = await Crowd.of(db)
    found = {"filled a moment ago": await faults(asked, questions(crowd))}
    await db.execute("ANALYZE")
    found["settled"] = await faults(asked, questions(crowd))

    assert {state: wrong for state, wrong in found.items() if wrong} == {}


async def test_looks_and_results_keep_the_plans_of_no_other_statements(
    dsn: str, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    """Whatever it finds: a request, one that is on time, many, and late ones of several kinds."""
    async with Database.open(dsn, size=1) as database:
        requested = await a_schedule(created_at=NOON)
        async with database.transaction() as transaction:
            await execute_schedule(transaction, await lock_schedule(transaction, requested))
        assert len(await claim(database, worker)) == 1
        await a_schedule()
        assert len(await claim(database, worker)) == 1
        for policy in ({}, {"overlap_policy": "cancel_running"}, {"max_executions": 1}, {"grace_period_seconds": 1}):
            for created_at in (NOON - HOUR, NOON - 2 * HOUR - MINUTE):
                await a_schedule(created_at=created_at, **policy)
        for _ in range(20):
            await a_schedule()
        found = [
            await look(database, worker, ["work"], 10, late=LateLane(30.0, 2, triage=turn), now=NOON)
            for turn in range(9)
        ]
        assert any(each.late for each in found)
        assert any(each.recorded for each in found)
        claims = [each for look in found for each in look.claims]
        for results in (claims[:1], claims[1:2], claims[2:]):
            await finish(database, worker, *((each, Outcome.succeeded()) for each in results))
        async with database.transaction() as transaction:
            rows = await transaction.connection.fetch(KEPT)

    crowd = Crowd(NOON)
    kept = [*crowd.questions_of_a_look(), *crowd.questions_of_a_lone_result()]
    probes = {sql(question.split()[0]) for question in kept}
    assert {row["statement"] for row in rows} == probes


KEPT = """
    SELECT statement FROM pg_prepared_statements
     WHERE statement LIKE '--%' AND parameter_types <> '{}' AND generic_plans > 0
"""


async def test_statements_of_tasks_are_planned_as_ever(dsn: str) -> None:
    """The store's settings would make an analyst's query in a task's own transaction crawl."""
    async with Database.open(dsn, size=1) as own, Database.open(dsn, size=1, probes_only=False) as for_tasks:
        assert await settings_of(own) == {"off"}
        assert await settings_of(for_tasks) == {"on"}
        async with own.snapshot() as reading_everything:
            assert {await setting(reading_everything.connection, name) for name in SWITCHES} == {"on"}


SWITCHES = [name for name in PROBES if name.startswith("enable_")]


async def setting(connection: Any, name: str) -> str:
    value: str = await connection.fetchval("SELECT current_setting($1)", name)
    return value


async def settings_of(database: Database) -> set[str]:
    async with database.transaction() as transaction:
        return {await setting(transaction.connection, name) for name in SWITCHES}
