"""A day to plan on: moments by the clock, schedules that stand at one, and answers as they read in the ledger."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from rowcall.domain.planning import Answer, OpenExecutions, Plan, run_moment
from rowcall.domain.schedules import Coalesce, OverlapPolicy, Schedule, ScheduleStatus
from rowcall.domain.settling import Settlement, Span, settle
from rowcall.domain.triggers import CronTrigger, Trigger, next_occurrence

MIDNIGHT = datetime(2026, 5, 4, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Lived: TypeAlias = tuple[datetime, str, Trigger | None] | tuple[datetime, str, Trigger | None, str | None]
"""A span as it reads: from when on, its status and its rule; or with a reason."""

TICK = timedelta(microseconds=1)

HOURLY, MINUTELY = CronTrigger("0 * * * *"), CronTrigger("* * * * *")
ONE_OPEN = OpenExecutions(count=1, execution_id=7)
ONE_WAITING = OpenExecutions(count=2, waiting=1, execution_id=7)


def at(clock: str, *, day: int = 0) -> datetime:
    """`09:00` or `09:00:30` of the day, or of one so many days later."""
    hours, minutes, seconds = ([*map(int, clock.split(":")), 0])[:3]
    return MIDNIGHT + day * DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds)


NINE = at("09:00")


def a_schedule(trigger: Trigger = HOURLY, *, answered: datetime | None = NINE, **columns: Any) -> Schedule:
    """A schedule whose chain stands at `answered`, planned for what follows; None: nothing is answered since 8:30."""
    for name, enum in (("coalesce", Coalesce), ("overlap_policy", OverlapPolicy)):
        if name in columns:
            columns[name] = enum(columns[name])
    schedule = Schedule(1, trigger, created_at=at("08:30"), last_occurrence_at=answered)
    schedule = replace(schedule, **columns)
    if "next_occurrence_at" not in columns:
        schedule = replace(schedule, next_occurrence_at=next_occurrence(trigger, answered or at("08:30")))
    if "next_run_at" not in columns and schedule.next_occurrence_at is not None:
        schedule = replace(schedule, next_run_at=run_moment(schedule, schedule.next_occurrence_at))
    return schedule


def carried_out(schedule: Schedule, planned: Plan) -> Schedule:
    """The schedule as the database holds it once a plan is written."""
    return replace(
        schedule,
        last_occurrence_at=planned.answers[-1].scheduled_for if planned.answers else schedule.last_occurrence_at,
        next_occurrence_at=planned.next_occurrence_at,
        next_run_at=planned.next_run_at,
        scheduled_runs=schedule.scheduled_runs + planned.counted_runs,
    )


def settled(*spans: Lived, answered: datetime | None = NINE, **columns: Any) -> Settlement:
    """How a schedule is settled whose spans are (since, status, trigger), or with a reason; the last is in force."""
    history = [
        Span(since, ScheduleStatus(status), reason[0] if reason else None, trigger, columns.get("jitter_seconds", 0))
        for since, status, trigger, *reason in spans
    ]
    present = history[-1].trigger
    assert present is not None
    unplanned: dict[str, Any] = {"next_occurrence_at": None, "next_run_at": None}
    return settle(a_schedule(present, answered=answered, **unplanned, **columns), history)


def rows(answers: tuple[Answer, ...]) -> list[str]:
    """Answers with the span that each stands for: `RUNNING (09:00, 10:00]`; another day is told as `+1 09:00`."""
    return [f"{each.status} ({_clock(each.covers_after)}, {_clock(each.scheduled_for)}]" for each in answers]


def reasons(answers: tuple[Answer, ...]) -> list[str | None]:
    return [each.reason for each in answers]


def _clock(moment: datetime | None) -> str:
    if moment is None:
        return "-"
    day = (moment - MIDNIGHT) // DAY
    return f"{day:+d} " * (day != 0) + f"{moment:%H:%M:%S}".removesuffix(":00")


@dataclass(eq=False)
class CountingTrigger:
    """A trigger that counts how often it is asked. Equal to itself alone, so that no answer is remembered elsewhere."""

    trigger: Trigger
    asked: int = 0

    def next_after(self, moment: datetime) -> datetime | None:
        self.asked += 1
        return self.trigger.next_after(moment)
