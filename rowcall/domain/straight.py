"""The straight way: a schedule that is on time and has nothing open starts, and only its next moment is to be found.

`planning.plan` says the same of such a schedule, and a test holds the two together. It is written out again because a
herd asks it a hundred thousand times a second, and it builds nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from .cron.grammar import uses_slots
from .errors import InvalidInput
from .trigger_types import CronTrigger
from .triggers import next_occurrence, trigger_of

LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Standing(NamedTuple):
    """Where a due schedule stands at `now`: its columns that tell whether it goes straight on, and where to."""

    cron_expression: str | None
    interval_seconds: int | None
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None
    jitter_seconds: int
    max_executions: int | None
    grace_period_seconds: int
    next_occurrence_at: datetime | None
    next_run_at: datetime
    now: datetime


def straight_on(standing: Standing) -> datetime | None:
    """The next occurrence of a due schedule that is on time, starts, and is not due again yet; None for any other.

    None says nothing but that the schedule needs a plan.
    """
    occurrence, moment, now = standing.next_occurrence_at, standing.next_run_at, standing.now
    if occurrence is None or moment < occurrence or standing.jitter_seconds:
        return None
    if standing.max_executions is not None or standing.ends_at is not None:
        return None
    if standing.starts_at is not None and standing.starts_at > occurrence:
        return None
    late = now - moment  # of what somebody put off by hand, too
    if late.days > 0 or late.days * 86400 + late.seconds >= standing.grace_period_seconds:
        return None
    following = _following(standing, occurrence)
    return following if following is not None and following > now else None


@lru_cache(maxsize=32768)
def foresee(expression: str, timezone: str, occurrence: datetime) -> datetime | None:
    """What comes after an occurrence of a cron rule; asked again, it is remembered. None as of `straight_on`."""
    trigger = _clock_trigger(expression, timezone)
    return None if trigger is None else next_occurrence(trigger, occurrence)


def _following(standing: Standing, occurrence: datetime) -> datetime | None:
    if standing.interval_seconds is not None:
        return occurrence + timedelta(seconds=standing.interval_seconds)
    if standing.cron_expression is None:
        return None
    return foresee(standing.cron_expression, standing.timezone, occurrence)


@lru_cache(maxsize=16384)
def _clock_trigger(expression: str, timezone: str) -> CronTrigger | None:
    """The trigger of an expression that is the same for every schedule; None where it is not, or can't be used."""
    try:
        if uses_slots(expression):
            return None
        trigger = trigger_of(
            schedule_type="cron", cron_expression=expression, cron_fields=None, interval_seconds=None,
            scheduled_time=None, timezone=timezone, starts_at=None, ends_at=None, created_at=LONG_AGO,
        )  # fmt: skip
    except InvalidInput:
        return None
    return trigger if isinstance(trigger, CronTrigger) else None
