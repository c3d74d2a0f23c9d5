"""When cron_fields match, in naive local time. croniter knows no ISO weeks, so the dates are computed here.

Which days of a year match depends only on the shape of the year: whether it is leap, on which weekday it starts, and,
for the ISO week of its first days, whether the year before was leap. So there are some twenty tables at most, made when
needed, and a search over thousands of years costs a look at each.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import isleap, monthrange
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from .fields import LAST, FieldTexts, FieldValues, values_of

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ALL_WEEKS = 53


@lru_cache(maxsize=512)
def fields_calendar_of(texts: FieldTexts) -> FieldsCalendar:
    """The calendar of cron_fields, shared by all who ask for the same. Raises InvalidInput."""
    return FieldsCalendar(values_of(texts))


class FieldsCalendar:
    """The local seconds at which cron_fields match."""

    def __init__(self, values: dict[str, FieldValues]) -> None:
        self.follows_clock = any(values[name].starred for name in ("hour", "minute", "second"))
        self._hours = values["hour"].numbers
        self._minutes = values["minute"].numbers
        self._seconds = values["second"].numbers
        self._years = values["year"].numbers
        self._values = values
        self._tables: dict[tuple[bool, int, bool], tuple[int, ...]] = {}

    def at_or_after(self, local: datetime) -> datetime | None:
        """The first match not before this naive local time; None if the years named are over."""
        if local.microsecond:
            local = local.replace(microsecond=0) + SECOND
        day = self._day_at_or_after(local.date())
        if day == local.date():
            if found := self._time_at_or_after(local.time()):
                return datetime.combine(day, found)
            day = self._day_at_or_after(day + DAY) if day < date.max else None
        return None if day is None else datetime.combine(day, time(self._hours[0], self._minutes[0], self._seconds[0]))

    def _time_at_or_after(self, least: time) -> time | None:
        if (hour := _first(self._hours, least.hour)) is None:
            return None
        if hour > least.hour:
            return time(hour, self._minutes[0], self._seconds[0])
        second = _first(self._seconds, least.second)
        minute = _first(self._minutes, least.minute + (second is None))
        if minute is None:
            later = _first(self._hours, hour + 1)
            return None if later is None else time(later, self._minutes[0], self._seconds[0])
        if minute > least.minute or second is None:
            second = self._seconds[0]
        return time(hour, minute, second)

    def _day_at_or_after(self, day: date) -> date | None:
        for position in range(bisect_left(self._years, day.year), len(self._years)):  # a slice would copy millennia
            year = self._years[position]
            table = self._table(year)
            least = day.timetuple().tm_yday - 1 if year == day.year else 0
            if (found := _first(table, least)) is not None:
                return date(year, 1, 1) + timedelta(days=found)
        return None

    def _table(self, year: int) -> tuple[int, ...]:
        """The days of such a year that match, counted from 0."""
        shape = (isleap(year), date(year, 1, 1).weekday(), isleap(year - 1))
        if shape not in self._tables:
            self._tables[shape] = tuple(self._days_of(year))
        return self._tables[shape]

    def _days_of(self, year: int) -> list[int]:
        found = []
        for month in self._values["month"].numbers:
            first = date(year, month, 1)
            for number in self._numbers_in(year, month):
                day = first.replace(day=number)
                if day.weekday() in self._values["day_of_week"].numbers and self._in_week(day):
                    found.append(day.timetuple().tm_yday - 1)
        return found

    def _numbers_in(self, year: int, month: int) -> list[int]:
        start, length = monthrange(year, month)
        rule = self._values["day"]
        numbers = {number for number in rule.numbers if number <= length}
        if rule.last:
            numbers.add(length)
        for n, weekday in rule.nth:
            all_such = range(1 + (weekday - start) % 7, length + 1, 7)
            if n == LAST or n <= len(all_such):
                numbers.add(all_such[n if n == LAST else n - 1])
        return sorted(numbers)

    def _in_week(self, day: date) -> bool:
        rule = self._values["week"]
        return len(rule.numbers) == ALL_WEEKS or day.isocalendar().week in rule.numbers


def _first(numbers: tuple[int, ...], least: int) -> int | None:
    at = bisect_left(numbers, least)
    return numbers[at] if at < len(numbers) else None
