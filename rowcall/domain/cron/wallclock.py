"""From local matches to instants: what a zone's clock changes do to a schedule. Debian's cron is the reference.

A clock change skips local times (a gap) or repeats them (a fold). Two kinds of schedules answer differently:

    follows the clock   minute or hour starts with `*`: it runs whenever the wall clock shows a match,
                        so not at all for skipped minutes, and twice for repeated ones
    fixed times         every other: what falls into a gap runs once, at the gap's end; in a fold only
                        the first pass runs

A jump of three hours or more is no daylight saving but a correction of the clock (Samoa had no 30 December 2011): what
it skips is lost, and, if the clock went back by more than that, what it repeats runs again.

Transitions are never enumerated: PEP 495 answers, for a local time, the offsets before and after the change it lies in,
and if they differ the moment of the change is found by bisection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

CORRECTION = timedelta(hours=3)
SECOND = timedelta(seconds=1)
HORIZON_YEARS = 50
CALENDAR_START = datetime(1, 1, 3, tzinfo=UTC)
LOCAL_START = datetime(1970, 1, 1)  # noqa: DTZ001 (local time)
CALENDAR_END = datetime(9999, 12, 31, tzinfo=UTC)
LAST_ASKED = CALENDAR_END - timedelta(days=1)
LOCAL_END = CALENDAR_END.replace(tzinfo=None)


class WallCalendar(Protocol):
    """Which local times match. Matches are whole seconds."""

    follows_clock: bool

    def at_or_after(self, local: datetime) -> datetime | None:
        """The first match not before this naive local time, or None."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """One change of a zone's offset; `at` is its instant as naive UTC."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def jump(self) -> timedelta:
        """By how much the clock moved, positive either way."""
        return abs(self.after - self.before)


def next_instant(calendar: WallCalendar, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """The first instant strictly after `moment` at which the calendar runs in this zone; None if there is none."""
    if moment >= LAST_ASKED:
        return None
    here = max(moment, CALENDAR_START).astimezone(zone)
    local = here.replace(tzinfo=None, fold=0)
    if fold := _fold_at(zone, local):
        return _next_in_fold(calendar, zone, fold, local, second_pass=here.fold == 1)
    return _resolved(calendar, zone, _just_after(calendar, local))


def _next_in_fold(
    calendar: WallCalendar, zone: ZoneInfo, change: ClockChange, local: datetime, *, second_pass: bool
) -> datetime | None:
    """The answer for a moment whose local time occurs twice."""
    start, end = change.at + change.after, change.at + change.before
    found = _just_after(calendar, local)
    if not second_pass:
        if found is not None and found < end:
            return _utc(found - change.before)
        found = calendar.at_or_after(start)
    if (calendar.follows_clock or change.jump > CORRECTION) and found is not None and found < end:
        return _utc(found - change.after)
    return _resolved(calendar, zone, calendar.at_or_after(end))


def _resolved(calendar: WallCalendar, zone: ZoneInfo, local: datetime | None) -> datetime | None:
    """The instant of a match, or of the first match after it that isn't lost in a gap.

    A rule can match nothing but skipped minutes (`* 2 8-14 3 */7` in New York): fifty years of that are enough.
    """
    if local is None:
        return None
    last_year = local.year + HORIZON_YEARS
    while local is not None and local < LOCAL_END and local.year <= last_year:
        before, after = _offsets_at(zone, local)
        if before >= after:
            return _utc(local - before)
        change = _locate(zone, local, before, after)
        if not calendar.follows_clock and change.jump < CORRECTION:
            return _utc(change.at)
        local = calendar.at_or_after(change.at + after)
    return None


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive local time: in a gap the first one after it, in a fold the first pass."""
    before, after = _offsets_at(zone, local)
    return _utc(local - before if before >= after else _locate(zone, local, before, after).at)


def _fold_at(zone: ZoneInfo, local: datetime) -> ClockChange | None:
    """The change that repeats this naive local time, or None if it occurs once."""
    before, after = _offsets_at(zone, local)
    return _locate(zone, local, before, after) if before > after else None


def _offsets_at(zone: ZoneInfo, local: datetime) -> tuple[timedelta, timedelta]:
    """The offsets before and after the change in which this naive local time lies; equal if it lies in none."""
    aware = local.replace(tzinfo=zone)
    before, after = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    return before, after


def _locate(zone: ZoneInfo, local: datetime, before: timedelta, after: timedelta) -> ClockChange:
    low, high = local - max(before, after), local - min(before, after)
    while high - low > SECOND:
        middle = low + timedelta(seconds=(high - low) // SECOND // 2)
        if _utc(middle).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return ClockChange(high.replace(microsecond=0), before, after)


def _just_after(calendar: WallCalendar, local: datetime) -> datetime | None:
    return calendar.at_or_after(local.replace(microsecond=0) + SECOND)


def _utc(naive: datetime) -> datetime:
    return naive.replace(tzinfo=UTC)
