"""What people and programs do with executions: read the ledger, ask for a run now, and end one.

An execution is handed over as a mapping of its columns, under their names, jsonb read. Its row in `open_executions` is
always locked before its row in the ledger: whoever holds the first holds the execution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowcall.domain.access import Scope
from rowcall.domain.errors import Conflict, InvalidInput, NotFound
from rowcall.domain.executions import OPEN_STATUSES, ExecutionStatus
from rowcall.domain.schedules import ScheduleStatus

from .cancelling import cancel_closed
from .database import Database
from .jsonb import read_jsonb, write_jsonb
from .ledger import ensure_today
from .releasing import release_waiting
from .schedule_lists import few_of_client
from .schedules import (
    LARGEST_ID,
    ScheduleRow,
)
from .sessions import Row, Session
from .telling import tell_and_wake

ExecutionRow = Mapping[str, Any]

JSONB_COLUMNS = ("input_data", "result_data", "errors")
RUNNABLE = (ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED, ScheduleStatus.COMPLETED)
NOT_WELL = frozenset(ExecutionStatus) - OPEN_STATUSES - {ExecutionStatus.SUCCEEDED, ExecutionStatus.CANCELLED}
"""What always says why. Older versions cancelled some executions without a word."""
NOT_REPLACED = {"http": ("url", "headers", "method"), "sql": ("name",), "shell": ("name",)}
"""By task: where it calls and as whom, or what it runs, is decided by who writes the schedule, not by who runs it."""


async def find_execution(session: Session, execution_id: int) -> ExecutionRow:
    """The execution. Raises NotFound, also for what retention has dropped, or the session may not see."""
    moment = None
    if execution_id <= LARGEST_ID:
        moment = await session.fetchval("locate_execution", execution_id, session.access.confined_to)
    found = [] if moment is None else await _find(session, [execution_id], [moment])
    if not found:
        raise NotFound(f"there is no execution {execution_id}, or it is older than what is kept")
    return found[0]


async def execute_schedule(
    session: Session, schedule: ScheduleRow, *, input_data: Mapping[str, Any] | None = None, wait: bool = True
) -> ExecutionRow:
    """Queue a run of a locked schedule now; `input_data` is laid over the schedule's, field by field.

    With `wait` it lines up behind what is open, where `max_instances` leaves no room. What is returned then says that
    it `waits`: call `release_waiting` after the commit, because what it waits for may be ending in another transaction.
    `next_run_at` stays as it is.
    Raises Conflict for a schedule that is DISABLED or INVALID, InvalidInput for an override that is not allowed,
    Forbidden where the session may not run it, or not with other input.
    """
    session.access.check_acts_on(schedule)
    if input_data:
        session.access.check_may(Scope.WRITE, "running it with other input")
    if schedule["status"] not in RUNNABLE:
        because = f": {schedule['status_reason']}" if schedule["status_reason"] else ""
        raise Conflict(f"schedule {schedule['name']!r} is {schedule['status']}{because}; it can't be run")
    _check_override(schedule["task_type"], input_data or {})
    requested_at = schedule["now"]
    await ensure_today(session, requested_at)
    override = write_jsonb(input_data) if input_data else None
    row = await session.fetchrow("request_execution", schedule["schedule_id"], requested_at, override, wait)
    assert row is not None  # the schedule is locked, so it is there
    return _readable(row)


def _check_override(task_type: str, override: Mapping[str, Any]) -> None:
    refused = [name for name in NOT_REPLACED.get(task_type, ()) if name in override]
    if refused:
        raise InvalidInput.of(
            f"input_data.{refused[0]}",
            f"{', '.join(refused)} of the task {task_type} can't be replaced here; change the schedule",
        )


async def cancel_execution(database: Database, execution_id: int, by: str) -> ExecutionRow:
    """End an execution: one that is QUEUED is CANCELLED at once, of one that is RUNNING the end is requested.

    Raises NotFound, and Conflict for one that is final already.
    """
    freed: list[int] = []
    async with database.transaction() as transaction:
        opened = await transaction.fetchrow(
            "lock_open_execution", min(execution_id, LARGEST_ID), database.access.confined_to
        )
        execution = await find_execution(transaction, execution_id)
        if opened is None:
            raise Conflict(f"execution {execution_id} is {execution['status']} already; there is nothing to cancel")
        if opened["worker_id"] is None:
            because = f"cancelled by {by}"
            closed = await transaction.fetch("close_queued", execution_id)
            await tell_and_wake(transaction, await cancel_closed(transaction, closed, because))
            await transaction.fetch("audit_cancelled", execution_id, opened["schedule_id"], because)
            freed.append(opened["schedule_id"])
        else:
            await transaction.fetch("request_cancel", execution_id)
        execution = await find_execution(transaction, execution_id)
    await release_waiting(database, freed)  # whoever waited behind it need not wait for the sweep
    return execution


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions are asked for; None, or empty, leaves that side open. `since` is inclusive, `until` is not."""

    schedule_id: int | None = None
    statuses: Sequence[str] = ()
    task_type: str | None = None
    trigger: str | None = None
    client_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the last execution on it."""

    scheduled_for: datetime
    execution_id: int
    is_manual: bool


async def list_executions(
    session: Session, wanted: ExecutionFilter, before: Position | None, limit: int
) -> list[ExecutionRow]:
    """Up to `limit` executions, the newest first.

    Of one schedule, and of a client with few, that goes by `scheduled_for`, otherwise by id. A client with few has each
    of its schedules looked at: in a ledger full of others' rows a walk by id could go on for ever. The rows of a client
    with many are soon met on such a walk.
    """
    below = LARGEST_ID if before is None else before.execution_id
    confined_to = session.access.confined_to
    if confined_to is not None and wanted.client_id not in {None, confined_to}:
        return []
    client_id, no_static = confined_to or wanted.client_id, confined_to is not None
    filters = (list(wanted.statuses) or None, wanted.task_type, wanted.trigger, wanted.since, wanted.until)
    is_open = bool(wanted.statuses) and set(wanted.statuses) <= OPEN_STATUSES
    if wanted.schedule_id is not None:
        after = (None, None) if before is None else (before.scheduled_for, before.execution_id * before.is_manual)
        asked = (wanted.schedule_id, limit, *filters, *after, client_id, no_static)
        if is_open:
            rows = await session.fetch("list_open_executions_of_schedule", *asked)
        else:
            rows = await session.fetch("list_executions_of_schedule", *asked)
    elif is_open:
        rows = await session.fetch("list_open_executions", below, limit, *filters, client_id, no_static)
    else:
        few = None if client_id is None else await few_of_client(session, client_id, no_static=no_static)
        if few is None and wanted.statuses and set(wanted.statuses) <= NOT_WELL:
            rows = await session.fetch("list_executions_not_well", below, limit, *filters, client_id, no_static)
        elif few is None:
            rows = await session.fetch("list_executions", below, limit, *filters, client_id, no_static)
        else:
            after = (None, None) if before is None else (before.scheduled_for, before.execution_id)
            rows = await session.fetch("list_executions_of_schedules", few, limit, *filters, *after)
    return await _find(session, [row["execution_id"] for row in rows], [row["scheduled_for"] for row in rows])


async def _find(session: Session, ids: Sequence[int], moments: Sequence[datetime]) -> list[ExecutionRow]:
    if not ids:
        return []
    rows = await session.fetch("find_executions", ids, moments, min(moments), max(moments))
    return [_readable(row) for row in rows]


def _readable(row: Row) -> ExecutionRow:
    execution = dict(row.items())
    for column in JSONB_COLUMNS:
        execution[column] = read_jsonb(execution[column])
    return execution
