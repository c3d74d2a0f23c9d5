"""Who changed what stands in the log, whichever door they came through; what workers do on their own does not."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from rowcall.domain.access import Access, Scope
from rowcall.domain.definitions import Defaults
from rowcall.store.audit_log import AuditFilter, AuditRow, list_audit_log
from rowcall.store.backfills import Request, cancel_backfill, plan_backfill, start_backfill
from rowcall.store.database import Database
from rowcall.store.executions import cancel_execution
from rowcall.store.keys import create_key, find_key, mark_used, revoke_key
from rowcall.store.schedules import delete_schedule, find_schedule, lock_schedule, pause_schedule
from rowcall.store.static_schedules import Declared, declare_schedules
from tests.store.stories import HOUR, AnExecution, ASchedule, Connection, claim


async def entries(database: Database, **wanted: Any) -> list[AuditRow]:
    """The log, the oldest first."""
    return (await list_audit_log(database, AuditFilter(**wanted), None, 100))[::-1]


async def test_a_change_by_plain_sql_names_the_role_and_what_was_before(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule(name="nightly", client_id="acme")
    await db.execute("UPDATE rowcall.schedules SET priority = 9, description = 'first' WHERE name = 'nightly'")
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = 'audit' WHERE name = 'nightly'")
    await db.execute("DELETE FROM rowcall.schedules")

    created, changed, paused, deleted = await entries(database, schedule_id=schedule_id)
    role = await db.fetchval("SELECT session_user")
    for entry in (created, changed, paused, deleted):
        assert (entry["who"], entry["database_role"]) == (f"role {role}", role)
        assert (entry["client_id"], entry["subject"]) == ("acme", str(schedule_id))
    assert (created["action"], created["before"]) == ("schedule.created", None)
    assert created["after"]["interval_seconds"] == 3600
    assert changed["before"] == {"priority": 5, "description": None, "version": 1}
    assert changed["after"] == {"priority": 9, "description": "first", "version": 2}
    assert paused["before"] == {"status": "ACTIVE", "status_reason": None}
    assert paused["after"] == {"status": "PAUSED", "status_reason": "audit"}
    assert (deleted["action"], deleted["after"]) == ("schedule.deleted", None)
    assert deleted["before"]["priority"] == 9


async def test_whoever_acts_is_named_in_their_own_transaction_and_in_no_other(
    database: Database, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule()
    ada = database.acting(Access('ada\'s \\ "key" ü; --'))
    async with ada.transaction() as transaction:
        await pause_schedule(transaction, await lock_schedule(transaction, schedule_id), None, "ada")
    async with database.transaction() as transaction:
        await delete_schedule(transaction, await lock_schedule(transaction, schedule_id))

    _, paused, deleted = await entries(database, schedule_id=schedule_id)
    assert paused["who"] == 'ada\'s \\ "key" ü; --'
    assert deleted["who"].startswith("role ")
    assert deleted["after"]["status"] == "DISABLED"


async def test_what_a_worker_does_by_itself_is_no_change_by_anybody(
    dsn: str, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    over = await a_schedule(max_executions=1)
    invalid = await a_schedule(cron_expression="61 * * * *")
    before = await db.fetchval("SELECT max(entry_id) FROM rowcall.audit_log")
    async with Database.open(dsn, application_name="rowcall worker") as database:
        assert [claimed.schedule_id for claimed in await claim(database, worker)] == [over]
        assert (await find_schedule(database, over))["status"] == "COMPLETED"
        assert (await find_schedule(database, invalid))["status"] == "INVALID"
    assert await db.fetchval("SELECT max(entry_id) FROM rowcall.audit_log") == before
    await db.execute("UPDATE rowcall.schedules SET status = 'COMPLETED' WHERE schedule_id = $1", invalid)
    assert await db.fetchval("SELECT max(entry_id) FROM rowcall.audit_log") > before


async def test_a_claim_fires_no_trigger_of_a_row(db: Connection, a_schedule: ASchedule) -> None:
    await a_schedule()
    [[plan]] = await db.fetch(
        "EXPLAIN (ANALYZE, FORMAT JSON) UPDATE rowcall.schedules SET next_run_at = now(), next_occurrence_at = now(),"
        " last_occurrence_at = now(), last_run_at = now(), total_runs = 1, scheduled_runs = 1, last_execution_id = 1"
    )
    assert '"Triggers": [\n    ]' in plan


async def test_runs_by_request_cancels_and_backfills_are_told(
    database: Database, a_schedule: ASchedule, an_execution: AnExecution
) -> None:
    now = datetime.now(UTC)
    ago = now - timedelta(days=3)
    planned_at = {"last_occurrence_at": now, "next_occurrence_at": now + HOUR, "next_run_at": now + HOUR}
    schedule_id = await a_schedule(client_id="acme", created_at=ago, starts_at=ago, **planned_at)
    execution_id = await an_execution(schedule_id)
    ada = database.acting(Access("ada"))
    await cancel_execution(ada, execution_id, "ada")
    async with ada.transaction() as transaction:
        schedule = await lock_schedule(transaction, schedule_id)
        planned = await plan_backfill(transaction, schedule, ago, ago + timedelta(hours=3))
        backfill = await start_backfill(transaction, schedule, planned, Request(requested_by="ada", reason="why not"))
    await cancel_backfill(ada, backfill["backfill_id"], "ada")

    told = await entries(database, who="ada")
    assert [entry["action"] for entry in told] == ["execution.cancelled", "backfill.created", "backfill.changed"]
    assert {entry["client_id"] for entry in told} == {"acme"}
    [requested] = await entries(database, action="execution.requested")
    assert (requested["subject"], requested["after"]) == (str(execution_id), {"version": 1, "input_data": None})
    [_, cancelled] = await entries(database, action="backfill")
    assert cancelled["after"] == {"status": "CANCELLED", "status_reason": "cancelled by ada"}


async def test_keys_are_told_without_their_secrets_and_using_one_is_not(database: Database, db: Connection) -> None:
    key = await create_key(database, client_id="acme", scopes=[Scope.READ], name="ci")
    await mark_used(database, [key.key_id])
    await db.execute("UPDATE rowcall.api_keys SET scopes = '{admin}' WHERE key_id = $1", key.key_id)
    await db.execute("UPDATE rowcall.api_keys SET secret_hash = sha256('mine') WHERE key_id = $1", key.key_id)
    await revoke_key(database, key.key_id)
    await revoke_key(database, key.key_id)

    created, widened, replaced, revoked = await entries(database, action="key")
    assert created["after"]["scopes"] == ["read"]
    assert (widened["before"], widened["after"]) == ({"scopes": ["read"]}, {"scopes": ["admin"]})
    assert (replaced["before"], replaced["after"]) == ({"secret": "one"}, {"secret": "another"})
    assert set(revoked["after"]) == {"revoked_at"}
    assert "hash" not in str([dict(entry) for entry in (created, widened, replaced, revoked)])
    known = await find_key(database, key.key_id)
    assert known is not None
    assert known.is_revoked


async def test_the_code_of_an_app_is_named(database: Database, worker: int) -> None:
    declared = Declared("billing", "nightly", {"task_type": "work", "cron_expression": "@daily"})
    await declare_schedules(database, worker, [declared], Defaults())
    [entry] = await entries(database, action="schedule.created")
    assert entry["who"] == "the code of billing"


SECRETS = """{
    "url": "https://ada:hunter-1@example.com/path?key=hunter-2#hunter-3", "method": "POST",
    "headers": {"Authorization": "Bearer hunter-4", "X-Mine": "hunter-5"},
    "body": {"api_key": "hunter-6", "deep": [{"password": 6660006, "open": "seen"}], "token": {"$secret": "shop"}}
}"""


async def test_what_may_be_secret_is_hidden_and_that_it_changed_is_not(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule()
    await db.execute(
        "UPDATE rowcall.schedules SET input_data = $1, callback_url = 'https://ada:hunter@hooks.example/hunter?hunter'",
        SECRETS,
    )
    await db.execute("""UPDATE rowcall.schedules SET input_data =
                        jsonb_set(input_data, '{headers,X-Mine}', '"hunter-8"')""")

    _, changed, again = await entries(database, schedule_id=schedule_id)
    assert changed["after"] == {
        "version": 2,
        "callback_url": "https://hooks.example/(hidden)",
        "input_data": {
            "url": "https://(hidden)@example.com/path?(hidden)",
            "method": "POST",
            "headers": {"Authorization": "(hidden)", "X-Mine": "(hidden)"},
            "body": {
                "api_key": "(hidden)",
                "deep": [{"password": "(hidden)", "open": "seen"}],
                "token": {"$secret": "shop"},
            },
        },
    }
    assert set(again["after"]) == {"input_data", "version"}
    stored = await db.fetchval("SELECT string_agg(a::text, '') FROM rowcall.audit_log AS a")
    assert "hunter" not in stored
    assert "6660006" not in stored


@pytest.fixture
async def a_role(dsn: str, db: Connection) -> AsyncIterator[Connection]:
    """A session of a role that may insert and change schedules, and nothing else."""
    name, password = f"rowcall_test_{secrets.token_hex(4)}", secrets.token_hex(8)
    await db.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    await db.execute(f"GRANT USAGE ON SCHEMA rowcall TO {name}")
    await db.execute(f"GRANT SELECT, INSERT, UPDATE ON rowcall.schedules TO {name}")
    try:
        connection = await asyncpg.connect(_as(dsn, name, password))
    except (asyncpg.InvalidAuthorizationSpecificationError, OSError):
        await db.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
        pytest.skip("this server lets no other role in from here")
    yield connection
    await connection.close()
    await db.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def _as(dsn: str, name: str, password: str) -> str:
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


async def test_a_role_that_may_only_change_schedules_is_logged_and_can_not_forge(
    database: Database, a_role: Connection
) -> None:
    await a_role.execute("SELECT set_config('rowcall.who', 'the queen', false)")
    await a_role.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds)"
        " VALUES ('theirs', 'work', 'interval', 60)"
    )
    await a_role.execute("UPDATE rowcall.schedules SET priority = 1")
    for statement in (
        "SELECT * FROM rowcall.audit_log",
        "DELETE FROM rowcall.audit_log",
        "SELECT rowcall.write_audit('schedule.deleted', '1', 1, 'acme', NULL, NULL)",
        "SELECT rowcall.audit_schedule('deleted', s, NULL) FROM rowcall.schedules AS s",
        "SELECT * FROM rowcall.api_keys",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await a_role.execute(statement)

    logged = await entries(database)
    assert [entry["action"] for entry in logged] == ["schedule.created", "schedule.changed"]
    role = await a_role.fetchval("SELECT session_user")
    assert {(entry["who"], entry["database_role"]) for entry in logged} == {("the queen", role)}
