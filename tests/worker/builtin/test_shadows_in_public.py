"""A schema `public` in which anybody may create, as PostgreSQL 14 has it: nothing of it runs with Rowcall's rights.

PostgreSQL prefers a function whose parameters fit exactly to its own that takes any type, wherever on the path it lies.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import rowcall
from rowcall.domain.definitions import define
from rowcall.store.auditing import audit
from rowcall.store.database import Database
from rowcall.store.leases import recover
from rowcall.store.retention import drop_old_days
from rowcall.store.schedules import create_schedule, delete_schedule, lock_schedule, pause_schedule
from tests.worker.builtin.operator import Connection, Operator
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

TRAP = """
    CREATE FUNCTION public.{name}({takes}) RETURNS {gives} LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.caught VALUES ('{name}({takes})', current_user); {answer}; END $$;
"""


def trap(name: str, takes: str, gives: str, answer: str) -> str:
    return TRAP.format(name=name, takes=takes, gives=gives, answer=answer)


TRAPS = [
    trap("to_jsonb", "rowcall.schedules", "jsonb", "RETURN pg_catalog.to_jsonb($1)"),
    trap("to_jsonb", "text", "jsonb", "RETURN pg_catalog.to_jsonb($1)"),
    trap("format", "text, text", "text", "RETURN pg_catalog.format($1, $2)"),
    *(
        trap("unnest", f"{each}[]", f"SETOF {each}", "RETURN QUERY SELECT pg_catalog.unnest($1)")
        for each in ("bigint", "int", "text", "timestamptz", "float8", "jsonb")
    ),
    trap("concat_trap", "text, bigint", "text", "RETURN pg_catalog.concat($1, $2)"),
    "CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = bigint, FUNCTION = public.concat_trap)",
    *(
        trap("gather_trap", f"{each}[], {each}", f"{each}[]", "RETURN pg_catalog.array_append($1, $2)")
        + f"CREATE AGGREGATE public.array_agg({each}) (SFUNC = public.gather_trap, STYPE = {each}[])"
        for each in ("bigint", "text")
    ),
]
"""Each takes exactly what one of PostgreSQL's own takes among all else."""

app = rowcall.App("books")


@app.task("write")
async def write(run: rowcall.Run) -> None:
    """Finds the table by its short name: the path of a task's own statements is the usual one."""
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO bookings (execution_id) VALUES ($1)", run.execution_id)


@app.task("fail")
async def fail(_: rowcall.Run) -> None:
    raise RuntimeError("as always")


@pytest.fixture
async def caught(db: Connection, operator: Operator) -> Connection:
    """Whoever sees what the traps caught. They are laid by the role of sql tasks, and catch anybody."""
    await db.execute(f"GRANT CREATE ON SCHEMA public TO {operator.role}")
    await operator.as_sql_role.execute(
        "CREATE TABLE public.caught (what text, whose text); GRANT ALL ON public.caught TO PUBLIC"
    )
    for laid in TRAPS:
        await operator.as_sql_role.execute(laid)
    await db.execute("CREATE TABLE public.bookings (execution_id bigint)")
    return operator.as_sql_role


async def all_caught(caught: Connection) -> list[str]:
    rows = await caught.fetch("SELECT DISTINCT what, whose FROM public.caught ORDER BY 1, 2")
    return [f"{row['what']} as {row['whose']}" for row in rows]


async def test_what_anybody_put_into_public_never_runs_as_rowcall(
    caught: Connection, serve: Serve, schedules: Schedules, database: Database
) -> None:
    await serve(app)
    every = {"schedule_type": "interval", "interval_seconds": 1, "max_retries": 1, "retry_backoff_seconds": 0}
    for task in ("write", "fail"):
        wanted = define(
            {"task_type": task, "callback_url": "https://hooks.example.org/"} | every, now=datetime.now(UTC)
        )
        await create_schedule(database, wanted)
    await until(lambda: schedules.db.fetchval("SELECT count(*) > 1 FROM public.bookings"), what="the bookings")
    failed = "SELECT count(*) > 0 FROM rowcall.schedule_executions WHERE status = 'FAILED'"
    await until(lambda: schedules.db.fetchval(failed), what="the failure")

    assert (await audit(database)).findings == []
    await recover(database)
    async with database.transaction() as transaction:
        await pause_schedule(transaction, await lock_schedule(transaction, 1), reason="enough", by="nobody")
        await delete_schedule(transaction, await lock_schedule(transaction, 2))
    assert await all_caught(caught) == []


async def test_a_schedule_inserted_by_sql_runs_nothing_of_public_in_its_triggers(
    caught: Connection, db: Connection
) -> None:
    insert = "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds) VALUES ('x', 'interval', 60)"
    await db.execute(insert)
    await db.execute("UPDATE rowcall.schedules SET priority = 9")
    await db.execute("DELETE FROM rowcall.schedules")
    assert await all_caught(caught) == []


async def test_who_grants_a_role_its_rights_runs_nothing_of_public(
    caught: Connection, operator: Operator, db: Connection
) -> None:
    for grant in ("grant_sql_role", "grant_control", "grant_monitor"):
        await db.execute(f"SELECT rowcall.{grant}($1)", operator.role)
    assert await all_caught(caught) == []


async def test_a_day_of_the_ledger_goes_without_running_anything_of_public(
    caught: Connection, database: Database, db: Connection
) -> None:
    await db.execute("SELECT rowcall.ensure_partitions(now() - interval '9 days', now() - interval '9 days')")
    retired = await drop_old_days(database, older_than=timedelta(days=5))
    assert len(retired.dropped) == 1
    assert await all_caught(caught) == []
