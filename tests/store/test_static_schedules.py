"""Static schedules: what the code declares stands in the table, once, and pauses are left alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rowcall.domain.definitions import Defaults
from rowcall.store.database import Database
from rowcall.store.static_schedules import Declared, declare_schedules

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]


def daily(name: str = "report", **fields: Any) -> Declared:
    return Declared("billing", name, {"task_type": "report", "cron_expression": "0 9 * * *", **fields})


async def declare(dsn: str, *declared: Declared) -> list[str]:
    async with Database.open(dsn) as database:
        return [each.outcome for each in await declare_schedules(database, declared, Defaults())]


async def test_a_declared_schedule_is_created_once_and_planned(dsn: str, db: Connection) -> None:
    assert await declare(dsn, daily()) == ["created"]
    assert await declare(dsn, daily()) == ["unchanged"]
    [row] = await db.fetch("SELECT is_static, source, next_run_at IS NOT NULL, version FROM rowcall.schedules")
    assert tuple(row) == (True, "billing", True, 1)


async def test_a_change_in_the_code_changes_the_row_and_leaves_a_pause_alone(dsn: str, db: Connection) -> None:
    await declare(dsn, daily())
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = 'holidays'")
    assert await declare(dsn, daily(cron_expression="30 9 * * *", priority=7)) == ["changed"]
    [row] = await db.fetch("SELECT cron_expression, priority, status, version FROM rowcall.schedules")
    assert tuple(row) == ("30 9 * * *", 7, "PAUSED", 2)


async def test_one_that_cannot_be_written_does_not_stop_the_others(dsn: str, db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds) "
        "VALUES ('taken', 'x', 'interval', 60)"
    )
    outcomes = await declare(dsn, daily("taken"), daily("broken", cron_expression="61 * * * *"), daily("fine"))
    assert outcomes == ["refused", "refused", "created"]


async def test_two_replicas_that_start_at_once_create_one_row(dsn: str, db: Connection) -> None:
    outcomes = await asyncio.gather(declare(dsn, daily()), declare(dsn, daily()))
    assert sorted(outcomes) == [["created"], ["unchanged"]]
