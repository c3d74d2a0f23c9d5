"""The role rowcall_monitor: it reads the monitoring views, and there is nothing else that it may do or see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from rowcall.embedded import start_throwaway
from tests.databases import SCHEMA, Admin
from tests.folders import short_lived_folder
from tests.store.stories import NOON, AnExecution, ASchedule, AWorker, Connection

READ_ONLY = {
    "definition_of", "sessions", "is_zone", "status_since", "occurrences_around", "told_moment", "told_span",
    "told_workers", "told_reason", "told_ending", "told_error", "explain", "explanation", "explain_now", "explain_at",
    "explain_due", "explain_answer", "explain_covered", "explain_unanswered", "explained_id",
}  # fmt: skip
"""The functions that the role may call: definition_of, like everybody, because it only rearranges what it is given."""

SECRET = "s3cr3t-5up3r"


@pytest.fixture
async def monitor(dsn: str) -> AsyncIterator[Connection]:
    """Someone who logged in as rowcall_monitor, in the same database."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("SET SESSION AUTHORIZATION rowcall_monitor")
    yield connection
    await connection.close()


async def relations(db: Connection) -> dict[str, str]:
    rows = await db.fetch(
        "SELECT c.relname, c.relkind::text FROM pg_class AS c"
        " WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
    )
    return {row["relname"]: row["relkind"] for row in rows}


async def test_the_monitor_role_reads_every_view_and_is_refused_every_table(
    db: Connection, monitor: Connection
) -> None:
    read, refused = set(), set()
    for name in await relations(db):
        try:
            await monitor.fetch(f'SELECT * FROM rowcall."{name}" LIMIT 1')
            read.add(name)
        except asyncpg.InsufficientPrivilegeError:
            refused.add(name)

    assert read == {name for name, kind in (await relations(db)).items() if kind == "v" and name.startswith("v_")}
    assert {"schedules", "schedule_executions", "run_tokens", "lanes", "execution_ids"} <= refused


async def test_the_monitor_role_changes_nothing(db: Connection, monitor: Connection) -> None:
    writable = await db.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'rowcall'::regnamespace AND relkind <> 'i' AND CASE"
        " WHEN relkind = 'S' THEN has_sequence_privilege('rowcall_monitor', oid, 'USAGE, UPDATE')"
        " ELSE has_table_privilege('rowcall_monitor', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') END"
    )
    assert [row["relname"] for row in writable] == []
    for statement in (
        "UPDATE rowcall.v_schedules SET status = 'PAUSED'",
        "CREATE TABLE rowcall.mine (id int)",
        "SELECT nextval('rowcall.execution_ids')",
        "DROP VIEW rowcall.v_schedules",
        "SELECT rowcall.ensure_partitions(now(), now())",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await monitor.execute(statement)


async def test_the_monitor_role_is_refused_every_function_but_those_that_only_read(db: Connection) -> None:
    rows = await db.fetch(
        "SELECT p.proname, has_function_privilege('rowcall_monitor', p.oid, 'EXECUTE') AS may,"
        "       has_function_privilege('public', p.oid, 'EXECUTE') AS everybody_may"
        "  FROM pg_proc AS p WHERE p.pronamespace = 'rowcall'::regnamespace"
    )

    assert {row["proname"] for row in rows if row["may"]} == READ_ONLY
    assert {row["proname"] for row in rows if row["everybody_may"]} == {"definition_of"}
    assert {"ensure_partitions", "finish_sql_run", "grant_sql_role", "grant_monitor"} <= {r["proname"] for r in rows}


async def test_no_view_shows_what_may_hold_a_secret(
    db: Connection,
    monitor: Connection,
    another_connection: Connection,
    a_schedule: ASchedule,
    an_execution: AnExecution,
    a_worker: AWorker,
) -> None:
    told = {"password": SECRET}
    await a_worker()
    kept = await a_schedule(
        input_data=told, callback_url=f"https://example.org/{SECRET}", created_at=NOON.replace(year=2025)
    )
    execution = await an_execution(kept)
    await db.execute(
        "UPDATE rowcall.schedule_executions SET status = 'FAILED', finished_at = now(), result_data = $1, errors = $1,"
        " error_message = $2 WHERE execution_id = $3",
        json.dumps(told), f"ValueError: {SECRET}\n\nTraceback: {SECRET}", execution,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO rowcall.run_tokens (execution_id, fence, worker_id, token_hash) VALUES ($1, 1, 1, $2)",
        execution, SECRET.ljust(32).encode(),
    )  # fmt: skip
    async with another_connection.transaction(isolation="repeatable_read"):
        await another_connection.fetchval(f"SELECT '{SECRET}' FROM rowcall.schedules")
        seen = {name: await everything(monitor, name) for name in await relations(db) if name.startswith("v_")}

    assert [name for name, text in seen.items() if SECRET in text or SECRET.encode().hex() in text] == []
    assert "ValueError" in seen["v_failures"]  # and yet the row was there to be shown
    assert "password" not in seen["v_schedules"] + seen["v_versions"]
    assert str(another_connection.get_server_pid()) in seen["v_snapshots"]


async def everything(monitor: Connection, view: str) -> str:
    rows = await monitor.fetch(f"SELECT v::text AS text FROM rowcall.{view} AS v")
    return "\n".join(row["text"] for row in rows)


async def test_grants_survive_a_new_version_of_the_schema(db: Connection, monitor: Connection) -> None:
    await db.execute("GRANT SELECT ON rowcall.v_overdue TO PUBLIC")
    before = await db.fetch("SELECT relname, relacl::text FROM pg_class WHERE relname LIKE 'v\\_%' ORDER BY 1")

    await db.execute(SCHEMA.read_text())

    assert await db.fetch("SELECT relname, relacl::text FROM pg_class WHERE relname LIKE 'v\\_%' ORDER BY 1") == before
    assert await monitor.fetchval("SELECT count(*) FROM rowcall.v_overdue") == 0


def test_without_the_right_to_make_roles_the_schema_says_what_to_run() -> None:
    with short_lived_folder() as data, start_throwaway(data) as server:
        admin = Admin(server.dsn)
        try:
            admin.run("CREATE ROLE humble")
            admin.run("CREATE DATABASE humbles OWNER humble")
            asyncio.run(_built_by_the_humble(server.dsn, admin))
        finally:
            admin.close()


async def _built_by_the_humble(dsn: str, admin: Admin) -> None:
    notices: list[Any] = []
    owner = await asyncpg.connect(dsn, database="humbles")
    owner.add_log_listener(lambda _, notice: notices.append(notice))
    try:
        await owner.execute("SET SESSION AUTHORIZATION humble")
        await owner.execute(SCHEMA.read_text())
        [told] = [notice for notice in notices if "rowcall_monitor" in notice.message]
        assert "humble may not create it" in told.message

        as_admin, _, as_owner = told.hint.removeprefix("As a role that may: ").partition(
            ". Then, as the owner of the schema: "
        )
        await asyncio.to_thread(admin.run, as_admin)
        await owner.execute(as_owner)
        await owner.execute("RESET SESSION AUTHORIZATION; SET SESSION AUTHORIZATION rowcall_monitor")
        assert await owner.fetchval("SELECT schedules_active FROM rowcall.v_metrics") == 0
    finally:
        await owner.close()
