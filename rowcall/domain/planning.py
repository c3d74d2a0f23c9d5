"""Planning: what a due schedule runs, what it records as not run, and when it is next. Pure: the moment is given.

The answers of a schedule form a chain. Each covers the occurrences after the answer before it, up to its own
`scheduled_for`; so a span of any length, missed or coalesced, is one row, and is found without walking through it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from .executions import ExecutionStatus
from .jitter import jitter_of
from .schedules import Coalesce, OverlapPolicy, Schedule
from .triggers import latest_through, next_occurrence

INSTANT = timedelta(microseconds=1)
"""PostgreSQL's resolution: a span that starts one instant before a moment includes it."""

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""Before every occurrence: the chain of a schedule that has answered for none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A row of the ledger to write. `status` is RUNNING (start it now), QUEUED (it waits), SKIPPED or MISSED."""

    status: ExecutionStatus
    scheduled_for: datetime
    covers_after: datetime | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OpenExecutions:
    """What is not final of a schedule: how many in all, how many of these wait, and one of them to name."""

    count: int = 0
    waiting: int = 0
    execution_id: int | None = None


NOTHING_OPEN = OpenExecutions()


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a schedule that was found due.

    `answers` is in the order of the chain, and holds at most one that is RUNNING. With `completed_because` set the
    schedule is over.
    """

    answers: tuple[Answer, ...]
    next_occurrence_at: datetime | None
    next_run_at: datetime | None
    completed_because: str | None = None
    cancel_open: bool = False

    @property
    def counted_runs(self) -> int:
        """How many of the answers `max_executions` counts."""
        return sum(answer.status in COUNTED for answer in self.answers)


COUNTED = (ExecutionStatus.RUNNING, ExecutionStatus.QUEUED)


@dataclass(frozen=True, slots=True)
class Late:
    """The occurrences found due at one moment: those past grace, as one span, and those still within it."""

    missed_through: datetime | None
    missed_because: str
    due: tuple[datetime, ...]
    following: datetime | None


def run_moment(schedule: Schedule, occurrence: datetime) -> datetime:
    """The moment to act on an occurrence: itself plus its stable jitter."""
    if not schedule.jitter_seconds:
        return occurrence
    following = next_occurrence(schedule.trigger, occurrence)
    return occurrence + jitter_of(schedule.schedule_id, occurrence, schedule.jitter_seconds, following)


def plan(schedule: Schedule, opened: OpenExecutions, now: datetime) -> Plan:
    """What to run, what to record as not run, and the next moment, for a schedule found due at `now`."""
    first = _first_due(schedule, now)
    if first is None:
        return _ending(schedule, [], None)
    late = _late_occurrences(schedule, first, now)
    answers: list[Answer] = []
    chain = schedule.last_occurrence_at
    if late.missed_through is not None:
        answers.append(Answer(ExecutionStatus.MISSED, late.missed_through, chain, late.missed_because))
        chain = late.missed_through
    due, over_limit = _within_limit(schedule, late.due)
    chosen, cancel_open = _overlap(schedule, opened, due, chain)
    answers += chosen
    if over_limit:
        chain = answers[-1].scheduled_for if answers else chain
        answers.append(Answer(ExecutionStatus.SKIPPED, over_limit[-1], chain, _limit_reached(schedule)))
    return _ending(schedule, answers, late.following, cancel_open=cancel_open)


def plan_unroutable(schedule: Schedule, now: datetime, reason: str) -> Plan | None:
    """Answer for what nobody could run and is past its grace; None when nothing is.

    What is still within grace stays due, for a worker that may yet come.
    """
    first = _first_due(schedule, now)
    missed = first and _last_before(schedule, first, now - schedule.grace)
    if missed is None:
        return None
    answers = [Answer(ExecutionStatus.MISSED, missed, schedule.last_occurrence_at, reason)]
    return _ending(schedule, answers, next_occurrence(schedule.trigger, missed))


def _late_occurrences(schedule: Schedule, first: datetime, now: datetime) -> Late:
    """The occurrences due at `now`, from `first` on, sorted into missed and due. Bounded work, however many."""
    following = next_occurrence(schedule.trigger, first)
    if following is None or run_moment(schedule, following) > now:
        if _acts_at(schedule, first) >= now - schedule.grace:
            return Late(None, "", (first,), following)
        return Late(first, _grace_ran_out(schedule), (), following)
    last, following = _newest_due(schedule, first, now)
    missed = _last_before(schedule, first, now - schedule.grace)
    if missed is not None and missed >= last:
        return Late(last, _grace_ran_out(schedule), (), following)
    match schedule.coalesce:
        case Coalesce.LATEST:
            return Late(missed, _grace_ran_out(schedule), (last,), following)
        case Coalesce.ALL:
            return _caught_up(schedule, first, last, missed, following)
    assert_never(schedule.coalesce)


def _caught_up(
    schedule: Schedule, first: datetime, last: datetime, missed: datetime | None, following: datetime | None
) -> Late:
    """The newest `catch_up_limit` of those within grace; what is older is missed together with what is past grace."""
    after = missed or first - INSTANT
    newest = latest_through(schedule.trigger, after, last, schedule.catch_up_limit)
    older = latest_through(schedule.trigger, after, newest[0] - INSTANT, 1)
    if not older:
        return Late(missed, _grace_ran_out(schedule), tuple(newest), following)
    because = f"catch_up_limit: only the newest {schedule.catch_up_limit} late occurrences are made up for"
    if missed is not None:
        because += f"; {_grace_ran_out(schedule)}"
    return Late(older[0], because, tuple(newest), following)


