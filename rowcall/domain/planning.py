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
    """What is not final of a schedule: how many in all, and one of them to name.

    `waiting` are occurrences that wait for another to end, and `requested` what somebody asked for that does.
    """

    count: int = 0
    waiting: int = 0
    execution_id: int | None = None
    requested: int = 0


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


ALREADY_WAITING = "overlap: an earlier execution was already waiting"
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
    late = _late_occurrences(schedule, opened, first, now)
    answers: list[Answer] = []
    chain = schedule.last_occurrence_at
    if late.missed_through is not None:
        answers.append(Answer(ExecutionStatus.MISSED, late.missed_through, chain, late.missed_because))
        chain = late.missed_through
    due, over_limit = _within_limit(schedule, late.due)
    cancel_open = False
    if len(late.due) > 1:
        answers += _line_up(schedule, opened, due, chain)
    elif due:
        answer, cancel_open = _overlap(schedule, opened, due[0], chain)
        answers.append(answer)
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


def _late_occurrences(schedule: Schedule, opened: OpenExecutions, first: datetime, now: datetime) -> Late:
    """The occurrences due at `now`, from `first` on, sorted into missed and due. Bounded work, however many."""
    last, following = _newest_due(schedule, first, now)
    missed = _last_before(schedule, first, now - schedule.grace)
    if missed is not None and missed >= last:
        return Late(last, _grace_ran_out(schedule), (), following)
    match schedule.coalesce:
        case Coalesce.ALL if last > first:
            return _caught_up(schedule, opened, missed, first, last, following)
        case Coalesce.LATEST | Coalesce.ALL:
            return Late(missed, _grace_ran_out(schedule), (last,), following)
    assert_never(schedule.coalesce)


def _caught_up(
    schedule: Schedule,
    opened: OpenExecutions,
    missed: datetime | None,
    first: datetime,
    last: datetime,
    following: datetime | None,
) -> Late:
    """The newest within grace, up to `catch_up_limit` with those that already wait; what is older is missed."""
    after = missed or first - INSTANT
    room = max(0, schedule.catch_up_limit - opened.waiting)
    newest = latest_through(schedule.trigger, after, last, room)
    older = latest_through(schedule.trigger, after, newest[0] - INSTANT if newest else last, 1)
    if not older:
        return Late(missed, _grace_ran_out(schedule), tuple(newest), following)
    because = f"catch_up_limit: only the newest {schedule.catch_up_limit} late occurrences are made up for"
    if opened.waiting:
        because += f", and {opened.waiting} were waiting already"
    if missed is not None:
        because += f"; {_grace_ran_out(schedule)}"
    return Late(older[0], because, tuple(newest), following)


def _first_due(schedule: Schedule, now: datetime) -> datetime | None:
    """The occurrence that the row's `next_run_at` stands for; None when the trigger has none left.

    As a rule that is `next_occurrence_at`. Where somebody moved `next_run_at` back by hand, it is the first unanswered
    occurrence from there on; and if none has come yet, the next one is run early.
    """
    planned, moment = schedule.next_occurrence_at, schedule.next_run_at or now
    answered = schedule.last_occurrence_at or BEGINNING
    if planned is not None and planned <= answered:
        planned = None  # that was written by hand, and is answered for
    if planned is not None and moment >= planned:
        return planned
    first = next_occurrence(schedule.trigger, max(moment - INSTANT, answered))
    if first is not None and first <= now:
        return first
    return planned or first or next_occurrence(schedule.trigger, answered)


def _newest_due(schedule: Schedule, first: datetime, now: datetime) -> tuple[datetime, datetime | None]:
    """The last occurrence whose moment has come, `first` at least, and the one after it."""
    following = next_occurrence(schedule.trigger, first)
    if following is None or following > now:
        return first, following
    before, newest = [first, *latest_through(schedule.trigger, first, now, 2)][-2:]
    if run_moment(schedule, newest) > now:  # its jitter lies ahead
        return before, newest
    return newest, next_occurrence(schedule.trigger, newest)


