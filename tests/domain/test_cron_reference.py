"""Debian's cron, simulated minute by minute, against the search that jumps.

The simulation below is cron's own loop, written straight from the rule and knowing nothing of how Rowcall finds dates:
it walks the minutes, keeps the highest local minute it has dealt with (cron's *virtual time*), and looks at how far the
wall clock is from it.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.triggers import CronTrigger, Trigger, occurrences_after
from rowcall.domain.zones import zone

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (local minutes are counted from here)
HIGHEST = (59, 23, 31, 12, 7)
CORRECTION = 180

CHANGES = [
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("Europe/London", "2025-03-30T01:00Z"),
    ("Europe/Dublin", "2023-10-29T01:00Z"),
    ("Europe/Berlin", "2045-03-26T01:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("Australia/Lord_Howe", "2024-10-05T15:30Z"),
    ("Antarctica/Troll", "2027-03-28T01:00Z"),
    ("Antarctica/Troll", "2022-10-30T01:00Z"),
    ("Asia/Beirut", "2026-03-28T22:00Z"),
    ("Africa/Cairo", "2025-10-30T21:00Z"),
    ("Africa/Cairo", "2025-04-24T22:00Z"),
    ("Africa/Casablanca", "2022-05-08T02:00Z"),
    ("Africa/Casablanca", "2019-05-05T02:00Z"),
    ("America/Sao_Paulo", "2016-10-16T03:00Z"),
    ("America/Havana", "2025-03-09T05:00Z"),
    ("America/Santiago", "2025-04-06T03:00Z"),
    ("Asia/Tehran", "2012-09-20T19:30Z"),
    ("Asia/Pyongyang", "2015-08-14T15:00Z"),
    ("Asia/Pyongyang", "2018-05-04T15:00Z"),
    ("America/Caracas", "2016-05-01T07:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:30Z"),
    ("Asia/Gaza", "2023-04-29T00:00Z"),
    ("America/Nuuk", "2025-03-30T01:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("Pacific/Apia", "2012-03-31T14:00Z"),
    ("Pacific/Kwajalein", "1993-08-21T12:00Z"),
    ("Antarctica/Casey", "2016-10-21T16:00Z"),  # three hours on: a correction
    ("Antarctica/Casey", "2018-03-10T17:00Z"),  # three hours back: still no correction
    ("Antarctica/Vostok", "1994-01-31T17:00Z"),  # seven hours back
    ("UTC", "2024-02-29T00:00Z"),
]


def expand(text: str, low: int, high: int) -> set[int]:
    numbers = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        numbers |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return numbers


class Expression:
    """A five-field expression of numbers, matched against counted local minutes."""

    def __init__(self, text: str) -> None:
        minute, hour, day, month, weekday = text.split()
        self.wildcard = minute.startswith("*") or hour.startswith("*")
        self.both = day.startswith("*") or weekday.startswith("*")
        self.minutes, self.hours = expand(minute, 0, 59), expand(hour, 0, 23)
        self.days, self.months = expand(day, 1, 31), expand(month, 1, 12)
        self.weekdays = {number % 7 for number in expand(weekday, 0, 7)}

    def matches(self, minute_count: int) -> bool:
        if minute_count % 60 not in self.minutes or minute_count // 60 % 24 not in self.hours:
            return False
        local = EPOCH + minute_count * MINUTE
        is_day, is_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return local.month in self.months and (is_day and is_weekday if self.both else is_day or is_weekday)


@cache
def local_minutes(timezone: str, start: datetime, count: int) -> list[int]:
    """The wall clock at each of `count` instants from `start`, a minute apart, in minutes since 1970."""
    here = zone(timezone)
    clock = []
    for passed in range(count):
        local = (start + passed * MINUTE).astimezone(here).replace(tzinfo=None)
        clock.append((local - EPOCH) // MINUTE)
    return clock


def simulated(expression: str, timezone: str, start: datetime, count: int) -> list[datetime]:
    rule = Expression(expression)
    clock = local_minutes(timezone, start, count)
    virtual, runs = clock[0] - 1, []
    for passed, now in enumerate(clock):
        ahead = now - virtual
        if ahead > CORRECTION or ahead <= -CORRECTION:
            due = rule.matches(now)
            virtual = now
        elif ahead > 0:
            due = rule.matches(now) if rule.wildcard else any(map(rule.matches, range(virtual + 1, now + 1)))
            virtual = now
        else:
            due = rule.wildcard and rule.matches(now)
        if due:
            runs.append(start + passed * MINUTE)
    return runs


def walked(trigger: Trigger, start: datetime, end: datetime) -> list[datetime]:
    found = []
    moment = trigger.next_after(start - timedelta(microseconds=1))
    while moment is not None and moment <= end:
        found.append(moment)
        moment = trigger.next_after(moment)
    return found


def texts(low: int, high: int, *, starred: bool = True) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.tuples(span, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    star = st.sampled_from(["*", "*/2", "*/3", "*/7", "*/15", "*/20"])
    item = st.one_of(number.map(str), span, stepped, *([star] if starred else []))
    return st.lists(item, min_size=1, max_size=3).map(",".join)


# Days are mostly left open, or too many examples would have nothing near the clock change.
DAYS = st.one_of(st.just("* * *"), st.tuples(texts(1, 31), texts(1, 12), texts(0, 7)).map(" ".join))
EARLY_HOURS = st.one_of(texts(0, 23), texts(0, 4, starred=False), st.sampled_from(["2", "23,0", "*/2", "0-23"]))
EXPRESSIONS = st.tuples(texts(0, 59), EARLY_HOURS, DAYS).map(" ".join)


def test_each_of_the_changes_is_one() -> None:
    for timezone, at in CHANGES:
        clock = local_minutes(timezone, datetime.fromisoformat(at) - 2 * MINUTE, 5)
        steps = {after - before for before, after in pairwise(clock)}
        assert steps - {1} or timezone == "UTC", f"{timezone} has no clock change at {at}"


@settings(max_examples=400, deadline=None)
@given(change=st.sampled_from(CHANGES), expression=EXPRESSIONS)
def test_every_minute_around_a_clock_change_is_what_cron_would_do(change: tuple[str, str], expression: str) -> None:
    timezone, at = change[0], datetime.fromisoformat(change[1])
    start, end = at - 14 * HOUR, at + 30 * HOUR

    expected = simulated(expression, timezone, at - 40 * HOUR, 70 * 60 + 1)

    assert walked(CronTrigger(expression, timezone), start, end) == [run for run in expected if run >= start]


@settings(max_examples=150, deadline=None)
@given(change=st.sampled_from(CHANGES), expression=EXPRESSIONS, into=st.timedeltas(timedelta(0), 20 * HOUR))
def test_what_comes_next_from_anywhere_inside_a_span_is_the_tail_of_the_whole(
    change: tuple[str, str], expression: str, into: timedelta
) -> None:
    trigger = CronTrigger(expression, change[0])
    start = datetime.fromisoformat(change[1]) - 10 * HOUR
    whole = occurrences_after(trigger, start, 60)
    inside = start + into

    tail = [occurrence for occurrence in whole if occurrence > inside]

    assert occurrences_after(trigger, inside, len(tail)) == tail


@pytest.mark.parametrize(("timezone", "at"), CHANGES)
@pytest.mark.parametrize("expression", ["* * * * *", "30 0-23 * * *", "*/20 0-3 * * *", "15,45 2 * * *", "0 0 * * *"])
def test_each_clock_change_is_met_by_the_plainest_rules(expression: str, timezone: str, at: str) -> None:
    middle = datetime.fromisoformat(at)

    expected = simulated(expression, timezone, middle - 40 * HOUR, 80 * 60 + 1)

    start = middle - 30 * HOUR
    assert walked(CronTrigger(expression, timezone), start, middle + 40 * HOUR) == [r for r in expected if r >= start]


@settings(max_examples=200, deadline=None)
@given(
    days=st.tuples(texts(1, 31), texts(1, 12), texts(0, 7)).map(" ".join),
    start=st.datetimes(datetime(1970, 1, 2), datetime(2399, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_days_are_those_of_a_plain_calendar(days: str, start: datetime) -> None:
    rule = Expression(f"0 0 {days}")
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    span = [midnight + passed * DAY for passed in range(1, 1500)]
    expected = [day for day in span if rule.matches((day.replace(tzinfo=None) - EPOCH) // MINUTE)][:20]

    assert occurrences_after(CronTrigger(f"0 0 {days}"), start, len(expected)) == expected
