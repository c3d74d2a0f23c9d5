"""What people and programs do with schedules: create, find, change, pause, resume, delete.

Every function that changes something locks the schedule's row first, and then knows its present state: no claim and no
other change comes between; through a session that is swift it writes only if none came. A schedule is handed over as a
mapping of its columns, under their names, jsonb read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from rowcall.domain.definitions import Definition
from rowcall.domain.documents import as_kept
from rowcall.domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from rowcall.domain.schedules import ScheduleStatus, is_gone
from rowcall.domain.timing import TIMING_COLUMNS

from .cancelling import cancel_closed
from .deleted import DELETED
from .jsonb import read_jsonb, write_jsonb
from .planning import Moments, plan_locked, plan_new, plan_resumption
from .sessions import Row, Session
from .swiftly import begun_by, guard, needs_a_lock, written
from .telling import tell_and_wake

ScheduleRow = Mapping[str, Any]

LARGEST_ID = 2**63 - 1
JSONB_COLUMNS = ("input_data", "labels", "cron_fields")
BEGINNING = {
    "schedule_id": 0,
    "scheduled_runs": 0,
    "last_occurrence_at": None,
    "next_occurrence_at": None,
    "next_run_at": None,
}
"""Where a schedule stands that is not there yet."""
DEFINING_COLUMNS = tuple(field.name for field in fields(Definition))
PLANNED_BY = (*TIMING_COLUMNS, "jitter_seconds", "max_executions", "name")
"""What makes a schedule have other moments, or go on, when it is changed."""


async def known_tasks(session: Session) -> tuple[datetime, Collection[str]]:
    """The database's clock, and every task type that a worker ever offered."""
    row = await session.fetchrow("known_tasks")
    assert row is not None  # the statement has no FROM
    return row["now"], row["task_types"]


async def resolve_schedule(session: Session, client_id: str, reference: str) -> int:
    """The id behind a reference: an id in digits, or the name of a schedule that is not deleted.

    An id is not looked up here. Raises NotFound for a name that this client has not given.
    """
    schedule_id = _id_in(reference)
    if schedule_id is None:
        schedule_id = await session.fetchval("resolve_schedule", client_id, reference, session.access.confined_to)
    if schedule_id is None:
        raise _no_such(client_id, reference)
    return schedule_id


def is_id(reference: str) -> bool:
    """Whether a reference is an id; no name is made of digits only."""
    return re.fullmatch("[0-9]+", reference) is not None


async def find_named(session: Session, client_id: str, reference: str) -> ScheduleRow:
    """The schedule behind a reference, as `resolve_schedule` takes it; by its id deleted ones too. Raises NotFound."""
    asked = _id_in(reference), client_id, reference, session.access.confined_to
    return _shown(session, _there(await session.fetchrow("find_schedule", *asked), client_id, reference))


async def lock_named(session: Session, client_id: str, reference: str) -> ScheduleRow:
    """The same as it is, and as it stays until the transaction ends."""
    asked = _id_in(reference), client_id, reference, session.access.confined_to
    statement = "find_schedule" if session.is_swift else "lock_schedule"
    return _shown(session, _there(await session.fetchrow(statement, *asked), client_id, reference))


def _there(row: Row | None, client_id: str, reference: str) -> Row:
    if row is None:
        raise _no_such(client_id, reference)
    return row


def _id_in(reference: str) -> int | None:
    """The id that a reference is; None for a name. Raises NotFound for more digits than any id has."""
    if not is_id(reference):
        return None
    if len(reference) < 20 and int(reference) <= LARGEST_ID:
        return int(reference)
    raise NotFound(f"there is no schedule {reference[:40]}")


def _no_such(client_id: str, reference: str) -> NotFound:
    if is_id(reference):
        return NotFound(f"there is no schedule {reference}")
    return NotFound(f"client {client_id!r} has no schedule {reference[:200]!r}; GET /v1/schedules lists those it has")


