"""The facts behind an explanation: where a schedule stands, what answers for a moment, and what its rule said then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rowcall.domain.errors import InvalidInput
from rowcall.domain.executions import ExecutionStatus
from rowcall.domain.explain import OpenExecution, Standing, Workforce
from rowcall.domain.explain_moment import LedgerRow, Moment
from rowcall.domain.planning import INSTANT
from rowcall.domain.schedules import ScheduleStatus
from rowcall.domain.triggers import Trigger, latest_through, next_occurrence
from rowcall.domain.zones import zone

from .executions import find_execution
from .jsonb import read_jsonb
from .planning import trigger_then
from .schedules import ScheduleRow
from .sessions import Row, Session

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def standing_of(session: Session, schedule: ScheduleRow) -> Standing:
    """Where a schedule stands now. Raises Forbidden where the session may not see its runs."""
    session.access.check_acts_on(schedule)
    schedule_id = schedule["schedule_id"]
    versions = await session.fetch("versions_until", schedule_id, None)
    opened = await session.fetch("open_executions_of", schedule_id)
    workforce = await session.fetchrow("workforce", schedule["route"])
    return Standing(
        now=schedule["now"],
        timezone=_zone_or_utc(schedule["timezone"]),
        route=schedule["route"],
        status=ScheduleStatus(schedule["status"]),
        status_reason=schedule["status_reason"],
        status_since=_since(versions) or schedule["updated_at"],
        next_run_at=schedule["next_run_at"],
        opened=[OpenExecution(**_fields(row, OPEN_FIELDS)) for row in opened],
        workforce=Workforce(**_fields(workforce, WORKFORCE_FIELDS)) if workforce else Workforce(),
    )


async def moment_of(session: Session, schedule: ScheduleRow, at: datetime) -> Moment:
    """What is known of a schedule at a moment: the rule and the status of that time, and the row that answers."""
    schedule_id = schedule["schedule_id"]
    versions = await session.fetch("versions_until", schedule_id, max(at, schedule["created_at"]))
    answer = await session.fetchrow("answer_for", schedule_id, at)
    row = None if answer is None else await find_execution(session, answer["execution_id"])
    trigger = trigger_then(read_jsonb(versions[0]["rule"]), schedule["created_at"]) if versions else None
    return Moment(
        at=at,
        created_at=schedule["created_at"],
        kept_since=await session.fetchval("history_floor"),
        is_occurrence=None if trigger is None else next_occurrence(trigger, at - INSTANT) == at,
        before=_before(trigger, at),
        after=None if trigger is None else next_occurrence(trigger, at),
        status=ScheduleStatus(versions[0]["status"] if versions else schedule["status"]),
        status_reason=versions[0]["status_reason"] if versions else schedule["status_reason"],
        status_since=_since(versions) or schedule["created_at"],
        row=None
        if row is None
        else LedgerRow(**{**{name: row[name] for name in LEDGER_FIELDS}, "status": ExecutionStatus(row["status"])}),
    )


OPEN_FIELDS = ("execution_id", "is_running", "attempt", "executed_at", "available_at")
WORKFORCE_FIELDS = ("alive", "offering", "free_slots")
LEDGER_FIELDS = (
    "execution_id",
    "status",
    "scheduled_for",
    "executed_at",
    "duration_seconds",
    "attempt",
    "reason",
    "error_message",
    "backfill_id",
)


def _fields(row: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _since(versions: Sequence[Row]) -> datetime | None:
    """Since when the newest version's status has held; `versions` come newest first."""
    since: datetime | None = None
    for version in versions:
        if version["status"] != versions[0]["status"]:
            break
        since = version["valid_from"]
    return since


def _before(trigger: Trigger | None, at: datetime) -> datetime | None:
    found = [] if trigger is None else latest_through(trigger, LONG_AGO, at - INSTANT, 1)
    return found[0] if found else None


def _zone_or_utc(name: str) -> str:
    """A row that is INVALID may name no zone at all."""
    try:
        zone(name)
    except InvalidInput:
        return "UTC"
    return name
