"""Rows of the ledger and workers, as a worker would have left them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any


async def a_worker(db: Any, *routes: str, slots: int = 5, name: str = "host:1", silent_seconds: float = 0) -> int:
    """A worker alive, unless it has been silent for longer than its lease of 20 s."""
    worker_id: int = await db.fetchval(
        "INSERT INTO rowcall.workers (name, host, pid, rowcall_version, routes, slots, lease_seconds, last_beat_at) "
        "VALUES ($1, 'host', 1, '0', $2, $3, 20, now() - make_interval(secs => $4)) RETURNING worker_id",
        name,
        list(routes),
        slots,
        float(silent_seconds),
    )
    return worker_id


async def a_row(
    db: Any,
    schedule_id: int,
    scheduled_for: datetime,
    status: str = "SUCCEEDED",
    *,
    covers_after: datetime | None = None,
    trigger: str = "schedule",
    task_type: str = "report",
    reason: str | None = None,
) -> int:
    """A final row of the ledger; those that ran took a second."""
    await db.execute("SELECT rowcall.ensure_partitions($1, $1)", scheduled_for)
    ran = status not in {"SKIPPED", "MISSED"}
    execution_id: int = await db.fetchval(
        "INSERT INTO rowcall.schedule_executions "
        "(schedule_id, scheduled_for, covers_after, status, trigger, task_type, reason, error_message, "
        "schedule_version, priority, input_data, executed_at, finished_at, attempt, fence, duration_seconds) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $12, 1, 5, '{}', $8, $9, $10, $10, $11) RETURNING execution_id",
        schedule_id,
        scheduled_for,
        covers_after,
        status,
        trigger,
        task_type,
        reason or (None if ran else "because"),
        scheduled_for if ran else None,
        scheduled_for + timedelta(seconds=1),
        int(ran),
        1.0 if ran else None,
        "RuntimeError: no such host" if status in {"FAILED", "TIMED_OUT", "LOST"} else None,
    )
    return execution_id


async def queued(db: Any, schedule_id: int, scheduled_for: datetime) -> int:
    """An execution of the past that is queued, as a backfill would have it."""
    await db.execute("SELECT rowcall.ensure_partitions($1, $1)", scheduled_for)
    execution_id: int = await db.fetchval(
        "WITH written AS (INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, available_at, status, "
        "trigger, task_type, schedule_version, priority, input_data) "
        "VALUES ($1, $2, now(), 'QUEUED', 'backfill', 'report', 1, 5, '{}') RETURNING *) "
        "INSERT INTO rowcall.open_executions (execution_id, schedule_id, scheduled_for, available_at, priority, "
        "trigger, route) SELECT execution_id, schedule_id, scheduled_for, available_at, priority, trigger, task_type "
        "FROM written RETURNING execution_id",
        schedule_id,
        scheduled_for,
    )
    return execution_id


async def start(db: Any, execution_id: int, worker_id: int) -> None:
    """Make a queued execution RUNNING, as a claim does."""
    async with db.transaction():
        await db.execute(
            "UPDATE rowcall.open_executions SET worker_id = $2, available_at = NULL, fence = fence + 1 "
            "WHERE execution_id = $1",
            execution_id,
            worker_id,
        )
        await db.execute(
            "UPDATE rowcall.schedule_executions SET status = 'RUNNING', worker_id = $2, available_at = NULL, "
            "executed_at = now(), attempt = attempt + 1, fence = fence + 1 WHERE execution_id = $1",
            execution_id,
            worker_id,
        )
