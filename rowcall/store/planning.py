"""Schedules that have no next moment yet, whichever door they came through: plan them, or set them aside as INVALID.

New rows come here, and rows whose timing or status changed: the database's trigger has cleared their `next_run_at`. The
spans behind them are answered for first, so that the chain of the ledger has no hole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rowcall.domain.errors import InvalidInput
from rowcall.domain.planning import Answer
from rowcall.domain.schedules import Columns, Schedule, ScheduleStatus, schedule_of
from rowcall.domain.settling import Settlement, Span, settle
from rowcall.domain.triggers import Trigger, trigger_of

from .jsonb import read_jsonb
from .ledger import insert_answers, kept_waiting
from .sessions import Row, Session

REASON_MAX_LENGTH = 500
UNPLANNABLE = (InvalidInput, ArithmeticError, LookupError, TypeError, ValueError)
"""What a row that nobody foresaw can raise while it is planned: it is set aside, and the others go on."""


async def plan_schedules(session: Session, schedule_ids: Sequence[int] | None = None, limit: int = 500) -> int:
    """Plan up to `limit` ACTIVE schedules without a next moment, of those named or of all; how many were settled.

    Call it inside the transaction of the change, or let a worker's next look do it. One bad row never stops the others.
    """
    rows = await session.fetch("take_unplanned", schedule_ids, limit)
    return await plan_rows(session, rows) if rows else 0


async def plan_rows(session: Session, rows: Sequence[Row]) -> int:
    """The same of locked rows of take_unplanned."""
    broken: dict[int, str] = {}
    schedules = _readable(rows, broken)
    settled = _settled(schedules, await _spans_of(session, schedules), broken)
    to_write = [(one.schedule_id, answer.scheduled_for) for one, settlement in settled for answer in settlement.answers]
    waiting = await kept_waiting(session, to_write)
    if recordable := [each for each in settled if each[0].schedule_id not in waiting]:
        await _record(session, recordable)
    await invalidate(session, broken)
    return len(rows) - len(waiting)


class Moments(NamedTuple):
    """What is next for a schedule; None and None where that is not known."""

    next_occurrence_at: datetime | None = None
    next_run_at: datetime | None = None


def plan_new(row: Columns) -> Moments:
    """What is next for a schedule that is about to be created with the columns of a row, jsonb read.

    Nothing where there is more to write than that: what writes the row will find out.
    """
    try:
        schedule = schedule_of(row, _fields(row["cron_fields"]))
        return _alone(schedule, settle(schedule, [_active_since(schedule, schedule.created_at)]))
    except UNPLANNABLE:
        return Moments()


async def plan_resumption(session: Session, row: Columns) -> Moments:
    """What is next for a locked schedule that is about to be ACTIVE again, as long as no occurrence comes between."""
    try:
        schedule = schedule_of(row, _fields(row["cron_fields"]))
        again = _active_since(schedule, max(row["now"], row["updated_at"]))
        return _alone(schedule, settle(schedule, [*await _spans_of_one(session, schedule), again]))
    except UNPLANNABLE:
        return Moments()


def _active_since(schedule: Schedule, since: datetime) -> Span:
    return Span(since, ScheduleStatus.ACTIVE, None, schedule.trigger, schedule.jitter_seconds)


def _alone(schedule: Schedule, settlement: Settlement) -> Moments:
    """The next moments, where they are all that a settlement has to write."""
    if settlement.answers or _ended_because(schedule, settlement) is not None:
        return Moments()
    return Moments(settlement.next_occurrence_at, settlement.next_run_at)


async def plan_locked(session: Session, row: Columns) -> Mapping[str, datetime | None] | None:
    """Plan the ACTIVE schedule of a row, jsonb read, that this transaction has locked: the columns that this changed.

    None where more has changed, or less, and the row has to be read again.
    """
    try:
        schedule = schedule_of(row, _fields(row["cron_fields"]))
        settlement = settle(schedule, await _spans_of_one(session, schedule))
    except UNPLANNABLE as fault:
        await session.fetch("plan_anew")
        await invalidate(session, {row["schedule_id"]: why(fault)})
        return None
    moments = _alone(schedule, settlement)
    if moments.next_occurrence_at is not None:
        await session.fetch("advance_schedule", schedule.schedule_id, schedule.last_occurrence_at, *moments)
        return moments._asdict()
    await session.fetch("plan_anew")
    if not await kept_waiting(session, [(schedule.schedule_id, one.scheduled_for) for one in settlement.answers]):
        await _record(session, [(schedule, settlement)])
    return None


async def invalidate(session: Session, broken: Mapping[int, str]) -> None:
    """Set aside schedules that can't be scheduled, each with its reason."""
    if broken:
        await session.fetch("invalidate_schedules", list(broken), list(broken.values()))


