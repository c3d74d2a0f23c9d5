"""What people and programs do with schedules: create, find, change, pause, resume, delete.

Every function that changes something locks the schedule's row first, and then knows its present state: no claim and no
other change comes between. A schedule is handed over as a mapping of its columns, under their names, jsonb read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from rowcall.domain.definitions import Definition
from rowcall.domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from rowcall.domain.schedules import ScheduleStatus, is_gone

from .database import Row, Session
from .deleted import DELETED
from .jsonb import read_jsonb, write_jsonb
from .planning import plan_schedules
from .telling import tell_and_wake

ScheduleRow = Mapping[str, Any]

LARGEST_ID = 2**63 - 1
FEW = 2000
FEW_LOOKED_AT = 500
"""So many probes of each day of the ledger take a tenth of a second."""
JSONB_COLUMNS = ("input_data", "labels", "cron_fields")
DEFINING_COLUMNS = tuple(field.name for field in fields(Definition))


async def known_tasks(session: Session) -> tuple[datetime, Collection[str]]:
    """The database's clock, and every task type that a worker ever offered."""
    row = await session.fetchrow("known_tasks")
    assert row is not None  # the statement has no FROM
    return row["now"], row["task_types"]


async def resolve_schedule(session: Session, client_id: str, reference: str) -> int:
    """The id behind a reference: an id in digits, or the name of a schedule that is not deleted.

    An id is not looked up here. Raises NotFound for a name that this client has not given.
    """
    if is_id(reference):
        if len(reference) < 20 and int(reference) <= LARGEST_ID:
            return int(reference)
    elif (
        found := await session.fetchval("resolve_schedule", client_id, reference, session.access.confined_to)
    ) is not None:
        return int(found)
    raise NotFound(f"client {client_id!r} has no schedule {reference[:200]!r}; GET /v1/schedules lists those it has")


def is_id(reference: str) -> bool:
    """Whether a reference is an id; no name is made of digits only."""
    return re.fullmatch("[0-9]+", reference) is not None


async def find_schedules(session: Session, schedule_ids: Sequence[int]) -> list[ScheduleRow]:
    """The schedules of these ids that exist, in order of id, as far as the session may see them."""
    rows = await session.fetch("find_schedules", schedule_ids, session.access.confined_to)
    return [session.access.shown(_readable(row)) for row in rows]


async def find_schedule(session: Session, schedule_id: int) -> ScheduleRow:
    """The schedule, deleted ones too. Raises NotFound."""
    found = await find_schedules(session, [schedule_id])
    if not found:
        raise NotFound(f"there is no schedule {schedule_id}")
    return found[0]


async def lock_schedule(session: Session, schedule_id: int) -> ScheduleRow:
    """The schedule as it is, and as it stays until the transaction ends. Raises NotFound."""
    await session.fetch("lock_schedule", schedule_id, session.access.confined_to)
    return await find_schedule(session, schedule_id)


async def create_schedule(
    session: Session, definition: Definition, *, source: str = "api", is_static: bool = False
) -> ScheduleRow:
    """Write a new schedule and plan it. Raises Conflict when its client has one of that name.

    Raises Forbidden for a client that is none of the session's.
    """
    schedule_id = await insert_schedule(session, definition, source=source, is_static=is_static)
    await plan_schedules(session, [schedule_id])
    return await find_schedule(session, schedule_id)


async def insert_schedule(session: Session, definition: Definition, *, source: str, is_static: bool = False) -> int:
    """Write a new schedule without planning it, where many are planned together; its id. Raises as create_schedule."""
    session.access.check_creates_for(definition.client_id)
    columns = write_jsonb(definition.columns())
    return int(await session.fetchval("insert_schedule", columns, is_static, source))


def definition_of(schedule: ScheduleRow) -> Definition:
    """The columns of a schedule that define it."""
    return Definition(**{column: schedule[column] for column in DEFINING_COLUMNS})


