"""What a statement may try in order to become Rowcall, each tried for real: the ledger is untouched, and says so.

The statements are the operator's, but what they call may be anybody's who can write to the tables and functions that
they use. So each runs here with all the power its role has.
"""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg
import pytest

import rowcall
from rowcall.store.database import Database
from rowcall.store.sql_runs import SqlRuns
from rowcall.worker.builtin.named_statement import NamedStatement
from rowcall.worker.builtin.sql_task import sql_task
from rowcall.worker.settled import Settled
from tests.worker.builtin.operator import Connection, Operator
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules

TABLES = (
    "installation", "schedule_executions", "open_executions", "outcomes", "run_tokens", "tasks", "workers", "schedules"
)  # fmt: skip
EFFECT = "INSERT INTO sales.effects VALUES ('half')"
FORGED = "SELECT rowcall.finish_sql_run(1, now(), 1, '\\x00', 0, '\"forged\"')"


async def a_victim(db: Connection) -> dict[str, str]:
    """An execution that runs elsewhere, with a token that its worker issued; all rows of it, to be compared."""
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, scheduled_time, status)"
        " VALUES ('victim', 'other', 'one_time', now() + interval '1 day', 'PAUSED')"
    )
    await db.execute(
        "WITH worker AS (INSERT INTO rowcall.workers (name, host, pid, rowcall_version, slots, lease_seconds)"
        "                VALUES ('elsewhere', 'elsewhere', 1, '0', 1, 86400) RETURNING worker_id),"
        " run AS (INSERT INTO rowcall.schedule_executions"
        "        (execution_id, schedule_id, scheduled_for, executed_at, worker_id,"
        "         schedule_version, attempt, fence, priority, trigger, status, task_type, input_data)"
        "         SELECT 9999, s.schedule_id, now(), now(), worker_id, 1, 1, 1, 5, 'manual', 'RUNNING', 'other', '{}'"
        "           FROM rowcall.schedules AS s, worker WHERE s.name = 'victim' RETURNING *)"
        " INSERT INTO rowcall.open_executions"
        "        (execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, route)"
        " SELECT execution_id, schedule_id, scheduled_for, worker_id, 1, 5, 'manual', 'other' FROM run"
    )
    await db.execute(
        "INSERT INTO rowcall.run_tokens SELECT execution_id, fence, worker_id, sha256('stolen'), now()"
        "  FROM rowcall.open_executions WHERE execution_id = 9999"
    )
    return await state_of_victim(db)


async def state_of_victim(db: Connection) -> dict[str, str]:
    """Every row that tells of it."""
    return {
        "schedule": await db.fetchval("SELECT s::text FROM rowcall.schedules AS s WHERE name = 'victim'"),
        "execution": await db.fetchval(
            "SELECT e::text FROM rowcall.schedule_executions AS e WHERE execution_id = 9999"
        ),
        "open": await db.fetchval("SELECT o::text FROM rowcall.open_executions AS o WHERE execution_id = 9999"),
        "token": await db.fetchval("SELECT t::text FROM rowcall.run_tokens AS t WHERE execution_id = 9999"),
        "installation": await db.fetchval("SELECT i::text FROM rowcall.installation AS i"),
    }


ATTACKS: dict[str, tuple[list[str], str]] = {
    "read the ledger": (["SELECT * FROM rowcall.schedule_executions"], "permission denied"),
    "read the tokens": (["SELECT * FROM rowcall.run_tokens"], "permission denied"),
    "write to the ledger": (["UPDATE rowcall.schedule_executions SET status = 'FAILED'"], "permission denied"),
    "reset the role": (["RESET ROLE", "DELETE FROM rowcall.schedules"], "permission denied"),
    "set the role": (["SET ROLE {owner}", "DELETE FROM rowcall.schedules"], "permission denied to set role"),
    "set the session's user": (["SET SESSION AUTHORIZATION {owner}"], "permission denied to set session authorization"),
    "reset the session's user": (["RESET SESSION AUTHORIZATION", "DELETE FROM rowcall.schedules"], "permission denied"),
    "a DO block that resets the role": (
        ["DO $$ BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'DELETE FROM rowcall.schedules'; END $$"],
        "permission denied",
    ),
    "a DO block that commits": (["DO $$ BEGIN COMMIT; END $$"], "invalid transaction termination"),
    "a procedure that commits": (["CALL sales.commits()"], "invalid transaction termination"),
    "a second statement": (["INSERT INTO sales.effects VALUES ('x'); COMMIT"], "cannot insert multiple commands"),
    "a guessed token": ([FORGED.replace("1, now", "9999, now")], "the token is not that of this attempt"),
    "another's function in our place": (
        ["CREATE FUNCTION rowcall.finish_sql_run() RETURNS boolean LANGUAGE sql AS 'SELECT true'"],
        "permission denied for schema rowcall",
    ),
    "operators and functions that shadow PostgreSQL's": (
        ["SET search_path = sales, pg_catalog", FORGED.replace("1, now", "9999, now")],
        "the token is not that of this attempt",
    ),
    "partitions of its own": (
        ["SELECT rowcall.ensure_partitions(now(), now() + interval '9 years')"],
        "permission denied",
    ),
    "a trigger on the ledger": (
        ["CREATE TRIGGER t BEFORE INSERT ON rowcall.outcomes FOR EACH ROW EXECUTE FUNCTION sales.harm()"],
        "permission denied",
    ),
    "rights for all": (["GRANT SELECT ON rowcall.schedules TO PUBLIC"], "permission denied"),
    "an end that is prevented at the commit": (["INSERT INTO sales.deferred VALUES (1)"], "harm was meant"),
    "the rights of Rowcall by a function in its name": (
        ["ALTER FUNCTION rowcall.finish_sql_run RESET ALL"],
        "must be owner",
    ),
}  # fmt: skip