def why(fault: Exception) -> str:
    """What made a row unplannable, as the reason that stands in it."""
    return f"{fault}"[:REASON_MAX_LENGTH] or type(fault).__name__


def _readable(rows: Sequence[Row], broken: dict[int, str]) -> list[Schedule]:
    """The schedules of rows; into `broken` goes what can't be scheduled, and why."""
    schedules: list[Schedule] = []
    for row in rows:
        try:
            schedules.append(schedule_of(row, parsed(row["cron_fields"])))
        except UNPLANNABLE as fault:
            broken[row["schedule_id"]] = why(fault)
    return schedules


def _settled(
    schedules: Sequence[Schedule], spans: Mapping[int, list[Span]], broken: dict[int, str]
) -> list[tuple[Schedule, Settlement]]:
    settled: list[tuple[Schedule, Settlement]] = []
    for schedule in schedules:
        try:
            settled.append((schedule, settle(schedule, spans[schedule.schedule_id])))
        except UNPLANNABLE as fault:
            broken[schedule.schedule_id] = why(fault)
    return settled


def parsed(cron_fields: str | None) -> Mapping[str, object] | None:
    """The column `cron_fields` as a mapping. Raises InvalidInput when it holds anything else."""
    return _fields(read_jsonb(cron_fields))


def _fields(document: Any) -> Mapping[str, object] | None:
    if document is not None and not isinstance(document, dict):
        raise InvalidInput.of("cron_fields", 'must be a flat object such as {"hour": 9}')
    return document


async def _spans_of(session: Session, schedules: Sequence[Schedule]) -> Mapping[int, list[Span]]:
    rows = await session.fetch(
        "spans_of",
        [schedule.schedule_id for schedule in schedules],
        [schedule.last_occurrence_at for schedule in schedules],
    )
    created = {schedule.schedule_id: schedule.created_at for schedule in schedules}
    spans: dict[int, list[Span]] = defaultdict(list)
    for row in rows:
        spans[row["schedule_id"]].append(_span(row, created[row["schedule_id"]]))
    return spans


async def _spans_of_one(session: Session, schedule: Schedule) -> list[Span]:
    """The same of one, by a statement whose plan can be kept."""
    rows = await session.fetch("spans_of_schedule", schedule.schedule_id, schedule.last_occurrence_at)
    return [_span(row, schedule.created_at) for row in rows]


def _span(row: Row, created_at: datetime) -> Span:
    rule = read_jsonb(row["rule"])
    trigger = trigger_then(rule, created_at)
    return Span(row["valid_from"], ScheduleStatus(row["status"]), row["status_reason"], trigger, rule["jitter_seconds"])


def trigger_then(rule: Mapping[str, Any], created_at: datetime) -> Trigger | None:
    """The trigger of an older definition, of what `rowcall.rule_of` leaves; None if that could not be scheduled."""
    try:
        return trigger_of(
            schedule_type=rule["schedule_type"],
            cron_expression=rule["cron_expression"],
            cron_fields=parsed(rule["cron_fields"]),
            interval_seconds=rule["interval_seconds"],
            scheduled_time=_moment(rule["scheduled_time"]),
            timezone=rule["timezone"],
            starts_at=_moment(rule["starts_at"]),
            ends_at=_moment(rule["ends_at"]),
            created_at=created_at,
            client_id=rule["client_id"],
            name=rule["name"],
        )
    except UNPLANNABLE:
        return None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


async def _record(session: Session, settled: Sequence[tuple[Schedule, Settlement]]) -> None:
    """Write the answers for the past, the next moments, and the end of those that have none."""
    answers: list[tuple[int, Answer]] = []
    planned: list[tuple[int, datetime | None, datetime | None, datetime | None, int]] = []
    over: dict[int, str] = {}
    for schedule, settlement in settled:
        answers += [(schedule.schedule_id, answer) for answer in settlement.answers]
        last = settlement.answers[-1].scheduled_for if settlement.answers else schedule.last_occurrence_at
        ended = _ended_because(schedule, settlement)
        if ended is None:
            following, moment = settlement.next_occurrence_at, settlement.next_run_at
        else:
            following = moment = None
            over[schedule.schedule_id] = ended
        planned.append((schedule.schedule_id, last, following, moment, 0))
    await insert_answers(session, answers)
    await session.fetch("advance_schedules", *(list(column) for column in zip(*planned, strict=True)))
    if over:
        await session.fetch("complete_schedules", list(over), list(over.values()))


def _ended_because(schedule: Schedule, settlement: Settlement) -> str | None:
    if schedule.max_executions is not None and schedule.scheduled_runs >= schedule.max_executions:
        return f"limit: max_executions {schedule.max_executions} is reached"
    if settlement.next_occurrence_at is None:
        return "finished: no further occurrence"
    return None