async def change_schedule(session: Session, schedule: ScheduleRow, definition: Definition) -> ScheduleRow:
    """Give a locked schedule another definition, and plan it where its timing changed. The same one changes nothing.

    Without a name it keeps its own. Raises Forbidden, Conflict, and InvalidInput for another client.
    """
    check_changeable(schedule)
    if definition.client_id != schedule["client_id"]:
        raise InvalidInput.of("client_id", f"must stay {schedule['client_id']!r}: schedules don't change hands")
    definition = replace(definition, name=definition.name or schedule["name"])
    if definition == definition_of(schedule):
        return schedule
    await write_definition(session, schedule["schedule_id"], definition)
    return await find_schedule(session, schedule["schedule_id"])


async def write_definition(session: Session, schedule_id: int, definition: Definition) -> None:
    """Write another definition over a locked schedule's, whoever may do that, and plan it where its timing changed."""
    await session.fetch("update_schedule", schedule_id, write_jsonb(definition.columns()))
    await plan_schedules(session, [schedule_id])


def check_changeable(schedule: ScheduleRow) -> None:
    """Raise Forbidden for a schedule that stands in code, Conflict for one that is deleted."""
    if schedule["is_static"]:
        raise Forbidden(
            f"schedule {schedule['name']!r} is static: it is declared in {schedule['source']!r} and changed there; "
            "here it can be paused and resumed"
        )
    if schedule["status"] == ScheduleStatus.DISABLED:
        raise Conflict(f"schedule {schedule['schedule_id']} is deleted; create a new one")


async def set_status(
    session: Session, schedule: ScheduleRow, status: ScheduleStatus, reason: str | None
) -> ScheduleRow:
    """Put a locked schedule into a status, whoever may do that, and plan it where it is ACTIVE."""
    await session.fetch("set_schedule_status", schedule["schedule_id"], status, reason)
    if status is ScheduleStatus.ACTIVE:
        await plan_schedules(session, [schedule["schedule_id"]])
    return await find_schedule(session, schedule["schedule_id"])


async def pause_schedule(session: Session, schedule: ScheduleRow, reason: str | None, by: str) -> ScheduleRow:
    """Stop new occurrences of a locked schedule; what is open goes on. Pausing a paused one can give a new reason.

    Raises Conflict unless it is ACTIVE or PAUSED.
    """
    if schedule["status"] not in {ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED}:
        raise Conflict(_has_no(schedule, "occurrences to pause"))
    if schedule["status"] == ScheduleStatus.PAUSED and reason is None:
        return schedule
    told = f"{reason} (by {by})" if reason else f"by {by}"
    return await set_status(session, schedule, ScheduleStatus.PAUSED, told)


async def resume_schedule(session: Session, schedule: ScheduleRow) -> ScheduleRow:
    """Let a locked schedule go on with its next occurrence; the paused span is answered for.

    An ACTIVE one stays as it is, an INVALID one is looked at again. Raises Conflict for any other.
    """
    if schedule["status"] == ScheduleStatus.ACTIVE:
        return schedule
    if is_gone(schedule):
        raise Conflict(f"{_has_no(schedule, 'code to go on with')}; start a worker that declares it, or delete it")
    if schedule["status"] not in {ScheduleStatus.PAUSED, ScheduleStatus.INVALID}:
        raise Conflict(_has_no(schedule, "occurrences to resume; give it other timing or another max_executions"))
    return await set_status(session, schedule, ScheduleStatus.ACTIVE, None)


