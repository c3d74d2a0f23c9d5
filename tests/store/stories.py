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
from rowcall.store.lead import Allowance, Lead
from rowcall.store.planning import plan_schedules

NOON = datetime(2035, 6, 4, 12, tzinfo=UTC)
"""A Monday, far enough ahead that all that is written at the real present is in its past."""

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DEADLINE_SECONDS = 60.0

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class ASchedule(Protocol):
    """Inserts a schedule by plain SQL and returns its id. Left alone it is hourly, of the task "work", due at NOON."""

    def __call__(self, **columns: Any) -> Awaitable[int]: ...


class AWorker(Protocol):
    """Registers a worker and returns its id."""

    def __call__(self, *routes: str, lease_seconds: float = ...) -> Awaitable[int]: ...


GOOD = {
    "name": "'nightly'", "task_type": "'work'", "schedule_type": "'interval'", "interval_seconds": "60",
}  # fmt: skip


def insertion(columns: dict[str, str]) -> str:
    given = GOOD | columns
    return f"INSERT INTO rowcall.schedules ({', '.join(given)}) VALUES ({', '.join(given.values())})"


def nested(deep: int) -> str:
    """An object as SQL, so many objects and arrays deep."""
    inner = "[" * (deep - 1) + "]" * (deep - 1)
    return f"""'{{"a": {inner or 1}}}'::jsonb"""


async def older(db: Connection, schedule_id: int, assignments: str) -> None:
    """Write into a schedule and its definitions what an older Rowcall may have let in."""
    async with db.transaction():
        await db.execute("SET LOCAL session_replication_role = replica")  # no trigger looks at it
        await db.execute(f"UPDATE rowcall.schedules SET {assignments} WHERE schedule_id = $1", schedule_id)
        await db.execute(
            "UPDATE rowcall.schedule_versions AS v SET definition = rowcall.definition_of(s)"
            " FROM rowcall.schedules AS s WHERE s.schedule_id = $1 AND v.schedule_id = s.schedule_id",
            schedule_id,
        )


COMMITS_WAIT = """
    CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared(4711);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER wait_for_the_test AFTER INSERT OR UPDATE OR DELETE ON rowcall.open_executions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_the_test();
"""
"""Whoever wrote a lease, or ended one, waits, with the transaction open, until the test gives the lock back."""


A_HUNDRED_YEARS = 3_155_760_000
"""The longest interval, in seconds: two of them lead beyond the last moment that the table takes."""

KEEPS_IT_ACTIVE = """
    CREATE FUNCTION keep_it_active() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE 'nobody sets this aside' USING ERRCODE = 'check_violation';
    END $$;
    CREATE TRIGGER keep_it_active BEFORE UPDATE OF status ON rowcall.schedules
        FOR EACH ROW WHEN (NEW.status = 'INVALID') EXECUTE FUNCTION keep_it_active();
"""
"""Nothing can be set aside as INVALID any more."""


RUNTIME_CHANGES = [
    "next_run_at = now()", "next_occurrence_at = now()", "last_occurrence_at = now()", "last_run_at = now()",
    "last_execution_id = 1", "last_status = 'FAILED'", "last_finished_at = now()", "total_runs = 1",
    "scheduled_runs = 1", "successful_runs = 1", "failed_runs = 1",
]  # fmt: skip
"""What claims and results change in a schedule, as assignments."""

DEFINITION_CHANGES = [
    "description = 'said otherwise'", "input_data = '{\"a\": 1}'", "priority = 9", "labels = '{\"a\": \"b\"}'",
    "interval_seconds = 7", "timezone = 'Asia/Tokyo'", "starts_at = '2034-01-01Z'", "ends_at = '2036-01-01Z'",
    "jitter_seconds = 1", "max_executions = 3", "grace_period_seconds = 1", '"coalesce" = \'all\'',
    "catch_up_limit = 1", "overlap_policy = 'queue'", "max_instances = 2", "timeout_seconds = 1", "max_retries = 1",
    "retry_backoff_seconds = 1", "callback_url = 'https://example.org'",
    "callback_events = '{LOST}'", "name = 'renamed'", "task_type = 'play'",
    "capability_required = 'gpu'", "client_id = 'another'", "is_static = true", "source = 'code'",
]  # fmt: skip
"""What people change in one, an interval: each column of a definition but those of other rules."""


AnExecution: TypeAlias = Callable[[int], Awaitable[int]]
"""Asks for a run of a schedule now, and returns the execution's id: it is QUEUED."""


async def plan(database: Database, *schedule_ids: int) -> int:
    async with database.transaction() as transaction:
        return await plan_schedules(transaction, schedule_ids or None)


async def change(db: Connection, schedule_id: int, assignments: str, *, at: datetime | None = None) -> None:
    """Change a schedule by plain SQL; the change is said to have been made at that moment."""
    await db.execute(f"UPDATE rowcall.schedules SET {assignments} WHERE schedule_id = $1", schedule_id)
    if at is not None:
        await db.execute(
            "UPDATE rowcall.schedule_versions SET valid_from = $2 WHERE (schedule_id, valid_from) IN"
            " (SELECT schedule_id, max(valid_from) FROM rowcall.schedule_versions WHERE schedule_id = $1 GROUP BY 1)",
            schedule_id,
            at,
        )


def patient(seconds: float) -> Lead:
    """For a look that waits so long for what is due then."""
    return Lead(sight=Allowance(least=seconds, most=seconds))


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


async def go_silent(db: Connection, worker_id: int, seconds: float = 61) -> None:
    """The worker's last beat was that long ago."""
    await db.execute(
        "UPDATE rowcall.workers SET last_beat_at = clock_timestamp() - make_interval(secs => $2) WHERE worker_id = $1",
        worker_id,
        seconds,
    )


async def status_of(db: Connection, worker_id: int) -> str:
    status: str = await db.fetchval("SELECT status FROM rowcall.workers WHERE worker_id = $1", worker_id)
    return status


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
