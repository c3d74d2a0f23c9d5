"""History in bulk: a ledger of many days, with so many executions each, as if they had run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

_DAY = """
    INSERT INTO rowcall.{partition}
           (execution_id, schedule_id, scheduled_for, covers_after, created_at, executed_at, finished_at, worker_id,
            duration_seconds, schedule_version, attempt, fence, priority, trigger, status, task_type, input_data)
    SELECT nextval('rowcall.execution_ids'), 1 + n % $1::int, r.moment, r.moment - r.gap, r.moment,
           r.moment + interval '5 ms', r.moment + interval '7 ms', 1, 0.002, 1, 1, 1, 5, 'schedule', 'SUCCEEDED',
           'noop', '{{"n": 1}}'
      FROM generate_series(0, $2::int - 1) AS n,
           LATERAL (SELECT $3::timestamptz + (n / $1::int) * gap AS moment, gap
                      FROM (SELECT interval '1 day' / ($2::int / $1::int + 1) AS gap) AS g) AS r
"""
_FLOOR = "UPDATE rowcall.installation SET history_floor_at = $1"


async def fill_history(
    connection: asyncpg.Connection[asyncpg.Record], schedules: int, days: int, per_day: int, first_day: int
) -> list[str]:
    """Executions of `days` days that lie before today, evenly dealt out to the schedules with the first ids.

    The first of them has `first_day` executions, each other one `per_day`. Returns the names of the partitions.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [today - timedelta(days=days + 1 - number) for number in range(days)]
    await connection.execute("SELECT rowcall.ensure_partitions($1, $2)", moments[0], moments[-1])
    names = [f"schedule_executions_{moment:%Y%m%d}" for moment in moments]
    for number, (name, moment) in enumerate(zip(names, moments, strict=True)):
        count = per_day if number else first_day
        await connection.execute(_DAY.format(partition=name), schedules, count, moment)
    await connection.execute(_FLOOR, moments[0])
    return names
