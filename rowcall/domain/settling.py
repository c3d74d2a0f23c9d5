"""Settling: how the ledger answers for spans in which a schedule did not run by its present rule.

A schedule that was paused, deleted, or given another timing has spans behind it. Each span with an unanswered
occurrence in it becomes one SKIPPED row that says why; then the schedule goes on from where its present rule began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from .executions import ExecutionStatus
from .planning import BEGINNING, INSTANT, Answer, run_moment
from .schedules import Schedule, ScheduleStatus
from .trigger_types import OneTimeTrigger, unwindowed
from .triggers import Trigger, Window, latest_through, next_occurrence


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment on, a schedule had this status, trigger (None: one that can't be scheduled) and jitter."""

    since: datetime
    status: ScheduleStatus
    reason: str | None
    trigger: Trigger | None
    jitter_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """What to record for the past, and the next moment; both None when the trigger has no occurrence left."""

    answers: tuple[Answer, ...]
    next_occurrence_at: datetime | None
    next_run_at: datetime | None


def settle(schedule: Schedule, spans: Sequence[Span]) -> Settlement:
    """Answer for the spans before the last, which is the present one, and plan the first moment of that.

    `spans` are in order and reach back to the last answer; they may be empty for a schedule without a past.
    """
    merged = _merged(spans)
    answers: list[Answer] = []
    chain = schedule.last_occurrence_at
    for span, following in pairwise(merged):
        since = max(span.since, chain or BEGINNING)
        if span is merged[0] and chain is None and span.trigger is not None:
            since = owed_from(span.trigger, span.since)
        answer = _closing(span, following, since, chain)
        if answer is not None:
            answers.append(answer)
            chain = answer.scheduled_for
    base = _base(schedule, merged, chain)
    first = next_occurrence(schedule.trigger, base)
    return Settlement(tuple(answers), first, first and _moment(schedule, spans, first))


def _moment(schedule: Schedule, spans: Sequence[Span], occurrence: datetime) -> datetime:
    """The moment to act on an occurrence, by each jitter that its rule has had.

    Nothing is late that was not before a change: its moment is the change then, unless it had come already.
    """
    moment: datetime | None = None
    jitter_seconds: int | None = None
    for span in _present(spans):
        if span.jitter_seconds != jitter_seconds:
            jitter_seconds = span.jitter_seconds
            own = run_moment(replace(schedule, jitter_seconds=jitter_seconds), occurrence)
            moment = own if moment is None else max(own, min(moment, span.since))
    return moment or run_moment(schedule, occurrence)


def _present(spans: Sequence[Span]) -> Sequence[Span]:
    """The last spans, as far back as they have the status and the trigger of the very last."""
    first = len(spans)
    while first > 0 and (spans[first - 1].status, spans[first - 1].trigger) == (spans[-1].status, spans[-1].trigger):
        first -= 1
    return spans[first:]


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Spans that differ in status or trigger: a change of a policy or a text closes nothing."""
    merged: list[Span] = []
    for span in spans:
        if merged and (merged[-1].status, merged[-1].trigger) == (span.status, span.trigger):
            merged[-1] = replace(merged[-1], reason=span.reason or merged[-1].reason)
        else:
            merged.append(span)
    return merged


def _closing(span: Span, following: Span, since: datetime, chain: datetime | None) -> Answer | None:
    """The row for what a span left unanswered; None when it left nothing, or could not be scheduled."""
    if span.trigger is None:
        return None
    unanswered = latest_through(span.trigger, since, following.since, 1)
    if not unanswered:
        return None
    return Answer(ExecutionStatus.SKIPPED, unanswered[0], chain, _why(span, following))


def _why(span: Span, following: Span) -> str:
    """Why nothing ran: the span's status with its reason, or what ended a span that was ACTIVE."""
    if span.status is following.status is ScheduleStatus.ACTIVE:
        return "changed: the timing was changed before it could start"
    stopped = following if span.status is ScheduleStatus.ACTIVE else span
    word = stopped.status.lower()
    if stopped.status is ScheduleStatus.COMPLETED and stopped.reason:
        return stopped.reason  # it names its own kind: limit or finished
    if stopped is following:
        return f"{word}: it was {word} before it could start"
    return f"{word}: {stopped.reason or 'no reason was given'}"


def _base(schedule: Schedule, spans: Sequence[Span], chain: datetime | None) -> datetime:
    """The moment after which the present rule counts."""
    if len(spans) > 1 and not _is_one_time(schedule.trigger):
        return max(spans[-1].since, chain or BEGINNING)
    return chain or owed_from(schedule.trigger, schedule.created_at)


def owed_from(trigger: Trigger, created_at: datetime) -> datetime:
    """From where a schedule that has answered for nothing owes answers: its `starts_at`, else its creation."""
    if _is_one_time(trigger):
        return BEGINNING  # one whose moment passed before it was written down still gets its row
    if isinstance(trigger, Window) and trigger.starts_at is not None:
        return trigger.starts_at - INSTANT
    return created_at


def _is_one_time(trigger: Trigger) -> bool:
    return isinstance(unwindowed(trigger), OneTimeTrigger)
