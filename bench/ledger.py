"""History in bulk: a ledger of many days, with so many executions each, as if they had run.

Each day is built beside the ledger, without indexes, and attached when it has them: three times as fast as inserting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg

from bench.harness.server import a_connection

AT_ONCE = 2
"""Days that are built at the same time: one for each core."""

_TABLE = """
    CREATE TABLE rowcall.{partition} (
        LIKE rowcall.schedule_executions INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
        CONSTRAINT of_its_day CHECK (scheduled_for >= '{day}' AND scheduled_for < '{following}')
    ) WITH (fillfactor = 50)
"""
_ROWS = """
    INSERT INTO rowcall.{partition}
           (execution_id, schedule_id, scheduled_for, covers_after, created_at, executed_at, finished_at, worker_id,
            duration_seconds, schedule_version, attempt, fence, priority, trigger, status, error_message, task_type,
            input_data)
    SELECT $4 + n, 1 + n % $1::int, r.moment, r.moment - r.gap, r.moment,
           r.moment + interval '5 ms', r.moment + interval '7 ms', 1, 0.002, 1, 1, 1, 5, 'schedule',
           CASE WHEN n % 1000 = 7 THEN 'FAILED' ELSE 'SUCCEEDED' END,
           CASE WHEN n % 1000 = 7 THEN 'RuntimeError: no such host' END, 'noop', '{{"n": 1}}'
      FROM generate_series(0, $2::int - 1) AS n,
           LATERAL (SELECT $3::timestamptz + (n / $1::int) * gap AS moment, gap
                      FROM (SELECT interval '1 day' / ($2::int / $1::int + 1) AS gap) AS g) AS r
"""
_INDEXES = """
    SET LOCAL maintenance_work_mem = '256MB';
    ALTER TABLE rowcall.{partition} ADD PRIMARY KEY (execution_id, scheduled_for);
    CREATE UNIQUE INDEX ON rowcall.{partition}
        (schedule_id, scheduled_for, (CASE WHEN trigger = 'manual' THEN execution_id ELSE 0 END));
    CREATE INDEX ON rowcall.{partition} (execution_id) WHERE error_message IS NOT NULL OR reason IS NOT NULL;
    ALTER TABLE rowcall.schedule_executions ATTACH PARTITION rowcall.{partition}
        FOR VALUES FROM ('{day}') TO ('{following}');
    ALTER TABLE rowcall.{partition} DROP CONSTRAINT of_its_day
"""
_IDS = "SELECT setval('rowcall.execution_ids', nextval('rowcall.execution_ids') + $1) - $1"
_FLOOR = "UPDATE rowcall.installation SET history_floor_at = $1"


async def fill_history(
    dsn: str, schedules: int, days: int, per_day: int, first_day: int, reached: Callable[[int], None]
) -> list[str]:
    """Executions of `days` days that lie before today, evenly dealt out to the schedules with the first ids.

    The first of them has `first_day` executions, each other one `per_day`; `reached` is told how many days are done.
    Returns the names of the partitions, the oldest first. They are vacuumed and analyzed.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [today - timedelta(days=days + 1 - number) for number in range(days)]
    async with a_connection(dsn) as connection:
        first_id = await connection.fetchval(_IDS, first_day + per_day * (days - 1))
        await connection.execute(_FLOOR, moments[0])
    room, done = asyncio.Semaphore(AT_ONCE), 0

    async def build(number: int, moment: datetime) -> str:
        nonlocal done
        count, before = (per_day, first_day + per_day * (number - 1)) if number else (first_day, 0)
        async with room, a_connection(dsn) as connection:
            name = await _build(connection, moment, schedules, count, first_id + before)
        done += 1
        reached(done)
        return name

    return await asyncio.gather(*(build(number, moment) for number, moment in enumerate(moments)))


async def _build(
    connection: asyncpg.Connection[asyncpg.Record], day: datetime, schedules: int, count: int, first_id: int
) -> str:
    partition = f"schedule_executions_{day:%Y%m%d}"
    words = {"partition": partition, "day": day, "following": day + timedelta(days=1)}
    async with connection.transaction():
        await connection.execute(_TABLE.format(**words))
        await connection.execute(_ROWS.format(**words), schedules, count, day, first_id)
        await connection.execute(_INDEXES.format(**words))
    await connection.execute(f"VACUUM ANALYZE rowcall.{partition}")
    return partition
