"""What a statement may try in order to become Rowcall, each tried for real: the ledger is untouched, and says so.

The statements are the operator's, but what they call may be anybody's who can write to the tables and functions that
they use. So each runs here with all the power its role has.
"""

from __future__ import annotations

import pytest

import rowcall
from rowcall.store.database import Database
from rowcall.store.sql_runs import SqlRuns
from rowcall.worker.builtin.named_statement import NamedStatement
from rowcall.worker.builtin.sql_task import sql_task
from rowcall.worker.settled import Settled
from tests.worker.builtin.operator import Operator
from tests.worker.builtin.victim import a_victim, state_of_victim
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules

TABLES = (
    "installation", "schedule_executions", "open_executions", "outcomes", "run_tokens", "tasks", "workers", "schedules"
)  # fmt: skip
EFFECT = "INSERT INTO sales.effects VALUES ('half')"
FORGED = "SELECT rowcall.finish_sql_run(1, now(), 1, '\\x00', 0, '\"forged\"')"

REFUSED = "(42501)"
"""PostgreSQL's code for a privilege that is lacking: its words differ from version to version."""

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
    "a role put on by a setting": (["SELECT set_config('role', '{owner}', false)"], REFUSED),
    "triggers that are switched off": (["SET session_replication_role = replica"], REFUSED),
    "a program of the server's": (["COPY sales.effects FROM PROGRAM 'id'"], REFUSED),
    "a file of the server's": (["COPY sales.effects TO '/tmp/rowcall-stolen'"], REFUSED),
    "a large object into a file": (["SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/rowcall-stolen')"], REFUSED),
    "rights on what Rowcall will make": (
        ["ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA rowcall GRANT ALL ON TABLES TO PUBLIC"],
        REFUSED,
    ),
    "a lock that nobody gets past": (["LOCK TABLE rowcall.open_executions"], REFUSED),
    "a trigger on whatever is defined": (
        ["CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION sales.defines()"],
        REFUSED,
    ),
    "the triggers of Rowcall on a table of its own": (
        ["CREATE TRIGGER t BEFORE DELETE ON sales.deferred EXECUTE FUNCTION rowcall.close_what_was_open()"],
        REFUSED,
    ),
    "settings for all sessions": (["ALTER SYSTEM SET search_path = sales"], "cannot run inside a transaction block"),
    "settings for Rowcall's sessions": (["ALTER ROLE {owner} SET search_path = sales"], REFUSED),
    "an end of Rowcall's sessions": (
        ["SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a WHERE a.usename = '{owner}'"],
        REFUSED,
    ),
    "the changes of all by a slot": (
        ["SELECT pg_create_logical_replication_slot('stolen', 'pgoutput')"],
        REFUSED,
    ),
    "a transaction that outlives its session": (
        ["DO $$ BEGIN EXECUTE 'PREPARE TRANSACTION $q$x$q$'; END $$"],
        "EXECUTE of transaction commands is not implemented",
    ),
    "a cursor that is read at the commit": (
        ["DECLARE late CURSOR WITH HOLD FOR SELECT sales.deletes()"],
        REFUSED,
    ),
    "a view of what it may not see": (["SELECT * FROM sales.peeks"], REFUSED),
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
    CREATE FUNCTION sales.defines() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
    CREATE FUNCTION sales.deletes() RETURNS int LANGUAGE plpgsql AS $$
        BEGIN DELETE FROM rowcall.schedules; RETURN 1; END $$;
    CREATE FUNCTION sales.looks() RETURNS text LANGUAGE plpgsql AS $$
        BEGIN RETURN (SELECT max(token_hash::text) FROM rowcall.run_tokens); END $$;
    CREATE VIEW sales.peeks AS SELECT sales.looks();
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
