"""``rowcall retention``: tells what would go, and lets it go."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from tests.cli.processes import rowcall_process
from tests.cli.support import RowcallCommand
from tests.store.stories import Connection, until, until_waiting_for_a_lock

OLD = """
    WITH made AS (SELECT rowcall.ensure_partitions(now() - interval '40 days', now() - interval '39 days'))
    SELECT count(*) FROM made"""
ROW = """
    INSERT INTO rowcall.schedule_executions
           (schedule_id, scheduled_for, schedule_version, priority, trigger, status, task_type, reason, input_data,
            finished_at)
    VALUES (1, now() - interval '40 days', 1, 5, 'manual', 'MISSED', 'report', 'grace', '{}', now())"""
DAYS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'rowcall.schedule_executions'::regclass"


@pytest.fixture
def _two_old_days(execute: Callable[..., Any]) -> None:
    execute(OLD)
    execute(ROW)


def test_young_days_are_kept(rowcall: RowcallCommand) -> None:
    ran = rowcall("retention")
    assert (ran.code, ran.out) == (0, "")
    assert "No day of the ledger is older than 90 days." in ran.err


@pytest.mark.usefixtures("_two_old_days")
def test_a_dry_run_drops_nothing(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    before = execute(DAYS)
    ran = rowcall("retention", "--older-than", "30d", "--dry-run")
    assert "2 days would be dropped, 0 kept." in ran.err
    assert {line["dropped"] for line in rowcall("retention", "--older-than", "30d", "--dry-run", "--json").lines} == {
        False
    }
    assert execute(DAYS) == before


@pytest.mark.usefixtures("_two_old_days")
def test_old_days_are_dropped_and_told(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    before = execute(DAYS)
    ran = rowcall("retention", "--older-than", "30d", "--json")
    assert [(line["executions"], line["dropped"], line["kept_because"]) for line in ran.lines] == [
        (1, True, None),
        (0, True, None),
    ]
    assert execute(DAYS) == before - 2
    listed = rowcall("executions", "list", "--since", "60d")
    assert "retention" in listed.err


@pytest.mark.parametrize("age", ["1h", "soon"])
def test_less_than_a_day_and_nonsense_are_refused(rowcall: RowcallCommand, age: str) -> None:
    ran = rowcall("retention", "--older-than", age)
    assert (ran.code, ran.out) == (2, "")
    assert "--older-than" in ran.err


@pytest.mark.usefixtures("_two_old_days")
def test_killed_half_way_it_is_gone_on_with(rowcall: RowcallCommand, execute: Callable[..., Any], dsn: str) -> None:
    """Killed by -9 while it waits for a reader: the day is neither in the ledger nor out of it."""
    before = execute(DAYS)
    asyncio.run(killed_while_it_detaches(dsn))
    assert execute(f"{DAYS} AND inhdetachpending") == 1

    ran = rowcall("retention", "--older-than", "30d", "--json")

    assert [line["dropped"] for line in ran.lines] == [True, True]
    assert execute(DAYS) == before - 2
    assert execute("SELECT sum(executions) FROM rowcall.execution_rollups") == 1


async def killed_while_it_detaches(dsn: str) -> None:
    reader, watcher = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    async with reader.transaction():
        await reader.fetch("SELECT FROM rowcall.schedule_executions")
        async with rowcall_process("retention", "--older-than", "30d", DATABASE_URL=dsn) as process:
            await until_waiting_for_a_lock(watcher)
            process.send(signal.SIGKILL)
            await process.ends()
        await until_gone(watcher)
    await reader.close()
    await watcher.close()


async def until_gone(db: Connection) -> None:
    """Wait until the server has noticed: what a dead client waits for is waited for until the lock's time is over."""

    async def gone() -> bool:
        ours = "datname = current_database() AND application_name LIKE 'rowcall%'"
        return await db.fetchval(f"SELECT count(*) = 0 FROM pg_stat_activity WHERE {ours}") is True

    await until(gone)