async def delete_schedule(session: Session, schedule: ScheduleRow) -> int:
    """Disable a locked schedule, cancel its backfills and what is queued of it; how many that were.

    Deleting twice changes nothing. Its history stays, and what is running runs to its end, but is not tried again: call
    `deleted.cancel_left_over` after the commit.
    Raises Forbidden for one that stands in code, as long as it does.
    """
    if schedule["status"] == ScheduleStatus.DISABLED:
        return 0
    if not is_gone(schedule):
        check_changeable(schedule)
    await session.fetch("cancel_backfills_of", schedule["schedule_id"], DELETED)
    cancelled = await session.fetch("cancel_queued_of", schedule["schedule_id"], DELETED)
    await tell_and_wake(session, cancelled)
    await session.fetch("set_schedule_status", schedule["schedule_id"], ScheduleStatus.DISABLED, None)
    return len(cancelled)


def _has_no(schedule: ScheduleRow, what: str) -> str:
    because = f" ({schedule['status_reason']})" if schedule["status_reason"] else ""
    return f"schedule {schedule['name']!r} is {schedule['status']}{because}: it has no {what}"


def _readable(row: Row) -> ScheduleRow:
    return {column: read_jsonb(row[column]) if column in JSONB_COLUMNS else row[column] for column in row.keys()}  # noqa: SIM118 - of a record


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules are asked for; None, or empty, leaves that side open.

    `statuses` left open means all but DISABLED. `client_id` means what that client may see: its own, and the static
    ones of all. `labels` holds values that must be equal, `label_names` labels that must be there.
    """

    statuses: Sequence[str] = ()
    client_id: str | None = None
    task_type: str | None = None
    schedule_type: str | None = None
    labels: Mapping[str, str] | None = None
    label_names: Sequence[str] | None = None
    text: str | None = None
    is_static: bool | None = None
    include_disabled: bool = False

    @property
    def wanted_statuses(self) -> list[str]:
        """The statuses that fit."""
        if self.statuses:
            return list(dict.fromkeys(self.statuses))
        return [status for status in ScheduleStatus if self.include_disabled or status is not ScheduleStatus.DISABLED]


async def list_schedules(session: Session, wanted: ScheduleFilter, after: int, limit: int) -> list[ScheduleRow]:
    """Up to `limit` schedules with ids above `after`, in order of id."""
    statuses, is_static = wanted.wanted_statuses, wanted.is_static
    client_id = session.access.confined_to or wanted.client_id
    if wanted.client_id not in {None, client_id}:  # of another client's, the static ones are for everyone to see
        if is_static is False:
            return []
        client_id, is_static = wanted.client_id, True
    arguments: list[Any] = [
        after,
        limit,
        statuses,
        wanted.task_type,
        wanted.schedule_type,
        write_jsonb(wanted.labels) if wanted.labels else None,
        list(wanted.label_names) if wanted.label_names else None,
        None if wanted.text is None else f"%{_escaped(wanted.text)}%",
        is_static,
    ]
    if client_id is None and ScheduleStatus.ACTIVE not in statuses:
        rows = await session.fetch("list_schedules_by_status", *arguments)
    elif await _is_quick_by_client(session, client_id, statuses):
        rows = await session.fetch("list_schedules_of_client", *arguments, client_id)
    else:
        rows = await session.fetch("list_schedules", *arguments, client_id)
    return await find_schedules(session, [row["schedule_id"] for row in rows]) if rows else []


async def _is_quick_by_client(session: Session, client_id: str | None, statuses: Sequence[str]) -> bool:
    """Whether to take a client's schedules through the index of names: all of them, so only where they are few.

    Those of a client with many are soon met along the primary key; each way is slow for the other.
    """
    if client_id is None or ScheduleStatus.DISABLED in statuses:
        return False
    return bool(await session.fetchval("has_few_schedules", client_id, FEW))


async def few_of_client(session: Session, client_id: str, *, no_static: bool) -> list[int] | None:
    """All schedules of a client, deleted ones too, as ids; None where they are too many to look at one by one."""
    rows = await session.fetch("ids_of_client", client_id, FEW_LOOKED_AT + 1, no_static)
    return [row["schedule_id"] for row in rows] if len(rows) <= FEW_LOOKED_AT else None


def _escaped(text: str) -> str:
    """Text that LIKE takes for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)