async def find_schedules(session: Session, schedule_ids: Sequence[int]) -> list[ScheduleRow]:
    """The schedules of these ids that exist, in order of id, as far as the session may see them."""
    rows = await session.fetch("find_schedules", schedule_ids, session.access.confined_to)
    return [_shown(session, row) for row in rows]


async def find_schedule(session: Session, schedule_id: int) -> ScheduleRow:
    """The schedule, deleted ones too. Raises NotFound."""
    found = await find_schedules(session, [schedule_id])
    if not found:
        raise NotFound(f"there is no schedule {schedule_id}")
    return found[0]


async def lock_schedule(session: Session, schedule_id: int) -> ScheduleRow:
    """The schedule as it is, and as it stays until the transaction ends. Raises NotFound."""
    return await lock_named(session, "", str(schedule_id))


async def create_schedule(
    session: Session,
    definition: Definition,
    *,
    source: str = "api",
    is_static: bool = False,
    now: datetime | None = None,
) -> ScheduleRow:
    """Write a new schedule and plan it. Raises Conflict when its client has one of that name.

    With `now`, the database's clock in this transaction, most are planned before they are written, and written once.
    Raises Forbidden for a client that is none of the session's, and InvalidInput where an `H` never comes by the name
    that is made up.
    """
    columns = definition.columns()
    moments = Moments()
    if now is not None and definition.name is not None and not definition.jitter_seconds:  # those come from its id
        moments = plan_new({**columns, **BEGINNING, "created_at": now})
    if moments.next_run_at is None:
        needs_a_lock(session)
    session.access.check_creates_for(definition.client_id)
    created_at = None if moments.next_run_at is None else now
    given = write_jsonb(columns), is_static, source, created_at, *moments, guard(session, None)[1]
    row = await session.fetchrow("insert_schedule", *given)
    assert row is not None  # what the statement inserts, it returns
    created = await _planned(session, _shown(session, row))
    if created["status"] == ScheduleStatus.INVALID and definition.name is None:
        told = f"give a name: the slots of H depend on it, and by {created['name']!r} they never come"
        raise InvalidInput.of("name", told)
    return created


async def insert_schedule(session: Session, definition: Definition, *, source: str) -> int:
    """Write a new schedule without planning it, where many are planned together: its id. Raises as create_schedule."""
    session.access.check_creates_for(definition.client_id)
    given = write_jsonb(definition.columns()), False, source, None, *Moments(), None
    schedule_id: int = await session.fetchval("insert_schedule", *given)
    return schedule_id


def definition_of(schedule: ScheduleRow) -> Definition:
    """The columns of a schedule that define it, doubles as they were given."""
    kept = {column: as_kept(schedule[column]) for column in JSONB_COLUMNS}
    return Definition(**{column: schedule[column] for column in DEFINING_COLUMNS} | kept)


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
    if _is_unplanned(schedule) or any(schedule[column] != getattr(definition, column) for column in PLANNED_BY):
        needs_a_lock(session)
    return await write_definition(session, schedule["schedule_id"], definition, schedule.get("written_by"))


async def write_definition(
    session: Session, schedule_id: int, definition: Definition, written_by: int | None = None
) -> ScheduleRow:
    """Write another definition over a locked schedule's, whoever may do that, and plan it where its timing changed."""
    given = schedule_id, write_jsonb(definition.columns()), *guard(session, written_by)
    return await _planned(session, _shown(session, written(session, await session.fetchrow("update_schedule", *given))))


def _is_unplanned(schedule: ScheduleRow) -> bool:
    return schedule["status"] == ScheduleStatus.ACTIVE and schedule["next_run_at"] is None


async def _planned(session: Session, schedule: ScheduleRow) -> ScheduleRow:
    """A locked schedule once it is planned, if it is to be."""
    return await _planned_anew(session, schedule) if _is_unplanned(schedule) else schedule


