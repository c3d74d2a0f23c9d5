"""The straight way: a schedule that is on time and has nothing open starts, and only its next moment is to be found.

`planning.plan` says the same of such a schedule, and a test holds the two together. It is written out again because a
herd asks it a hundred thousand times a second, and it builds nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from .cron.grammar import uses_slots
from .errors import InvalidInput
from .schedules import Columns
from .trigger_types import CronTrigger
from .triggers import next_occurrence, trigger_of

LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def straight_on(row: Columns, known: dict[tuple[object, ...], datetime | None]) -> datetime | None:
    """The next occurrence of a due row that is on time, starts, and is not due again yet; None for any other.

    `row` has the columns of `schedules` and `now`; `known` remembers answers within a batch. None says nothing but that
    the row needs a plan.
    """
    occurrence, moment, now = row["next_occurrence_at"], row["next_run_at"], row["now"]
    if occurrence is None or moment < occurrence or row["jitter_seconds"]:
        return None
    if row["max_executions"] is not None or row["ends_at"] is not None:
        return None
    if row["starts_at"] is not None and row["starts_at"] > occurrence:
        return None
    late = now - moment  # of what somebody put off by hand, too
    if late.days > 0 or late.days * 86400 + late.seconds >= row["grace_period_seconds"]:
        return None
    key = (row["cron_expression"], row["timezone"], row["interval_seconds"], occurrence)
    if key in known:
        following = known[key]
    else:
        following = known[key] = _following(row, occurrence)
    return following if following is not None and following > now else None


@lru_cache(maxsize=32768)
def foresee(expression: str, timezone: str, occurrence: datetime) -> datetime | None:
    """What comes after an occurrence of a cron rule; asked again, it is remembered. None as of `straight_on`."""
    trigger = _clock_trigger(expression, timezone)
    return None if trigger is None else next_occurrence(trigger, occurrence)


def _following(row: Columns, occurrence: datetime) -> datetime | None:
    if row["interval_seconds"] is not None:
        return occurrence + timedelta(seconds=row["interval_seconds"])
    if row["cron_expression"] is None:
        return None
    return foresee(row["cron_expression"], row["timezone"], occurrence)


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