PREPARATIONS = """
    CREATE PROCEDURE sales.commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
    CREATE FUNCTION sales.harm() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'harm was meant by %', current_user; END $$;
    CREATE TABLE sales.deferred (k int);
    CREATE CONSTRAINT TRIGGER at_the_end AFTER INSERT ON sales.deferred DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION sales.harm();
    CREATE FUNCTION sales.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT pg_catalog.sha256('stolen') $$;
    CREATE FUNCTION sales.same(bytea, bytea) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR sales.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = sales.same);
    CREATE FUNCTION sales.same(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR sales.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = sales.same);
    CREATE FUNCTION sales.same(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR sales.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = sales.same);
"""


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_fails_and_leaves_the_ledger_and_its_own_effects_as_they_were(
    serve: Serve, schedules: Schedules, operator: Operator, attack: str
) -> None:
    statements, told = ATTACKS[attack]
    owner = await schedules.db.fetchval("SELECT current_user")
    await operator.as_sql_role.execute(PREPARATIONS)
    before = await a_victim(schedules.db)
    on = operator.writes_down(attack=[EFFECT, *(each.replace("{owner}", owner) for each in statements)])
    schedule_id = await schedules.insert("sql", input_data={"name": "attack"}, max_retries=0)
    await serve(**on)

    row = await schedules.reaches("FAILED", schedule_id)
    assert told in row["error_message"]
    assert row["result_data"] is None
    assert await state_of_victim(schedules.db) == before
    assert await schedules.db.fetchval("SELECT count(*) FROM sales.effects") == 0
    assert len(await schedules.executions()) == 2


