"""The built-in task type `sql`: named statements, exactly once, with their parameters."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from tests.worker.builtin.operator import Operator, as_role
from tests.worker.conftest import Connection, Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until


def asking(name: str, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "parameters": parameters}


async def effects(db: Connection) -> list[str]:
    return [row["what"] for row in await db.fetch("SELECT what FROM sales.effects ORDER BY what")]


async def test_a_statement_and_the_end_of_its_execution_are_written_by_one_transaction(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(
        note={"statement": "INSERT INTO sales.effects VALUES ($1)", "parameters": ["what"]},
    )
    schedule_id = await schedules.insert("sql", input_data=asking("note", what="sold"))
    served = await serve(**on)
    row = await schedules.reaches("SUCCEEDED", schedule_id)

    assert json.loads(row["result_data"]) == {"status": "INSERT 0 1"}
    assert (row["attempt"], row["error_message"], row["duration_seconds"] > 0) == (1, None, True)
    one = "SELECT f.xmin = e.xmin FROM sales.effects AS f, rowcall.schedule_executions AS e"
    assert await schedules.db.fetchval(one)
    await until(lambda: any(getattr(event, "status", "") == "SUCCEEDED" for event in served.events), what="the event")
    await until(lambda: schedules.db.fetchval("SELECT successful_runs = 1 FROM rowcall.schedules"), what="the counter")
    assert await schedules.db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 0
    assert await schedules.db.fetchval("SELECT count(*) FROM rowcall.run_tokens") == 0


async def test_the_webhook_of_a_statement_is_written_by_the_same_transaction(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(note={"statement": "INSERT INTO sales.effects VALUES (now()::text)"})
    told = await schedules.insert("sql", input_data=asking("note"), callback_url="https://hooks.example.org/")
    await serve(**on)
    await schedules.reaches("SUCCEEDED", told)
    untold = await schedules.insert("sql", input_data=asking("note"))
    await schedules.reaches("SUCCEEDED", untold)

    [row] = await schedules.db.fetch("SELECT schedule_id, event, created_at FROM rowcall.webhook_deliveries")
    assert (row["schedule_id"], row["event"]) == (told, "SUCCEEDED")
    began = await schedules.db.fetchval("SELECT min(what::timestamptz) FROM sales.effects")
    assert row["created_at"] == began, "the same now(), so the same transaction"


async def test_several_statements_are_one_transaction_and_the_last_one_answers(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    move = {
        "statement": [
            "INSERT INTO sales.effects VALUES ($1)",
            "UPDATE sales.effects SET what = $2 WHERE what = $1",
            "SELECT what, $1 AS before FROM sales.effects",
        ],
        "parameters": ["old", "new"],
    }
    schedule_id = await schedules.insert("sql", input_data=asking("move", old="a", new="b"))
    await serve(**operator.writes_down(move=move))
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert json.loads(row["result_data"]) == {"row_count": 1, "rows": [{"what": "b", "before": "a"}]}


async def test_rows_are_kept_up_to_a_hundred_and_all_are_counted(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(
        many="SELECT k, 'x' || k AS label, 1.5::numeric AS price, '2026-11-27'::date AS day, '{1,2}'::int[] AS list, "
        "'\\x01ff'::bytea AS raw, 'NaN'::float8 AS odd FROM generate_series(1, 1000) AS k"
    )
    schedule_id = await schedules.insert("sql", input_data=asking("many"))
    await serve(**on)
    result = json.loads((await schedules.reaches("SUCCEEDED", schedule_id))["result_data"])
    assert (result["row_count"], len(result["rows"])) == (1000, 100)
    assert result["rows"][0] == {
        "k": 1, "label": "x1", "price": "1.5", "day": "2026-11-27", "list": [1, 2], "raw": "01ff", "odd": "nan"
    }  # fmt: skip


VALUES = [
    ("int", 5, "5"),
    ("bigint", -(2**63), "-9223372036854775808"),
    ("numeric", 1.5, "1.5"),
    ("numeric", "0.1", "0.1"),
    ("float8", 2, "2"),
    ("bool", True, "true"),
    ("text", "it's; DROP TABLE sales.effects --", "it's; DROP TABLE sales.effects --"),
    ("date", "2026-11-27", "2026-11-27"),
    ("timestamptz", "2026-11-27T09:30:00+01:00", "2026-11-27 08:30:00+00"),
    ("interval", 90, "00:01:30"),
    ("uuid", "6f2c1a52-7f5d-4f0c-9a51-0d7c2d6a9e11", "6f2c1a52-7f5d-4f0c-9a51-0d7c2d6a9e11"),
    ("jsonb", {"a": [1, None]}, '{"a": [1, null]}'),
    ("int[]", [1, 2, None], "{1,2,NULL}"),
    ("text", None, None),
]


async def test_a_value_reaches_postgresql_as_what_the_statement_takes(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    kinds = {f"v{index}": kind for index, (kind, _, _) in enumerate(VALUES)}
    columns = ", ".join(f"(${index + 1}::{kind})::text AS v{index}" for index, kind in enumerate(kinds.values()))
    on = operator.writes_down(values={"statement": f"SELECT {columns}", "parameters": list(kinds)})
    given = {f"v{index}": value for index, (_, value, _) in enumerate(VALUES)}
    schedule_id = await schedules.insert("sql", input_data=asking("values", **given))
    await serve(**on)
    [row] = json.loads((await schedules.reaches("SUCCEEDED", schedule_id))["result_data"])["rows"]
    assert list(row.values()) == [text for _, _, text in VALUES]


async def test_a_statement_learns_of_its_run(serve: Serve, schedules: Schedules, operator: Operator) -> None:
    on = operator.writes_down(
        learn={
            "statement": "SELECT $1::timestamptz AS scheduled_for, $2::bigint AS execution_id, $3::text AS day",
            "parameters": ["run.scheduled_for", "run.execution_id", "run.scheduled_date"],
        }
    )
    schedule_id = await schedules.insert("sql", input_data=asking("learn"))
    await serve(**on)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert json.loads(row["result_data"])["rows"] == [
        {
            "scheduled_for": row["scheduled_for"].isoformat(),
            "execution_id": row["execution_id"],
            "day": row["scheduled_for"].date().isoformat(),
        }
    ]


@pytest.mark.parametrize(
    ("input_data", "told"),
    [
        ({"name": "nightly"}, "input_data.name: no statement 'nightly' was written down; there are: day, night; did"),
        ({}, "input_data.name: is missing; the operator wrote down these statements: day, night"),
        ({"name": "night", "statement": "DROP TABLE x"}, "input_data.statement: is none of name, parameters"),
        (asking("day", date="2026-11-27"), "input_data.parameters.date: day has no such parameter; it takes: day"),
        (asking("day"), "input_data.parameters.day: is missing; day takes: day"),
        (asking("day", day="soon"), 'parameters.day: a date such as 2026-11-27 is expected; found "soon"'),
        (asking("day", day=5), "parameters.day: a date such as 2026-11-27 is expected; found 5"),
        ({"name": "day", "parameters": [1]}, "input_data.parameters: an object is expected"),
    ],
)
async def test_input_that_makes_no_sense_fails_at_once_and_names_what_there_is(
    serve: Serve, schedules: Schedules, operator: Operator, input_data: dict[str, Any], told: str
) -> None:
    on = operator.writes_down(
        day={"statement": "INSERT INTO sales.effects SELECT $1::date::text", "parameters": ["day"]},
        night="INSERT INTO sales.effects VALUES ('night')",
    )
    schedule_id = await schedules.insert("sql", input_data=input_data, max_retries=3, retry_backoff_seconds=3600)
    await serve(**on)
    row = await schedules.reaches("FAILED", schedule_id)
    assert told in row["error_message"]
    assert (row["attempt"], await effects(schedules.db)) == (1, [])


async def test_a_statement_that_fails_leaves_nothing_and_is_tried_again(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(bad=["INSERT INTO sales.effects VALUES ('half')", "SELECT 1 / 0"])
    schedule_id = await schedules.insert("sql", input_data=asking("bad"), max_retries=1, retry_backoff_seconds=0)
    await serve(**on)
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["error_message"] == "division by zero (22012)"
    assert (row["attempt"], await effects(schedules.db)) == (2, [])


async def test_a_statement_past_its_own_time_limit_has_timed_out_and_left_nothing(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    slow = {"statement": ["INSERT INTO sales.effects VALUES ('x')", "SELECT pg_sleep(60)"], "timeout_seconds": 0.2}
    on = operator.writes_down(slow=slow)
    schedule_id = await schedules.insert("sql", input_data=asking("slow"), max_retries=0)
    await serve(**on)
    row = await schedules.reaches("TIMED_OUT", schedule_id)
    assert "statement timeout" in row["error_message"]
    assert await effects(schedules.db) == []


@pytest.mark.parametrize("how", ["the schedule's time limit", "a request"])
async def test_a_statement_that_is_to_end_is_cancelled_on_the_server(
    serve: Serve, schedules: Schedules, operator: Operator, how: str
) -> None:
    on = operator.writes_down(slow=["INSERT INTO sales.effects VALUES ('x')", "SELECT pg_sleep(600)"])
    limit = 0.5 if how == "the schedule's time limit" else 600
    schedule_id = await schedules.insert("sql", input_data=asking("slow"), max_retries=0, timeout_seconds=limit)
    await serve(**on)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND query LIKE '%pg_sleep%'"
    if how == "a request":
        row = await schedules.reaches("RUNNING", schedule_id)
        await until(lambda: schedules.db.fetchval(sleeping, operator.role), what="the sleep")
        await schedules.cancel(row["execution_id"], notify=True)
    row = await schedules.reaches("TIMED_OUT" if limit < 1 else "CANCELLED", schedule_id)
    await until(lambda: schedules.db.fetchval(sleeping.replace("count(*)", "count(*) = 0"), operator.role))
    assert await effects(schedules.db) == []


async def test_an_execution_that_waits_for_a_statement_is_let_go_by_its_end(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(slow="SELECT pg_sleep(1.5)")
    schedule_id = await schedules.insert(
        "sql", input_data=asking("slow"), interval_seconds=1, overlap_policy="queue", max_executions=2
    )
    await serve(poll_interval_seconds=NEVER, **on)
    await until(lambda: schedules.db.fetchval("SELECT count(*) = 2 FROM rowcall.open_executions"), what="the second")
    await until(lambda: schedules.db.fetchval("SELECT status = 'COMPLETED' FROM rowcall.schedules"), what="the last")
    rows = await schedules.ended(schedule_id)
    assert [row["status"] for row in rows] == ["SUCCEEDED", "SUCCEEDED"]


async def test_a_role_that_can_become_rowcalls_own_is_refused(
    serve: Serve, schedules: Schedules, operator: Operator, dsn: str
) -> None:
    on = operator.writes_down(note="INSERT INTO sales.effects VALUES ('x')") | {"sql_database_url": dsn}
    schedule_id = await schedules.insert("sql", input_data=asking("note"), max_retries=0)
    await serve(**on)
    row = await schedules.reaches("FAILED", schedule_id)
    assert "can become, the role that owns the schema rowcall" in row["error_message"]
    assert await effects(schedules.db) == []


async def test_a_role_that_may_lock_rowcalls_tables_to_maintain_them_is_refused(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    """By LOCK TABLE, which PostgreSQL 17 lets it do, it could hold up every worker."""
    if schedules.db.get_server_version().major < 17:
        pytest.skip("this server does not know MAINTAIN")
    await schedules.db.execute(f"GRANT MAINTAIN ON rowcall.open_executions TO {operator.role}")
    on = operator.writes_down(note="INSERT INTO sales.effects VALUES ('x')")
    schedule_id = await schedules.insert("sql", input_data=asking("note"), max_retries=0)
    await serve(**on)
    row = await schedules.reaches("FAILED", schedule_id)
    assert "it has rights on tables of the schema rowcall" in row["error_message"]
    assert await effects(schedules.db) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("GRANT SELECT ON rowcall.run_tokens TO {role}", "it has rights on tables of the schema rowcall"),
        ("GRANT CREATE ON SCHEMA rowcall TO {role}", "it may create objects in the schema rowcall"),
        ("GRANT SELECT (token_hash) ON rowcall.run_tokens TO {role}", "it has rights on tables of the schema rowcall"),
        ("ALTER ROLE {role} CREATEROLE", "it has, or can take on, CREATEROLE, by which it could get at Rowcall"),
        ("ALTER ROLE {role} REPLICATION", "it has, or can take on, REPLICATION"),
        ("GRANT pg_execute_server_program TO {role}", "it has, or can take on, pg_execute_server_program"),
        ("ALTER ROLE {role} NOINHERIT; GRANT pg_write_server_files TO {role}", "can take on, pg_write_server_files"),
        ("REVOKE USAGE ON SCHEMA rowcall FROM {role}", "SELECT rowcall.grant_sql_role('{role}')"),
    ],
    ids=["a table", "create", "a column", "createrole", "replication", "programs", "files", "no usage"],
)
async def test_a_role_with_rights_it_should_not_have_or_without_those_it_needs_runs_nothing(
    serve: Serve, schedules: Schedules, operator: Operator, change: str, told: str
) -> None:
    await schedules.db.execute(change.format(role=operator.role))
    on = operator.writes_down(note="INSERT INTO sales.effects VALUES ('x')")
    schedule_id = await schedules.insert("sql", input_data=asking("note"), max_retries=0)
    await serve(**on)
    assert told.format(role=operator.role) in (await schedules.reaches("FAILED", schedule_id))["error_message"]
    assert await effects(schedules.db) == []


async def test_a_role_that_is_not_let_in_fails_and_its_password_is_not_told(
    serve: Serve, schedules: Schedules, operator: Operator, dsn: str
) -> None:
    on = operator.writes_down(note="SELECT 1") | {"sql_database_url": as_role(dsn, "nobody_of_that_name")}
    schedule_id = await schedules.insert("sql", input_data=asking("note"), max_retries=0)
    await serve(**on)
    row = await schedules.reaches("FAILED", schedule_id)
    assert "PostgreSQL does not answer" in row["error_message"]
    assert "secret" not in row["error_message"]


async def test_a_superuser_is_not_made_a_role_of_sql_tasks(db: Connection) -> None:
    with pytest.raises(asyncpg.RaiseError, match="which owns Rowcall"):
        await db.execute("SELECT rowcall.grant_sql_role(current_user)")
    with pytest.raises(asyncpg.RaiseError, match="there is no role"):
        await db.execute("SELECT rowcall.grant_sql_role('nobody_of_that_name')")


@pytest.mark.parametrize("left_out", ["named_sql", "sql_database_url"])
async def test_without_its_role_or_its_file_the_task_type_is_not_offered(
    serve: Serve, schedules: Schedules, operator: Operator, left_out: str
) -> None:
    on = operator.writes_down(note="SELECT 1")
    del on[left_out]
    await serve(**on)
    await until(lambda: schedules.workers("RUNNING"), what="the worker")
    [worker] = await schedules.workers("RUNNING")
    assert worker["routes"] == ["http"]