def _first_due(schedule: Schedule, now: datetime) -> datetime | None:
    """The occurrence that the row's `next_run_at` stands for; None when the trigger has none left.

    As a rule that is `next_occurrence_at`. Where somebody moved `next_run_at` back by hand, it is the first unanswered
    occurrence from there on; and if none has come yet, the next one is run early.
    """
    planned, moment = schedule.next_occurrence_at, schedule.next_run_at or now
    if planned is not None and moment >= planned:
        return planned
    answered = schedule.last_occurrence_at or BEGINNING
    first = next_occurrence(schedule.trigger, max(moment - INSTANT, answered))
    if first is not None and first <= now:
        return first
    return planned or first or next_occurrence(schedule.trigger, answered)


def _acts_at(schedule: Schedule, first: datetime) -> datetime:
    """When the first due occurrence was to be acted on: grace counts from there."""
    if first == schedule.next_occurrence_at and schedule.next_run_at is not None and schedule.next_run_at >= first:
        return schedule.next_run_at
    return run_moment(schedule, first)


def _newest_due(schedule: Schedule, first: datetime, now: datetime) -> tuple[datetime, datetime | None]:
    """The last occurrence whose moment has come, and the one after it."""
    newest = latest_through(schedule.trigger, first - INSTANT, now, 2)
    if len(newest) == 2 and run_moment(schedule, newest[1]) > now:  # its jitter lies ahead
        return newest[0], newest[1]
    return newest[-1], next_occurrence(schedule.trigger, newest[-1])


def _last_before(schedule: Schedule, first: datetime, cutoff: datetime) -> datetime | None:
    """The last occurrence from `first` on that was to be acted on before `cutoff`; None when none was."""
    candidates = latest_through(schedule.trigger, first - INSTANT, cutoff, 2)
    while candidates and run_moment(schedule, candidates[-1]) >= cutoff:
        candidates.pop()
    return candidates[-1] if candidates else None


def _within_limit(schedule: Schedule, due: tuple[datetime, ...]) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
    """What `max_executions` still allows, and the rest."""
    if schedule.max_executions is None:
        return due, ()
    left = max(0, schedule.max_executions - schedule.scheduled_runs)
    return due[:left], due[left:]


def _overlap(
    schedule: Schedule, opened: OpenExecutions, due: tuple[datetime, ...], chain: datetime | None
) -> tuple[list[Answer], bool]:
    """The answers for the occurrences that are due, under the overlap policy; and whether to cancel what is open."""
    if not due:
        return [], False
    if len(due) > 1 or (schedule.coalesce is Coalesce.ALL and opened.waiting):
        return _line_up(schedule, opened, due, chain), False
    if opened.count < schedule.max_instances:
        return [Answer(ExecutionStatus.RUNNING, due[0], chain)], False
    match schedule.overlap_policy:
        case OverlapPolicy.SKIP:
            return [_skipped(due[0], chain, f"overlap: execution {opened.execution_id} is still open")], False
        case OverlapPolicy.ALLOW:
            because = f"overlap: {opened.count} executions are open, max_instances is {schedule.max_instances}"
            return [_skipped(due[0], chain, because)], False
        case OverlapPolicy.QUEUE | OverlapPolicy.CANCEL_RUNNING if opened.waiting:
            return [_skipped(due[0], chain, "overlap: an earlier execution is already waiting")], False
        case OverlapPolicy.QUEUE:
            return [Answer(ExecutionStatus.QUEUED, due[0], chain)], False
        case OverlapPolicy.CANCEL_RUNNING:
            return [Answer(ExecutionStatus.QUEUED, due[0], chain)], True
    assert_never(schedule.overlap_policy)


def _line_up(
    schedule: Schedule, opened: OpenExecutions, due: tuple[datetime, ...], chain: datetime | None
) -> list[Answer]:
    """Catching up one by one, overlap aside: the first starts if it may, the others wait in line."""
    room = max(0, schedule.catch_up_limit - opened.waiting)
    if room == 0:
        because = f"catch_up_limit: {opened.waiting} executions are already waiting"
        return [_skipped(due[-1], chain, because)]
    answers: list[Answer] = []
    too_many, lined_up = due[:-room], due[-room:]
    if too_many:
        answers.append(
            _skipped(too_many[-1], chain, f"catch_up_limit: {opened.waiting} executions are already waiting")
        )
        chain = too_many[-1]
    for position, occurrence in enumerate(lined_up):
        starts = position == 0 and opened.count < schedule.max_instances
        status = ExecutionStatus.RUNNING if starts else ExecutionStatus.QUEUED
        answers.append(Answer(status, occurrence, chain))
        chain = occurrence
    return answers


def _ending(
    schedule: Schedule, answers: list[Answer], following: datetime | None, *, cancel_open: bool = False
) -> Plan:
    """The plan with the next moment, or with the reason why there is none."""
    plan = Plan(tuple(answers), following, None, cancel_open=cancel_open)
    used = schedule.scheduled_runs + plan.counted_runs
    if schedule.max_executions is not None and used >= schedule.max_executions:
        return replace(plan, next_occurrence_at=None, completed_because=_limit_reached(schedule))
    if following is None:
        return replace(plan, completed_because="finished: no further occurrence")
    return replace(plan, next_run_at=run_moment(schedule, following))


def _skipped(scheduled_for: datetime, covers_after: datetime | None, reason: str) -> Answer:
    return Answer(ExecutionStatus.SKIPPED, scheduled_for, covers_after, reason)


def _grace_ran_out(schedule: Schedule) -> str:
    return f"grace: not started within {schedule.grace.total_seconds():.0f} s of its moment"


def _limit_reached(schedule: Schedule) -> str:
    return f"limit: max_executions {schedule.max_executions} is reached"