async def test_tables_types_and_functions_that_shadow_ours_change_nothing(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    """The statement goes through, and its end is written to the ledger and not to the tables it put in the way."""
    await operator.as_sql_role.execute(PREPARATIONS)
    before = await a_victim(schedules.db)
    on = operator.writes_down(
        shadow=[
            *(f"CREATE TEMP TABLE {table} (execution_id bigint, fence int, token_hash bytea)" for table in TABLES),
            "CREATE TEMP TABLE pg_class (oid oid)",
            "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT NULL::bytea'",
            "CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'",
            "CREATE DOMAIN pg_temp.bigint AS text",
            "SET search_path = pg_temp, sales, pg_catalog",
            EFFECT,
        ]
    )
    schedule_id = await schedules.insert("sql", input_data={"name": "shadow"}, max_retries=0)
    await serve(**on)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert row["finished_at"] is not None
    assert await state_of_victim(schedules.db) == before
    assert await schedules.db.fetchval("SELECT count(*) FROM sales.effects") == 1


async def test_a_role_put_on_by_a_statement_is_taken_off_before_its_execution_ends(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    group = f"{operator.role}_group"
    await schedules.db.execute(f"CREATE ROLE {group}; GRANT {group} TO {operator.role}")
    try:
        on = operator.writes_down(other=[f"SET ROLE {group}", "SELECT current_user::text AS who"])
        schedule_id = await schedules.insert("sql", input_data={"name": "other"}, max_retries=0)
        await serve(**on)
        row = await schedules.reaches("SUCCEEDED", schedule_id)
        assert group in row["result_data"]
    finally:
        await schedules.db.execute(f"DROP ROLE {group}")


async def test_what_a_statement_leaves_in_its_session_meets_no_other_run(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(
        leave=["CREATE TEMP TABLE effects (what text)", "SET search_path = pg_temp", "SET lock_timeout = 1"],
        look="SELECT to_regclass('pg_temp.effects') IS NULL AS clean, current_setting('lock_timeout') AS timeout",
    )
    first = await schedules.insert("sql", input_data={"name": "leave"})
    await serve(**on)
    await schedules.reaches("SUCCEEDED", first)
    second = await schedules.insert("sql", input_data={"name": "look"})
    row = await schedules.reaches("SUCCEEDED", second)
    assert '"rows": [{"clean": true, "timeout": "0"}]' in row["result_data"]


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"])
async def test_a_statement_that_ends_its_transaction_is_found_out_and_not_tried_again(
    serve: Serve, schedules: Schedules, operator: Operator, database: Database, statement: str
) -> None:
    """Such a statement is refused when its file is read; here it comes past that."""
    named = NamedStatement.model_construct(statement=(EFFECT, statement), parameters=(), timeout_seconds=None)
    runs = SqlRuns(database, operator.url, 1)
    app = rowcall.App("disguised")
    app.task("sql")(sql_task(database, runs, {"x": named}, Settled(), 1000).function)
    before = await a_victim(schedules.db)
    schedule_id = await schedules.insert("sql", input_data={"name": "x"}, max_retries=3, retry_backoff_seconds=3600)
    await serve(app)

    row = await schedules.reaches("FAILED", schedule_id)
    assert "ended the transaction that it ran in" in row["error_message"]
    assert row["attempt"] == 1
    assert await state_of_victim(schedules.db) == before


# ── tokens, by the function itself ──

FINISH = "SELECT rowcall.finish_sql_run($1, $2, $3, $4, 0.5, '\"forged\"')"


async def finish(operator: Operator, victim: asyncpg.Record, **changed: Any) -> None:
    given = {"execution_id": 9999, "scheduled_for": victim["scheduled_for"], "fence": 1, "token": b"stolen"} | changed
    await operator.as_sql_role.fetchval(FINISH, *given.values())


@pytest.fixture
async def victim(db: Connection) -> asyncpg.Record:
    await a_victim(db)
    [row] = await db.fetch("SELECT * FROM rowcall.schedule_executions WHERE execution_id = 9999")
    return row


@pytest.mark.parametrize(
    "changed",
    [
        {"execution_id": 9998},
        {"fence": 2},
        {"fence": 0},
        {"token": b"guessed"},
        {"token": None},
        {"execution_id": None},
    ],
    ids=str,
)
async def test_a_token_ends_nothing_but_the_attempt_it_was_issued_for(
    db: Connection, operator: Operator, victim: asyncpg.Record, changed: dict[str, Any]
) -> None:
    before = await state_of_victim(db)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not that of this attempt"):
        await finish(operator, victim, **changed)
    assert await state_of_victim(db) == before


async def test_a_token_is_good_for_once(db: Connection, operator: Operator, victim: asyncpg.Record) -> None:
    await finish(operator, victim)
    ended = await state_of_victim(db)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="or was used"):
        await finish(operator, victim)
    assert await state_of_victim(db) == ended
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 1


async def test_the_token_of_an_attempt_that_was_given_up_ends_nothing(
    db: Connection, operator: Operator, victim: asyncpg.Record
) -> None:
    await db.execute("UPDATE rowcall.open_executions SET fence = 2 WHERE execution_id = 9999")
    await db.execute("UPDATE rowcall.schedule_executions SET fence = 2 WHERE execution_id = 9999")
    before = await state_of_victim(db)
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="given to another worker"):
        await finish(operator, victim)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await finish(operator, victim, fence=2)
    assert await state_of_victim(db) == before


@pytest.mark.parametrize("change", ["worker_id = 77", "worker_id = NULL, available_at = now()"])
async def test_a_token_ends_nothing_that_is_not_its_workers_any_more(
    db: Connection, operator: Operator, victim: asyncpg.Record, change: str
) -> None:
    await db.execute(f"UPDATE rowcall.open_executions SET {change} WHERE execution_id = 9999")
    before = await state_of_victim(db)
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="given to another worker"):
        await finish(operator, victim)
    assert await state_of_victim(db) == before


async def test_a_later_attempt_voids_the_token_of_the_one_before(
    db: Connection, database: Database, operator: Operator, victim: asyncpg.Record
) -> None:
    await db.execute("UPDATE rowcall.open_executions SET fence = 2 WHERE execution_id = 9999")
    assert await database.fetchval("issue_run_token", 9999, 1, hashlib.sha256(b"late").digest()) is None
    assert await database.fetchval("issue_run_token", 9999, 2, hashlib.sha256(b"second").digest()) == 9999
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await finish(operator, victim)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await finish(operator, victim, fence=2)
    await db.execute("UPDATE rowcall.schedule_executions SET fence = 2 WHERE execution_id = 9999")
    await finish(operator, victim, fence=2, token=b"second")
    assert await db.fetchval("SELECT status FROM rowcall.schedule_executions WHERE execution_id = 9999") == "SUCCEEDED"


async def test_nobody_may_call_the_function_who_was_not_granted_it(
    db: Connection, operator: Operator, victim: asyncpg.Record
) -> None:
    await db.execute(f"REVOKE ALL ON FUNCTION rowcall.finish_sql_run FROM {operator.role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for function"):
        await finish(operator, victim)
