"""The ledger's rows: one for each occurrence, each in the partition of its day."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.store.stories import (
    NOON,
    Connection,
)


async def an_answer(db: Connection, trigger: str, moment: datetime = NOON) -> int:
    """A row of the ledger for schedule 1."""
    await db.execute("SELECT rowcall.ensure_partitions($1, $1)", moment)
    execution_id: int = await db.fetchval(
        "INSERT INTO rowcall.schedule_executions"
        " (schedule_id, scheduled_for, schedule_version, priority, trigger, status,"
        " task_type, input_data) VALUES (1, $2, 1, 5, $1, 'QUEUED', 'work', '{}') RETURNING execution_id",
        trigger,
        moment,
    )
    return execution_id


@pytest.mark.parametrize(
    ("first", "second"), [("schedule", "schedule"), ("schedule", "backfill"), ("backfill", "backfill")]
)
async def test_an_occurrence_is_answered_for_once(undone: Connection, first: str, second: str) -> None:
    await an_answer(undone, first)

    with pytest.raises(asyncpg.UniqueViolationError):
        await an_answer(undone, second)


async def test_requests_of_the_same_microsecond_are_told_apart(undone: Connection) -> None:
    ids = {await an_answer(undone, "schedule"), await an_answer(undone, "manual"), await an_answer(undone, "manual")}

    assert len(ids) == 3


async def test_rows_land_in_the_partition_of_their_day_in_utc(undone: Connection) -> None:
    await undone.execute("SET LOCAL timezone = 'Pacific/Kiritimati'")  # 14 hours ahead
    before, after = datetime(2035, 3, 1, 23, 59, 59, 999999, tzinfo=UTC), datetime(2035, 3, 2, tzinfo=UTC)

    await an_answer(undone, "schedule", before)
    await an_answer(undone, "schedule", after)

    rows = await undone.fetch(
        "SELECT c.relname FROM rowcall.schedule_executions AS e JOIN pg_class AS c ON c.oid = e.tableoid"
        " ORDER BY e.scheduled_for"
    )
    assert [row["relname"] for row in rows] == [
        "schedule_executions_20350301",
        "schedule_executions_20350302",
    ]


async def test_a_missing_day_is_refused_until_it_is_made_and_made_once(undone: Connection) -> None:
    day = datetime(1999, 12, 31, 12, tzinfo=UTC)
    with pytest.raises(asyncpg.CheckViolationError, match="no partition"):
        async with undone.transaction():
            await undone.execute(
                "INSERT INTO rowcall.schedule_executions"
                " (schedule_id, scheduled_for, schedule_version, priority, trigger,"
                " status, task_type, input_data) VALUES (1, $1, 1, 5, 'manual', 'QUEUED', 'work', '{}')",
                day,
            )

    make = "SELECT rowcall.ensure_partitions($1::timestamptz, $1 + interval '2 days')"
    assert [await undone.fetchval(make, day), await undone.fetchval(make, day)] == [3, 0]
    await an_answer(undone, "schedule", day)


async def test_two_sessions_may_make_the_same_day_at_once(dsn: str) -> None:
    sessions = [await asyncpg.connect(dsn) for _ in range(4)]
    made = await asyncio.gather(*(s.fetchval("SELECT rowcall.ensure_partitions($1, $1)", NOON) for s in sessions))
    await asyncio.gather(*(session.close() for session in sessions))

    assert sorted(made) == [0, 0, 0, 1]
