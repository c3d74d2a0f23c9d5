"""Schedules as plain SQL, the way any program in any language makes them, and the ledger as plain SQL reads it."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import asyncpg

from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

TIMINGS = {"cron_expression": "cron", "cron_fields": "cron", "interval_seconds": "interval"}


class Schedules:
    """The tables of a test's database."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    async def insert(self, task_type: str, /, **columns: Any) -> int:
        """A new schedule's id; due once and now, where its timing is not given. Objects become jsonb."""
        kind = next((kind for column, kind in TIMINGS.items() if column in columns), "one_time")
        given: dict[str, Any] = {"task_type": task_type, "schedule_type": kind} | columns
        given = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in given.items()}
        names, places = list(given), [f"${position}" for position in range(1, len(given) + 1)]
        if kind == "one_time" and "scheduled_time" not in given:
            names, places = [*names, "scheduled_time"], [*places, "now()"]
        statement = (
            f"INSERT INTO rowcall.schedules ({', '.join(names)}) VALUES ({', '.join(places)}) RETURNING schedule_id"
        )
        schedule_id: int = await self.db.fetchval(statement, *given.values())
        return schedule_id

    async def row(self, schedule_id: int) -> asyncpg.Record:
        """A schedule."""
        [row] = await self.db.fetch("SELECT * FROM rowcall.schedules WHERE schedule_id = $1", schedule_id)
        return row

    async def executions(self, *schedule_ids: int) -> list[asyncpg.Record]:
        """The executions of these schedules, in the order of their moments; of all, where none is named."""
        return await self.db.fetch(
            "SELECT * FROM rowcall.schedule_executions WHERE schedule_id = ANY ($1) OR $1 = '{}'"
            " ORDER BY scheduled_for, execution_id",
            schedule_ids,
        )

    async def only_execution(self, schedule_id: int) -> asyncpg.Record | None:
        """The one execution of a schedule; None if there is none yet."""
        found = await self.executions(schedule_id)
        assert len(found) <= 1
        return found[0] if found else None

    async def reaches(self, status: str, schedule_id: int) -> asyncpg.Record:
        """The one execution of a schedule, once it has this status."""

        async def there() -> asyncpg.Record | None:
            row = await self.only_execution(schedule_id)
            return row if row is not None and row["status"] == status else None

        row: asyncpg.Record = await until(there, what=f"{status} of schedule {schedule_id}")
        return row

    async def ended(self, *schedule_ids: int) -> list[asyncpg.Record]:
        """The executions of these schedules, once each schedule has some and all of them are final."""

        async def all_final() -> list[asyncpg.Record]:
            rows = await self.executions(*schedule_ids)
            there = {row["schedule_id"] for row in rows if row["finished_at"] is not None}
            return rows if there.issuperset(schedule_ids) and all(row["finished_at"] for row in rows) else []

        found: list[asyncpg.Record] = await until(all_final, what=f"the end of all of {schedule_ids}")
        return found

    async def workers(self, *statuses: str) -> list[asyncpg.Record]:
        """The workers that have one of these statuses, in the order of their starts; all, where none is named."""
        return await self.db.fetch(
            "SELECT * FROM rowcall.workers WHERE status = ANY ($1) OR $1 = '{}' ORDER BY worker_id", statuses
        )

    async def cancel(self, execution_id: int, *, notify: bool) -> None:
        """Ask for the end of what runs, by SQL alone."""
        async with self.db.transaction():
            await self.db.execute(
                "UPDATE rowcall.open_executions SET cancel_requested_at = now() WHERE execution_id = $1", execution_id
            )
            if notify:
                await self.db.execute("SELECT pg_notify('rowcall', 'cancel')")
