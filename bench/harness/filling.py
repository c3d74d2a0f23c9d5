"""Schedules in bulk, a million of them in a minute: the triggers of the table are bypassed, their work is done here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg

CHUNK = 50_000
NEW_YEAR = "0 0 1 1 *"

_SCHEDULES = """
    INSERT INTO rowcall.schedules
           (client_id, name, task_type, capability_required, route, priority, schedule_type,
            cron_expression, timezone, created_at,
            last_occurrence_at, next_occurrence_at, next_run_at, input_data, labels)
    SELECT CASE WHEN $14 > 0 AND n % 2 = 1 THEN $12 || n / (2 * $14) ELSE $12 END, $1 || n,
           $2, $13::text, $2 || coalesce('@' || $13, ''), $3, 'cron',
           ($4::text[])[1 + n % cardinality($4)], ($5::text[])[1 + n % cardinality($5)], now() - interval '2 days',
           $6, $7, $8::timestamptz + n * $9::interval, '{"n": 1}',
           CASE WHEN $14 > 0 THEN jsonb_build_object('project', 'p' || n / $14) ELSE '{}' END
      FROM generate_series($10::int, $11::int) AS n
"""
_NAMES = """
    INSERT INTO rowcall.schedule_names (client_id, name, schedule_id)
    SELECT s.client_id, s.name, s.schedule_id FROM rowcall.schedules AS s WHERE s.name LIKE $1 || '%'
     ORDER BY s.client_id, s.name
"""
_VERSIONS = """
    WITH sample AS MATERIALIZED (
        SELECT rowcall.definition_of(one) AS definition FROM rowcall.schedules AS one
         WHERE one.name = $1 || 0
    )
    INSERT INTO rowcall.schedule_versions (schedule_id, valid_from, version, status, definition, tzdata_version)
    SELECT s.schedule_id, s.created_at, s.version, s.status, sample.definition || jsonb_build_object(
               'client_id', s.client_id, 'name', s.name, 'labels', s.labels, 'cron_expression', s.cron_expression,
               'timezone', s.timezone), 'bench'
      FROM rowcall.schedules AS s
     CROSS JOIN sample
     WHERE s.name LIKE $1 || '%'
"""
"""What the trigger would have written, a hundred times as fast: the definitions of a batch are nearly alike."""

_TERMS = """
    INSERT INTO rowcall.schedule_terms (term, schedule_id)
    SELECT t.term, s.schedule_id
      FROM rowcall.schedules AS s
     CROSS JOIN LATERAL (
           VALUES ('client:' || s.client_id), ('task:' || s.task_type), ('label:project=' || (s.labels ->> 'project'))
     ) AS t (term)
     WHERE s.name LIKE $1 || '%' AND t.term IS NOT NULL
     ORDER BY t.term, s.schedule_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Cron schedules that are alike.

    `expressions` and `zones` are dealt out in turn. The first is to be acted on at `run_at`, each other one `spread`
    after the one before; all stand for the occurrence at `occurrence_at`, as if they had been put off by hand, so that
    nobody has to wait for a full minute.
    """

    count: int
    run_at: datetime
    occurrence_at: datetime
    spread: timedelta = timedelta(0)
    expressions: Sequence[str] = (NEW_YEAR,)
    zones: Sequence[str] = ("UTC",)
    task_type: str = "noop"
    capability: str | None = None
    priority: int = 5
    name: str = "bench-"
    client_id: str = "default"
    per_project: int = 0
    """So many belong to a project, by a label, and every other one to a client of so many; 0: there are none."""


def herd(count: int, run_at: datetime) -> Batch:
    """Schedules that fire daily, all due at one instant."""
    minute = run_at.replace(second=0, microsecond=0)
    return Batch(count=count, run_at=run_at, occurrence_at=minute, expressions=(daily(minute),))


def not_due(count: int, now: datetime, *, task_type: str = "noop", per_project: int = 0) -> Batch:
    """Schedules of which none is due within a month, spread over a day."""
    far = now + timedelta(days=31)
    return Batch(
        count=count,
        run_at=far,
        occurrence_at=far.replace(second=0, microsecond=0),
        spread=timedelta(days=1) / max(count, 1),
        expressions=(daily(far),),
        task_type=task_type,
        per_project=per_project,
    )


def daily(moment: datetime) -> str:
    """The expression that fires at this minute of every day, in UTC."""
    return f"{moment.minute} {moment.hour} * * *"


async def fill(connection: asyncpg.Connection[asyncpg.Record], batch: Batch, *, whole: bool = False) -> None:
    """Insert the schedules, with their definitions and their terms if asked. `tidy` afterwards."""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for first in range(0, batch.count, CHUNK):
            last = min(first + CHUNK, batch.count) - 1
            await connection.execute(
                _SCHEDULES,
                batch.name,
                batch.task_type,
                batch.priority,
                list(batch.expressions),
                list(batch.zones),
                batch.occurrence_at - timedelta(days=1),
                batch.occurrence_at,
                batch.run_at,
                batch.spread,
                first,
                last,
                batch.client_id,
                batch.capability,
                batch.per_project,
            )
        await connection.execute(_NAMES, batch.name)
        if whole:
            await connection.execute(_VERSIONS, batch.name)
            await connection.execute(_TERMS, batch.name)


async def tidy(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Leave nothing of the filling for the measurement to pay: statistics, hint bits, dirty pages."""
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


async def wake_workers(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Have the workers look at what was filled in without the triggers that would have told them."""
    await connection.execute("SELECT pg_notify('rowcall', 'look')")


def named(batch: Batch, name: str) -> Batch:
    """The same under other names."""
    return replace(batch, name=name)
