"""When a cron expression matches, in naive local time; what a clock change makes of it is wallclock's business.

croniter computes: it expands the times of a day, and it finds the days. It is given naive midnights, numbers only, and
one question at a time (day of month *or* day of week), because that is the part of it that holds: zoned times, names,
equal ranges and `5#2` joined with a day of month are where it errs. It is slow (some 40 µs an answer), so every answer
about days is remembered, and shared by all expressions with the same days.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from threading import Lock

from croniter import croniter

from .grammar import CronField, CronText, parse

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
ALL_DAYS = ("*", "*", "*")
FIRST_TRIED = date(2000, 1, 1)


@lru_cache(maxsize=4096)
def calendar_of(expression: str, slot_key: str = "") -> CronCalendar:
    """The calendar of a cron expression, shared by all who ask for the same. Raises InvalidInput."""
    return CronCalendar(parse(expression, slot_key))


class CronCalendar:
    """The local minutes at which an expression matches."""

    def __init__(self, text: CronText) -> None:
        expanded, _nth = croniter.expand(f"{_listed(text.minute, 60)} {_listed(text.hour, 24)} * * *")
        self.follows_clock = text.minute.starred or text.hour.starred
        self._minutes = _whole(expanded[0], 60)
        self._hours = _whole(expanded[1], 24)
        self._days = _days_of(text)

    def at_or_after(self, local: datetime) -> datetime | None:
        """The first match not before this naive local time; None if the calendar ends before."""
        if local.second or local.microsecond:
            local = local.replace(second=0, microsecond=0) + MINUTE
        today = local.date()
        day = self._days.at_or_after(today)
        if day == today:
            if found := self._at_or_after_within(local):
                return found
            day = self._days.at_or_after(today + DAY) if today < date.max else None
        return None if day is None else datetime.combine(day, time(self._hours[0], self._minutes[0]))

    def _at_or_after_within(self, local: datetime) -> datetime | None:
        """The first match of the same day."""
        hours, minutes = self._hours, self._minutes
        at = bisect_left(hours, local.hour)
        if at < len(hours) and hours[at] == local.hour:
            beside = bisect_left(minutes, local.minute)
            if beside < len(minutes):
                return local.replace(minute=minutes[beside])
            at += 1
        return local.replace(hour=hours[at], minute=minutes[0]) if at < len(hours) else None


class Days:
    """The days that match a day of month, a month and a day of week: both days, or either."""

    def at_or_after(self, day: date) -> date | None:
        """The first matching day, this one included; None if there is none in the next fifty years, or before 10000."""
        raise NotImplementedError


class EveryDay(Days):
    """No day is left out."""

    def at_or_after(self, day: date) -> date | None:
        """This very day."""
        return day


class CroniterDays(Days):
    """The days of one croniter expression whose day of month and day of week must both match."""

    def __init__(self, day: str, month: str, weekday: str) -> None:
        self._expression = f"0 0 {day} {month} {weekday}"
        self._croniter = croniter(self._expression, datetime(2000, 1, 1), day_or=False)  # noqa: DTZ001 (local time)
        self._lock = Lock()  # a croniter holds the moment it is at
        self._answer = lru_cache(maxsize=1024)(self._ask)
        self._last = (date.max, date.min)
        # Looking in vain takes croniter milliseconds; fifty years without a date are proof that there is none.
        self._never = self._ask(FIRST_TRIED) is None

    def at_or_after(self, day: date) -> date | None:
        """As croniter finds it, remembered."""
        if self._never:
            return None
        asked, found = self._last
        return found if asked <= day <= found else self._answer(day)

    def _ask(self, day: date) -> date | None:
        eve = datetime.combine(day, time()) - MINUTE
        with self._lock:
            try:
                found: date = self._croniter.get_next(datetime, start_time=eve).date()
            except (ValueError, OverflowError):  # its own "no such date" is a ValueError, and so is the year 10000
                return None
        self._last = (day, found)
        return found


class EitherDays(Days):
    """The days of two rules together."""

    def __init__(self, one: Days, other: Days) -> None:
        self._both = (one, other)

    def at_or_after(self, day: date) -> date | None:
        """Whichever comes first."""
        found = [first for days in self._both if (first := days.at_or_after(day)) is not None]
        return min(found, default=None)


def _days_of(text: CronText) -> Days:
    day, month, weekday = _listed(text.day, 31), _listed(text.month, 12), _listed(text.weekday, 7)
    if text.day.starred or text.weekday.starred:
        return _days(day, month, weekday)
    return EitherDays(_days(day, month, "*"), _days("*", month, weekday))


@lru_cache(maxsize=2048)
def _days(day: str, month: str, weekday: str) -> Days:
    return EveryDay() if (day, month, weekday) == ALL_DAYS else CroniterDays(day, month, weekday)


def _listed(field: CronField, size: int) -> str:
    """The field in the one dialect that croniter is trusted with: a bare star, or a list of numbers, `L` and `5#2`."""
    if field.fills(size):
        return "*"
    # croniter refuses `1,5#2`: a plain weekday among nth ones is said as all five of its kind.
    plain = [f"{number}#{n}" for number in field.numbers for n in range(1, 6)] if field.nth else map(str, field.numbers)
    return ",".join([*plain, *(f"{day}#{n}" for day, n in field.nth), *(["L"] if field.last else [])])


def _whole(expanded: list[int | str], size: int) -> tuple[int, ...]:
    return tuple(range(size)) if expanded == ["*"] else tuple(int(number) for number in expanded)
