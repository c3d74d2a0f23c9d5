"""create_schedule, pause_schedule, resume_schedule, execute_schedule: from any session, in its own transaction."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.executions import NOT_REPLACED
from tests.store.stories import ASchedule, AWorker, Connection, execution, nested, plan, schedule

NAMES = {"create_schedule", "pause_schedule", "resume_schedule", "execute_schedule"}


@pytest.fixture
async def program(dsn: str, db: Connection) -> AsyncIterator[Connection]:
    """Another program, logged in as a role that was granted control."""
    role = f"shop_{secrets.token_hex(6)}"
    await db.execute(f"CREATE ROLE {role}")
    await db.execute("SELECT rowcall.grant_control($1)", role)
    await db.execute("INSERT INTO rowcall.tasks (task_type) VALUES ('work'), ('http')")
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"SET SESSION AUTHORIZATION {role}")
    yield connection
    await connection.close()
    await db.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


async def create(program: Connection, **definition: Any) -> int:
    given = {"name": "nightly", "task_type": "work", "cron_expression": "0 3 * * *"} | definition
    schedule_id: int = await program.fetchval("SELECT rowcall.create_schedule($1)", json.dumps(given))
    return schedule_id


async def test_a_schedule_is_created_with_the_callers_own_work_or_not_at_all(
    db: Connection, program: Connection, database: Database
) -> None:
    transaction = program.transaction()
    await transaction.start()
    await create(program)
    await transaction.rollback()
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedules") == 0

    created = await create(
        program, input_data={"a": None, "b": [1]}, labels={"team": "shop"}, coalesce="all", priority=9
    )
    await plan(database)

    row = await schedule(db, created)
    assert (row["status"], row["schedule_type"], row["source"], row["client_id"]) == (
        "ACTIVE",
        "cron",
        "sql",
        "default",
    )
    assert (json.loads(row["input_data"]), row["coalesce"], row["priority"]) == ({"a": None, "b": [1]}, "all", 9)
    assert row["next_run_at"] is not None


async def test_moments_without_an_offset_are_read_in_the_schedules_zone(db: Connection, program: Connection) -> None:
    await program.execute("SET timezone = 'Asia/Tokyo'")
    given = {"cron_expression": None, "scheduled_time": "2035-07-01T09:00:00", "timezone": "Europe/London"}
    assert (await schedule(db, await create(program, **given)))["scheduled_time"] == datetime(2035, 7, 1, 8, tzinfo=UTC)
    given |= {"name": "exact", "scheduled_time": "2035-07-01T09:00:00+02:00"}
    assert (await schedule(db, await create(program, **given)))["scheduled_time"] == datetime(2035, 7, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"colour": "red"}, "no schedule has the field colour"),
        ({"status": "PAUSED"}, "no schedule has the field status"),
        ({"client_id": "other"}, "no schedule has the field client_id"),
        ({"task_type": None}, "task_type is missing"),
        ({"task_type": "typo"}, "no worker ever offered the task 'typo'"),
        ({"priority": 11}, "schedules_priority_range"),
        ({"priority": "high"}, "invalid input syntax"),
        ({"interval_seconds": 5}, "schedules_trigger_matches_its_type"),
        ({"cron_expression": None, "scheduled_time": "2020-01-01T00:00:00Z"}, "lies in the past"),
        ({"name": "a/b"}, "schedules_name_form"),
        ({"input_data": json.loads("[" * 64 + "]" * 64)}, "schedules_input_is_an_object"),
        ({"input_data": {"a": json.loads("[" * 64 + "]" * 64)}}, "schedules_nested_at_most_64_deep"),
    ],
)
async def test_what_can_not_be_is_refused(program: Connection, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match=says):
        await create(program, **fields)


async def test_a_rule_that_can_not_be_read_is_told_by_the_next_look(
    db: Connection, program: Connection, database: Database
) -> None:
    created = await create(program, cron_expression="61 * * * *")
    await plan(database)
    row = await schedule(db, created)
    assert (row["status"], "61 is outside 0-59" in row["status_reason"]) == ("INVALID", True)


async def test_pausing_and_resuming_say_who_and_why(db: Connection, program: Connection) -> None:
    created = await create(program)
    role = await program.fetchval("SELECT session_user")
    await program.execute("SET rowcall.who = 'somebody else'")

    await program.execute("SELECT rowcall.pause_schedule('nightly', 'stocktaking')")
    row = await schedule(db, created)
    assert (row["status"], row["status_reason"]) == ("PAUSED", f"stocktaking (by role {role})")
    await program.execute("SELECT rowcall.resume_schedule($1)", str(created))
    row = await schedule(db, created)
    assert (row["status"], row["status_reason"]) == ("ACTIVE", None)

    assert await program.fetchval("SELECT current_setting('rowcall.who')") == "somebody else"
    who = await db.fetch("SELECT DISTINCT who FROM rowcall.audit_log WHERE schedule_id = $1", created)
    assert [entry["who"] for entry in who] == [f"role {role}"]


async def test_a_run_that_was_asked_for_is_claimed_and_a_second_one_waits(
    db: Connection, program: Connection, database: Database, a_worker: AWorker
) -> None:
    worker = await a_worker("work")
    await create(program, input_data={"a": 1, "b": 1})

    first = await program.fetchval("SELECT rowcall.execute_schedule('nightly', '{\"b\": 2}')")
    second = await program.fetchval("SELECT rowcall.execute_schedule('nightly')")

    claims = (await look(database, worker, ["work"], 10)).claims
    assert [(claim.execution_id, json.loads(claim.input_data)) for claim in claims] == [(first, {"a": 1, "b": 2})]
    assert (await execution(db, second))["available_at"] is None
    asked = await db.fetch(
        "SELECT subject FROM rowcall.audit_log WHERE action = 'execution.requested' ORDER BY entry_id"
    )
    assert [entry["subject"] for entry in asked] == [str(first), str(second)]


async def test_what_is_over_or_wrong_is_refused_as_by_rest(
    db: Connection, program: Connection, a_schedule: ASchedule
) -> None:
    over = await a_schedule(name="over", status="COMPLETED", status_reason="limit")
    await a_schedule(name="wrong", status="INVALID", status_reason="no")
    await a_schedule(name="called", task_type="http")
    await a_schedule(name="named", task_type="shell")
    state, value = asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.InvalidParameterValueError
    for error, question in (
        (state, f"pause_schedule('{over}')"),
        (state, "resume_schedule('over')"),
        (state, "execute_schedule('wrong')"),
        (value, "execute_schedule('called', '{\"url\": \"http://elsewhere\"}')"),
        (value, "execute_schedule('named', '{\"name\": \"another\"}')"),
        (value, "execute_schedule('over', '[]')"),
        (value, f"execute_schedule('over', {nested(65)})"),
        (asyncpg.NoDataFoundError, "pause_schedule('nobody')"),
        (asyncpg.NoDataFoundError, "execute_schedule('over', NULL, 'another client')"),
    ):
        with pytest.raises(error):
            await program.execute(f"SELECT rowcall.{question}")
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 0


@pytest.mark.parametrize("task_type", ["http", "sql", "shell", "work"])
async def test_sql_lets_replace_what_rest_does_and_nothing_else(
    program: Connection, a_schedule: ASchedule, task_type: str
) -> None:
    await a_schedule(name="mine", task_type=task_type)
    refused = []
    for field in {field for fields in NOT_REPLACED.values() for field in fields} | {"body", "parameters"}:
        try:
            await program.execute("SELECT rowcall.execute_schedule('mine', $1)", json.dumps({field: "x"}))
        except asyncpg.InvalidParameterValueError:
            refused.append(field)
    assert sorted(refused) == sorted(NOT_REPLACED.get(task_type, ()))


async def test_what_the_caller_puts_in_the_way_is_not_asked(db: Connection, program: Connection) -> None:
    await program.execute(
        "CREATE TEMPORARY TABLE schedules (schedule_id bigint); CREATE TEMPORARY TABLE tasks (task_type text);"
        "CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''infinity''::timestamptz';"
        "CREATE FUNCTION pg_temp.quote_ident(text) RETURNS text LANGUAGE sql AS 'SELECT ''1; DROP TABLE x''';"
        "SET search_path = pg_temp, pg_catalog, rowcall"
    )
    created = await create(program, name="x'); DROP SCHEMA rowcall CASCADE; --")
    await program.execute("SELECT rowcall.execute_schedule($1)", str(created))
    assert (await schedule(db, created))["status"] == "ACTIVE"


async def test_control_is_these_four_functions_and_nothing_else(db: Connection, program: Connection) -> None:
    rows = await db.fetch(
        "SELECT p.proname, p.prosecdef, p.proconfig FROM pg_proc AS p WHERE p.pronamespace = 'rowcall'::regnamespace"
        " AND has_function_privilege($1::name, p.oid, 'EXECUTE')",
        await program.fetchval("SELECT session_user"),
    )
    assert {row["proname"] for row in rows} == NAMES | {"definition_of"}
    assert all("search_path=pg_catalog, pg_temp" in row["proconfig"] for row in rows if row["prosecdef"])
    for relation in ("schedules", "v_schedules", "audit_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await program.fetch(f"SELECT FROM rowcall.{relation}")
