"""What the stories of the store have in common: a moment, what they begin with, and how to read the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Protocol, TypeAlias

import asyncpg

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.finishing import Recorded, Result, record_results

NOON = datetime(2035, 6, 4, 12, tzinfo=UTC)
"""A Monday, far enough ahead that all that is written at the real present is in its past."""

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DEADLINE_SECONDS = 20.0

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class ASchedule(Protocol):
    """Inserts a schedule by plain SQL and returns its id. Left alone it is hourly, of the task "work", due at NOON."""

    def __call__(self, **columns: Any) -> Awaitable[int]: ...


class AWorker(Protocol):
    """Registers a worker and returns its id."""

    def __call__(self, *routes: str, lease_seconds: float = ...) -> Awaitable[int]: ...


AnExecution: TypeAlias = Callable[[int], Awaitable[int]]
"""Asks for a run of a schedule now, and returns the execution's id: it is QUEUED."""


async def claim(
    database: Database, worker_id: int, *, limit: int = 10, now: datetime = NOON, routes: Sequence[str] = ("work",)
) -> list[Claim]:
    """What one look claims."""
    return (await look(database, worker_id, routes, limit, now=now)).claims


async def finish(
    database: Database, worker_id: int, *ended: tuple[Claim, Outcome], random: Random | None = None
) -> Recorded:
    """Record how claims ended, each after a quarter of a second."""
    results = [Result(claim, outcome, 0.25) for claim, outcome in ended]
    return await record_results(database, worker_id, results, random or Random(1))


async def execution(db: Connection, execution_id: int) -> asyncpg.Record:
    """An execution's row in the ledger."""
    row = await db.fetchrow("SELECT * FROM rowcall.schedule_executions WHERE execution_id = $1", execution_id)
    assert row is not None
    return row


async def schedule(db: Connection, schedule_id: int) -> asyncpg.Record:
    """A schedule's row."""
    row = await db.fetchrow("SELECT * FROM rowcall.schedules WHERE schedule_id = $1", schedule_id)
    assert row is not None
    return row


async def ledger(db: Connection, schedule_id: int) -> list[tuple[str, datetime]]:
    """The answers of a schedule, in order: status and occurrence."""
    rows = await db.fetch(
        "SELECT status, scheduled_for FROM rowcall.schedule_executions WHERE schedule_id = $1"
        " ORDER BY scheduled_for, execution_id",
        schedule_id,
    )
    return [(row["status"], row["scheduled_for"]) for row in rows]


async def statuses(db: Connection, schedule_id: int) -> list[str]:
    """The statuses of a schedule's executions, in order of their occurrences."""
    return [status for status, _ in await ledger(db, schedule_id)]


async def assert_chain_holds(db: Connection, schedule_id: int) -> None:
    """Every answer of trigger `schedule` begins where the one before it ended."""
    rows = await db.fetch(
        "SELECT scheduled_for, covers_after FROM rowcall.schedule_executions"
        " WHERE schedule_id = $1 AND trigger = 'schedule' ORDER BY scheduled_for",
        schedule_id,
    )
    assert [row["covers_after"] for row in rows] == [None, *(row["scheduled_for"] for row in rows)][: len(rows)]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition, with a deadline."""
    give_up_at = time.monotonic() + DEADLINE_SECONDS
    while not await condition():
        assert time.monotonic() < give_up_at, "it did not come to pass"
        await asyncio.sleep(0.01)


async def until_waiting_for_a_lock(db: Connection, sessions: int = 1) -> None:
    """Wait until so many sessions of this database wait for a lock of another."""

    async def waiting() -> bool:
        count: int = await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return count >= sessions

    await until(waiting)
