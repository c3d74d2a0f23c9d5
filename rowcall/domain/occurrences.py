"""Asking triggers for occurrences: the next one, the next few, and the newest of a span.

Schedules come in herds: a thousand rows with `0 9 * * *` fall due in the same second and are all asked for what comes
after it. So the answers of clock-bound triggers are remembered by trigger and moment. A window is taken off first, so
that schedules which differ in nothing but their window share one answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from .trigger_types import IntervalTrigger, OneTimeTrigger, Trigger, Window

FIRST_LOOK = timedelta(hours=1)
FIRST_FEW = 8


def next_occurrence(trigger: Trigger, moment: datetime) -> datetime | None:
    """The first occurrence strictly after `moment`, remembered; None means never again."""
    if isinstance(trigger, Window):
        return trigger.clipped(next_occurrence(trigger.trigger, trigger.entered(moment)))
    if isinstance(trigger, IntervalTrigger | OneTimeTrigger):
        return trigger.next_after(moment)
    # Clock-bound occurrences are whole seconds: what comes after 09:00:00.7 is what comes after 09:00:00.
    return _remembered(trigger, moment.replace(microsecond=0))


@lru_cache(maxsize=32768)
def _remembered(trigger: Trigger, moment: datetime) -> datetime | None:
    return trigger.next_after(moment)


def occurrences_after(trigger: Trigger, moment: datetime, count: int) -> list[datetime]:
    """Up to `count` occurrences strictly after `moment`, ascending; fewer where the trigger ends."""
    found: list[datetime] = []
    while len(found) < count and (following := next_occurrence(trigger, found[-1] if found else moment)) is not None:
        found.append(following)
    return found


def latest_through(trigger: Trigger, after: datetime, until: datetime, count: int) -> list[datetime]:
    """The newest `count` occurrences in (after, until], ascending. The work is bounded, however many there are."""
    if isinstance(trigger, Window):
        ends_at = until if trigger.ends_at is None else min(until, trigger.ends_at)
        return latest_through(trigger.trigger, trigger.entered(after), ends_at, count)
    if isinstance(trigger, IntervalTrigger):
        return _latest_by_arithmetic(trigger, after, until, count)
    return _latest_by_looking_back(trigger, after, until, count)


def _latest_by_arithmetic(trigger: IntervalTrigger, after: datetime, until: datetime, count: int) -> list[datetime]:
    interval = timedelta(seconds=trigger.seconds)
    first = 0 if after < trigger.anchor else (after - trigger.anchor) // interval + 1
    last = (until - trigger.anchor) // interval
    return [trigger.anchor + k * interval for k in range(max(first, last - count + 1), last + 1)]


def _latest_by_looking_back(trigger: Trigger, after: datetime, until: datetime, count: int) -> list[datetime]:
    """Look at windows going back from `until`: a wider one after each, but half of one that holds more than a few.

    While nothing is found a few are very few, so that the hunt for the newest occurrence costs little even where it
    lies behind months of silence in a dense stretch.
    """
    found: list[datetime] = []
    end, width, few = until, FIRST_LOOK, FIRST_FEW
    while len(found) < count and after < end:
        start = end - width if end - after > width else after
        seen = _within(trigger, start, end, few)
        if len(seen) > few:
            width = (end - start) / 2
            continue
        found = (seen + found)[-count:]
        end, width = start, width * 2
        few = min(few * 2, count + FIRST_FEW) if seen else few
    return found


def _within(trigger: Trigger, start: datetime, end: datetime, few: int) -> list[datetime]:
    """The occurrences in (start, end]; one more than `few` of them stands for too many."""
    seen: list[datetime] = []
    following = trigger.next_after(start)
    while following is not None and following <= end and len(seen) <= few:
        seen.append(following)
        following = trigger.next_after(following)
    return seen
