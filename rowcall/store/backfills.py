"""What people and programs do with backfills: try one out, start it, look at it, cancel it. `feeding` carries it out.

A range is cut to what the schedule has answered for: what comes after that is its own to run, skip or miss, and the
rows that it will write there must not be anticipated. Where its answers stand only ever moves on, so a range that was
once free of them stays so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from rowcall.domain.backfilling import Answer, BackfillStatus, occurrences_between
from rowcall.domain.errors import Conflict, Fault, InvalidInput, NotFound
from rowcall.domain.planning import BEGINNING, INSTANT
from rowcall.domain.schedules import ScheduleStatus, schedule_of
from rowcall.domain.timing import era_fault
from rowcall.domain.triggers import Trigger, next_occurrence

from .cancelling import cancel_closed
from .database import Database
from .schedules import LARGEST_ID, ScheduleRow
from .sessions import Row, Session
from .telling import tell_and_wake

BackfillRow = Mapping[str, Any]

RUNNABLE = (ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED, ScheduleStatus.COMPLETED)
ASKED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Range:
    """Occurrences of a schedule, under one version of it: those from `since` on and before `until`, in order."""

    schedule_id: int
    schedule_version: int
    since: datetime
    until: datetime
    occurrences: Sequence[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a backfill is to be carried out, who asks for it and why. Without a rate, only `max_concurrent` slows it."""

    rate_per_minute: int | None = None
    max_concurrent: int = 1
    requested_by: str
    reason: str | None = None


async def plan_backfill(session: Session, schedule: ScheduleRow, since: datetime, until: datetime) -> Range:
    """The occurrences that a backfill would see to; `until` of the answer is no later than what is answered for.

    Counts in a thread, up to seconds. Raises InvalidInput for a range that can't be, or holds too many; Conflict for
    a schedule that can't run, and where part of the range waits for an answer that will not come by itself.
    """
    session.access.check_acts_on(schedule)
    _check_runnable(schedule)
    chain = await _chain_of(session, schedule["schedule_id"], since, until)
    _check_moments(since, until, schedule["now"], chain)
    trigger = schedule_of(schedule, schedule["cron_fields"]).trigger
    end = min(until, _end_of_answers(chain))
    if schedule["status"] != ScheduleStatus.ACTIVE:
        _check_nothing_waits(schedule, trigger, max(since, end), until)
    occurrences = await asyncio.to_thread(occurrences_between, trigger, since, end)
    return Range(schedule["schedule_id"], schedule["version"], since, max(since, end), occurrences)


async def count_already_answered(session: Session, planned: Range) -> int:
    """How many of these occurrences have run, or are about to: a backfill leaves them alone."""
    return sum(not answer.never_ran for answer in await _all_answers(session, planned))


async def answers_at(session: Session, schedule_id: int, occurrences: Sequence[datetime]) -> list[Answer]:
    """The rows that stand at these occurrences, which are in order."""
    if not occurrences:
        return []
    rows = await session.fetch("answers_at", schedule_id, occurrences, occurrences[0], occurrences[-1])
    return [Answer(row["execution_id"], row["scheduled_for"], row["never_ran"]) for row in rows]


async def start_backfill(session: Session, schedule: ScheduleRow, planned: Range, request: Request) -> BackfillRow:
    """Write down a backfill of a locked schedule; workers see to it. Raises InvalidInput when there is nothing in it.

    Raises Conflict when the schedule was changed since it was planned, InvalidInput when what ran then was forgotten.
    """
    _check_runnable(schedule)
    if schedule["version"] != planned.schedule_version:
        raise Conflict(f"schedule {schedule['name']!r} was changed just now; look at it, and ask again")
    if not planned.occurrences:
        raise InvalidInput.of("since", f"{schedule['name']!r} has no occurrence before {planned.until.isoformat()}")
    # Counting took a while, and kept nobody from dropping days; from here on the floor stays.
    _raise_any([_forgotten(await _chain_of(session, planned.schedule_id, planned.since, planned.until))])
    backfill_id: int = await session.fetchval(
        "insert_backfill", planned.schedule_id, planned.schedule_version, planned.since, planned.until,
        len(planned.occurrences), request.rate_per_minute, request.max_concurrent, request.requested_by, request.reason,
    )  # fmt: skip
    return await find_backfill(session, backfill_id)


async def find_backfill(session: Session, backfill_id: int) -> BackfillRow:
    """The backfill, and what has become of it so far. Raises NotFound."""
    found = await _find(session, [min(backfill_id, LARGEST_ID)])
    if not found:
        raise _no_backfill(backfill_id)
    return found[0]