async def _planned_anew(session: Session, schedule: ScheduleRow) -> ScheduleRow:
    moments = await plan_locked(session, schedule)
    return await find_schedule(session, schedule["schedule_id"]) if moments is None else {**schedule, **moments}


def check_changeable(schedule: ScheduleRow) -> None:
    """Raise Forbidden for a schedule that stands in code, Conflict for one that is deleted."""
    if schedule["is_static"]:
        raise Forbidden(
            f"schedule {schedule['name']!r} is static: it is declared in {schedule['source']!r} and changed there; "
            "here it can be paused and resumed"
        )
    if schedule["status"] == ScheduleStatus.DISABLED:
        raise Conflict(_is_deleted(schedule))


async def set_status(
    session: Session, schedule: ScheduleRow, status: ScheduleStatus, reason: str | None
) -> ScheduleRow:
    """Put a locked schedule into a status, whoever may do that, and plan it where it is ACTIVE."""
    is_resumed = status is ScheduleStatus.ACTIVE and schedule["status"] != ScheduleStatus.ACTIVE
    moments = await plan_resumption(session, schedule) if is_resumed else Moments()
    following = moments.next_occurrence_at
    if status is ScheduleStatus.ACTIVE and following is None:
        needs_a_lock(session)
    guarded = *guard(session, schedule.get("written_by")), begun_by(session, following)
    given = schedule["schedule_id"], status, reason, *moments, *guarded
    changed = written(session, await session.fetchrow("set_schedule_status", *given))
    schedule = {**schedule, **dict(changed.items())}
    if following is not None and following <= schedule["updated_at"]:  # it was still paused at that moment
        return await _planned_anew(session, schedule)
    return await _planned(session, schedule)


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
    if schedule["status"] == ScheduleStatus.DISABLED:
        raise Conflict(_is_deleted(schedule))
    if is_gone(schedule):
        raise Conflict(f"{_has_no(schedule, 'code to go on with')}; start a worker that declares it, or delete it")
    if schedule["status"] not in {ScheduleStatus.PAUSED, ScheduleStatus.INVALID}:
        raise Conflict(_has_no(schedule, "occurrences to resume; give it other timing or another max_executions"))
    return await set_status(session, schedule, ScheduleStatus.ACTIVE, None)


async def delete_schedule(session: Session, schedule: ScheduleRow) -> int | None:
    """Disable a locked schedule, cancel its backfills and what is queued of it; how many that were.

    Deleting twice changes nothing. Its history stays, and what is running runs to its end, but is not tried again: call
    `deleted.cancel_left_over` after the commit, unless this returns None: then nothing of it was open.
    Raises Forbidden for one that stands in code, as long as it does, and then for other clients than its own.
    """
    if schedule["status"] == ScheduleStatus.DISABLED:
        return 0
    if not is_gone(schedule):
        check_changeable(schedule)
    session.access.check_owns(schedule)
    if session.is_swift:
        written_by, who = guard(session, schedule["written_by"])
        written(session, await session.fetchrow("disable_schedule", schedule["schedule_id"], written_by, who))
        return None
    closed = await session.fetch("delete_schedule", schedule["schedule_id"], DELETED)
    await tell_and_wake(session, await cancel_closed(session, closed, DELETED))
    return len(closed)


def _is_deleted(schedule: ScheduleRow) -> str:
    return f"schedule {schedule['schedule_id']} is deleted; create a new one"


def _has_no(schedule: ScheduleRow, what: str) -> str:
    because = f" ({schedule['status_reason']})" if schedule["status_reason"] else ""
    return f"schedule {schedule['name']!r} is {schedule['status']}{because}: it has no {what}"


def _shown(session: Session, row: Row) -> ScheduleRow:
    """The schedule in a row, as far as the session may see it."""
    schedule = dict(row.items())
    for column in JSONB_COLUMNS:
        schedule[column] = read_jsonb(schedule[column])
    return session.access.shown(schedule)