def _last_before(schedule: Schedule, first: datetime, cutoff: datetime) -> datetime | None:
    """The last occurrence from `first` on that was to be acted on before `cutoff`; None when none was.

    Nothing was before `next_run_at`: grace counts from there for all that somebody put off by hand. `first` counts as
    given, even if newer time zone data has moved the trigger's occurrences away from it.
    """
    if schedule.next_run_at is not None and schedule.next_run_at >= cutoff:
        return None
    candidates = [first, *latest_through(schedule.trigger, first, cutoff, 2)]
    if _acts_at(schedule, candidates[-1]) >= cutoff:
        candidates.pop()  # and no other: jitter is shorter than the gap
    return candidates[-1] if candidates else None


def _acts_at(schedule: Schedule, occurrence: datetime) -> datetime:
    """When an occurrence was to be acted on: as planned, for the one that was."""
    planned = schedule.next_run_at
    if planned is not None and occurrence == schedule.next_occurrence_at and planned >= occurrence:
        return planned
    return run_moment(schedule, occurrence)


def _within_limit(schedule: Schedule, due: tuple[datetime, ...]) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
    """What `max_executions` still allows, and the rest."""
    if schedule.max_executions is None:
        return due, ()
    left = max(0, schedule.max_executions - schedule.scheduled_runs)
    return due[:left], due[left:]


def _overlap(schedule: Schedule, opened: OpenExecutions, due: datetime, chain: datetime | None) -> tuple[Answer, bool]:
    """The answer for the one occurrence that is due, under the overlap policy; and whether to cancel what is open."""
    if schedule.coalesce is Coalesce.ALL and opened.waiting:
        return _behind_the_line(schedule, opened, due, chain), False
    if opened.count < schedule.max_instances:
        return Answer(ExecutionStatus.RUNNING, due, chain), False
    match schedule.overlap_policy:
        case OverlapPolicy.SKIP:
            return _skipped(due, chain, f"overlap: execution {opened.execution_id} was still open"), False
        case OverlapPolicy.ALLOW:
            because = f"overlap: {opened.count} executions were open, max_instances was {schedule.max_instances}"
            return _skipped(due, chain, because), False
        case OverlapPolicy.QUEUE | OverlapPolicy.CANCEL_RUNNING if opened.waiting:
            return _skipped(due, chain, ALREADY_WAITING), False
        case OverlapPolicy.QUEUE if opened.requested:
            return _skipped(due, chain, ALREADY_WAITING), False
        case OverlapPolicy.QUEUE:
            return Answer(ExecutionStatus.QUEUED, due, chain), False
        case OverlapPolicy.CANCEL_RUNNING:
            return Answer(ExecutionStatus.QUEUED, due, chain), True
    assert_never(schedule.overlap_policy)


def _behind_the_line(schedule: Schedule, opened: OpenExecutions, due: datetime, chain: datetime | None) -> Answer:
    """While occurrences are caught up one by one, the next one waits behind them, as long as there is room."""
    if opened.waiting >= schedule.catch_up_limit:
        return _skipped(due, chain, f"catch_up_limit: {opened.waiting} executions were already waiting")
    return Answer(ExecutionStatus.QUEUED, due, chain)


def _line_up(
    schedule: Schedule, opened: OpenExecutions, due: tuple[datetime, ...], chain: datetime | None
) -> list[Answer]:
    """Catching up one by one, overlap aside: the first starts if it may and none waits before it, the others wait."""
    answers: list[Answer] = []
    for position, occurrence in enumerate(due):
        waits = opened.waiting or opened.requested
        starts = position == 0 and not waits and opened.count < schedule.max_instances
        answers.append(Answer(ExecutionStatus.RUNNING if starts else ExecutionStatus.QUEUED, occurrence, chain))
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
