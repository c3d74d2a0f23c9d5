"""A ledger that is whole: schedules on time from their first occurrence to now, every one answered for by a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

HOURLY = "CASE WHEN n % 2 = 0 THEN (n / 2 % 60) || ' * * * *' END, CASE WHEN n % 2 = 1 THEN 3600 END, NULL::jsonb"
EACH_SECOND = """NULL, NULL::int, '{"second": "*"}'::jsonb"""

_SCHEDULES = """
    INSERT INTO rowcall.schedules
           (name, task_type, schedule_type, cron_expression, interval_seconds, cron_fields, created_at, updated_at)
    SELECT 'audited-' || n, 'noop', CASE WHEN seconds IS NULL THEN 'cron' ELSE 'interval' END, expression, seconds,
           fields, began, began
      FROM generate_series(0, $1::int - 1) AS n,
           LATERAL (SELECT {rule}) AS rule (expression, seconds, fields),
           LATERAL (SELECT $2::timestamptz + n / 2 % 60 * interval '1 minute' AS began) AS start
"""
_ROWS = """
    INSERT INTO rowcall.schedule_executions
           (schedule_id, scheduled_for, covers_after, created_at, executed_at, finished_at, worker_id,
            duration_seconds, schedule_version, attempt, fence, priority, trigger, status, task_type, input_data)
    SELECT s.schedule_id, r.moment, CASE WHEN k > 1 THEN r.moment - $2::interval END, r.moment,
           r.moment + interval '5 ms', r.moment + interval '7 ms', 1, 0.002, 1, 1, 1, 5, 'schedule', 'SUCCEEDED',
           'noop', '{}'
      FROM generate_series(1, $1::int) AS k
     CROSS JOIN rowcall.schedules AS s,
           LATERAL (SELECT s.created_at + k * $2::interval AS moment) AS r
"""
_STANDING = """
    UPDATE rowcall.schedules
       SET last_occurrence_at = created_at + $1::int * $2::interval,
           next_occurrence_at = created_at + ($1::int + 1) * $2::interval,
           next_run_at = created_at + ($1::int + 1) * $2::interval
"""


@dataclass(frozen=True, slots=True)
class WholeLedger:
    """So many schedules with so many executions each: hourly ones, or ones that fire each second."""

    schedules: int
    executions: int
    hourly: bool = True

    @property
    def gap(self) -> timedelta:
        """Between one occurrence and the next."""
        return timedelta(hours=1) if self.hourly else timedelta(seconds=1)


async def fill_whole(connection: asyncpg.Connection[asyncpg.Record], ledger: WholeLedger) -> None:
    """Write it down in an empty database. `tidy` afterwards."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    began = hour - ledger.gap * (ledger.executions + 1)
    await connection.execute("SELECT rowcall.ensure_partitions($1, $2)", began, hour + timedelta(days=1))
    await connection.execute("UPDATE rowcall.installation SET history_floor_at = $1", began)
    rule = HOURLY if ledger.hourly else EACH_SECOND
    await connection.execute(_SCHEDULES.format(rule=rule), ledger.schedules, began)
    await connection.execute(_ROWS, ledger.executions, ledger.gap)
    await connection.execute(_STANDING, ledger.executions, ledger.gap)