async def list_backfills(
    session: Session, before: int | None, limit: int, *, schedule_id: int | None = None, statuses: Sequence[str] = ()
) -> list[BackfillRow]:
    """Up to `limit` backfills with ids below `before`, the newest first."""
    below = LARGEST_ID if before is None else before
    rows = await session.fetch(
        "list_backfills", below, limit, schedule_id, list(statuses) or None, session.access.confined_to
    )
    return await _find(session, [row["backfill_id"] for row in rows])


async def cancel_backfill(database: Database, backfill_id: int, by: str) -> BackfillRow:
    """Enqueue no more of a backfill, and cancel what is queued of it; what runs of it runs to its end.

    Raises NotFound, and Conflict for one that is over already.
    """
    because, backfill_id = f"cancelled by {by}", min(backfill_id, LARGEST_ID)
    async with database.transaction() as transaction:
        status = await transaction.fetchval("lock_backfill", backfill_id, database.access.confined_to)
        if status is None:
            raise _no_backfill(backfill_id)
        if status != BackfillStatus.RUNNING:
            raise Conflict(f"backfill {backfill_id} is {status} already; there is nothing to cancel")
        await transaction.fetch("cancel_backfill", backfill_id, because)
        await cancel_queued(transaction, backfill_id, f"its backfill was {because}")
        return await find_backfill(transaction, backfill_id)


async def cancel_queued(session: Session, backfill_id: int, because: str) -> None:
    """Cancel what is queued of a locked backfill."""
    closed = await session.fetch("close_queued_of_backfill", backfill_id)
    await tell_and_wake(session, await cancel_closed(session, closed, because))


# ── the parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_runnable(schedule: ScheduleRow) -> None:
    if schedule["status"] not in RUNNABLE:
        because = f": {schedule['status_reason']}" if schedule["status_reason"] else ""
        raise Conflict(f"schedule {schedule['name']!r} is {schedule['status']}{because}; it can't be backfilled")
    if schedule["status"] == ScheduleStatus.ACTIVE and schedule["next_run_at"] is None:
        raise Conflict(
            f"schedule {schedule['name']!r} is new or changed, and waits for a worker to plan it; ask again soon"
        )


async def _chain_of(session: Session, schedule_id: int, since: datetime, until: datetime) -> Row:
    chain = await session.fetchrow("chain_of", schedule_id, since, until)
    assert chain is not None  # the schedule was found, and its row is never taken out but by SQL
    return chain


def _check_moments(since: datetime, until: datetime, now: datetime, chain: Row) -> None:
    """Raise every fault of a range."""
    faults = [era_fault("since", since), era_fault("until", until)]
    if until > now:
        faults.append(Fault("until", f"lies in the future; it is {now.isoformat(timespec='seconds')} now"))
    if since >= until:
        faults.append(Fault("until", "must lie after since"))
    _raise_any([*faults, _forgotten(chain)])


def _forgotten(chain: Row) -> Fault | None:
    """What ran before the floor would run a second time: nobody knows any more that it did."""
    if not chain["is_forgotten"]:
        return None
    return Fault("since", f"lies before {chain['history_floor_at'].isoformat()}: what ran then is no longer known")


def _raise_any(found: Sequence[Fault | None]) -> None:
    faults = [fault for fault in found if fault is not None]
    if faults:
        raise InvalidInput(faults)


def _end_of_answers(chain: Row) -> datetime:
    """Before this moment no answer of the schedule's own is still to come."""
    if chain["last_occurrence_at"] is not None:
        return chain["last_occurrence_at"] + INSTANT  # type: ignore[no-any-return]  # a timestamptz column
    return chain["begins_at"] or BEGINNING


def _check_nothing_waits(schedule: ScheduleRow, trigger: Trigger, start: datetime, until: datetime) -> None:
    """Raise Conflict where occurrences will be answered for only when somebody resumes the schedule, or changes it."""
    waiting = next_occurrence(trigger, start - INSTANT) if start < until else None
    if waiting is not None and waiting < until:
        raise Conflict(
            f"schedule {schedule['name']!r} is {schedule['status']}, and does not answer for {waiting.isoformat()} and "
            f"what follows; resume it first, or give an until no later than that"
        )


async def _all_answers(session: Session, planned: Range) -> list[Answer]:
    found: list[Answer] = []
    rest = iter(planned.occurrences)
    while some := list(islice(rest, ASKED_AT_ONCE)):
        found += await answers_at(session, planned.schedule_id, some)
    return found


def _no_backfill(backfill_id: int) -> NotFound:
    return NotFound(f"there is no backfill {backfill_id}; GET /v1/backfills lists those there are")


async def _find(session: Session, ids: Sequence[int]) -> list[BackfillRow]:
    rows = await session.fetch("find_backfills", ids, session.access.confined_to) if ids else []
    return [{column: row[column] for column in row.keys()} for row in rows]  # noqa: SIM118 - of a record
