"""The same done to many schedules in one transaction: those of some names, or those that carry some labels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rowcall.domain.errors import Conflict, Fault, Forbidden, InvalidInput, NotFound

from .database import Database
from .executions import execute_schedule
from .schedule_lists import ScheduleFilter, list_schedules
from .schedules import (
    ScheduleRow,
    delete_schedule,
    find_schedules,
    pause_schedule,
    resolve_schedule,
    resume_schedule,
)
from .sessions import Session

MOST_AT_ONCE = 500


class BulkAction(StrEnum):
    """What can be done to many."""

    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"
    EXECUTE = "execute"


class Outcome(StrEnum):
    """What became of one of them."""

    DONE = "done"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which schedules of a client are meant: either these names (or ids), or those with all of these labels."""

    client_id: str
    names: Sequence[str] | None = None
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one schedule; `detail` says why it was refused, or what was done."""

    schedule: ScheduleRow
    outcome: Outcome
    detail: str | None = None
    execution_id: int | None = None


Act: TypeAlias = Callable[[Session, ScheduleRow], Awaitable[Result]]


class _OnlyTried(Exception):
    """Ends a transaction whose changes are not wanted."""

    def __init__(self, results: list[Result]) -> None:
        super().__init__()
        self.results = results


async def in_bulk(
    database: Database,
    action: BulkAction,
    selection: Selection,
    *,
    by: str,
    reason: str | None = None,
    dry_run: bool = False,
) -> list[Result]:
    """Do it to all that are meant, in order of id. What can't be done to one is told, and no matter to the rest.

    With `dry_run` all of it is tried, and taken back. After the commit call `release_waiting` where it was EXECUTE, and
    `deleted.cancel_left_over` where it was DELETE. Raises InvalidInput for names that are none, Conflict for too many.
    """
    act = _acts(action, by, reason)
    try:
        async with database.transaction() as transaction:
            schedules = await _locked(transaction, selection)
            results = [await _tried(act, transaction, schedule) for schedule in schedules]
            _take_back_if(dry_run, results)
    except _OnlyTried as tried:
        return tried.results
    return results


def _take_back_if(only_tried: bool, results: list[Result]) -> None:  # noqa: FBT001 - it reads as a sentence
    if only_tried:
        raise _OnlyTried(results)


async def _locked(session: Session, selection: Selection) -> list[ScheduleRow]:
    """The schedules that are meant, as they stay until the transaction ends."""
    ids = await _named(session, selection) if selection.names is not None else await _labelled(session, selection)
    if len(ids) > MOST_AT_ONCE:
        raise Conflict(f"more than {MOST_AT_ONCE} schedules are meant; narrow it, at most so many are changed at once")
    await session.fetch("lock_schedules", ids)
    return [schedule for schedule in await find_schedules(session, ids) if _is_meant(schedule, selection)]


async def _named(session: Session, selection: Selection) -> list[int]:
    """The ids behind the names. Raises InvalidInput with every name that is none."""
    found, faults = set(), []
    for place, name in enumerate(selection.names or ()):
        try:
            found.add(await resolve_schedule(session, selection.client_id, name))
        except NotFound as fault:
            faults.append(Fault(f"names.{place}", str(fault)))
    there = {schedule["schedule_id"] for schedule in await find_schedules(session, sorted(found))}
    faults += [Fault("names", f"there is no schedule {schedule_id}") for schedule_id in sorted(found - there)]
    if faults:
        raise InvalidInput(faults)
    return sorted(found)


async def _labelled(session: Session, selection: Selection) -> list[int]:
    """The ids of those with the labels, or of too many; the pages have other clients' static ones too, never meant."""
    wanted = ScheduleFilter(client_id=selection.client_id, labels=selection.labels)
    meant: list[int] = []
    page = await list_schedules(session, wanted, 0, MOST_AT_ONCE + 1)
    while page and len(meant) <= MOST_AT_ONCE:
        meant += [schedule["schedule_id"] for schedule in page if schedule["client_id"] == selection.client_id]
        is_last = len(page) <= MOST_AT_ONCE
        page = [] if is_last else await list_schedules(session, wanted, page[-1]["schedule_id"], MOST_AT_ONCE + 1)
    return meant


def _is_meant(schedule: ScheduleRow, selection: Selection) -> bool:
    """Whether it is still meant now that it is locked; static ones of others are seen, and never meant by labels."""
    if selection.names is not None:
        return True
    labels: Mapping[str, object] = schedule["labels"]
    fits = all(labels.get(name) == value for name, value in (selection.labels or {}).items())
    return fits and bool(schedule["client_id"] == selection.client_id)


async def _tried(act: Act, session: Session, schedule: ScheduleRow) -> Result:
    try:
        return await act(session, schedule)
    except (Conflict, Forbidden) as refusal:  # raised before anything was written
        return Result(schedule, Outcome.REFUSED, str(refusal))


def _acts(action: BulkAction, by: str, reason: str | None) -> Act:
    async def pause(session: Session, schedule: ScheduleRow) -> Result:
        return _compared(schedule, await pause_schedule(session, schedule, reason, by))

    async def resume(session: Session, schedule: ScheduleRow) -> Result:
        return _compared(schedule, await resume_schedule(session, schedule))

    async def delete(session: Session, schedule: ScheduleRow) -> Result:
        cancelled = await delete_schedule(session, schedule)
        return Result(schedule, Outcome.DONE, f"{cancelled} queued executions cancelled" if cancelled else None)

    async def execute(session: Session, schedule: ScheduleRow) -> Result:
        execution = await execute_schedule(session, schedule)
        return Result(schedule, Outcome.DONE, execution_id=execution["execution_id"])

    return {
        BulkAction.PAUSE: pause,
        BulkAction.RESUME: resume,
        BulkAction.DELETE: delete,
        BulkAction.EXECUTE: execute,
    }[action]


def _compared(before: ScheduleRow, after: ScheduleRow) -> Result:
    return Result(after, Outcome.UNCHANGED if after is before else Outcome.DONE, after["status_reason"])
