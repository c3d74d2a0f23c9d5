"""The last day, nth weekdays and lists of them, alone and beside the other day field, against a plain calendar."""

import sys
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.triggers import CronTrigger, occurrences_after

DAY = timedelta(days=1)
START = date(2023, 1, 1)

DAYS_OF_MONTH = ["*", "*/9", "L", "15,L", "31,L", "1-7", "30", "13", "1-31", "*,L"]
WEEKDAYS = ["*", "*/2", "5#2", "1#1,1#3", "0#5", "1,3#2", "7#1", "1-5", "0-6", "1-5,6#1"]


def matches_month_day(text: str, day: date) -> bool:
    last = monthrange(day.year, day.month)[1]
    for item in text.split(","):
        span, _, step = item.partition("/")
        if span == "L":
            numbers = range(last, last + 1)
        else:
            low, _, high = ("1-31" if span == "*" else span).partition("-")
            numbers = range(int(low), int(high or low) + 1, int(step or 1))
        if day.day in numbers:
            return True
    return False


def matches_weekday(text: str, day: date) -> bool:
    for item in text.split(","):
        span, _, nth = item.partition("#")
        span, _, step = span.partition("/")
        low, _, high = ("0-6" if span == "*" else span).partition("-")
        numbers = {number % 7 for number in range(int(low), int(high or low) + 1, int(step or 1))}
        if day.isoweekday() % 7 in numbers and (not nth or (day.day - 1) // 7 + 1 == int(nth)):
            return True
    return False


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(DAYS_OF_MONTH), st.sampled_from(WEEKDAYS), st.sampled_from(["*", "2", "2-11/3", "6"]))
def test_days_of_month_and_week_are_joined_as_their_stars_say(month_day: str, weekday: str, month: str) -> None:
    both = month_day.startswith("*") or weekday.startswith("*")
    months = {"*": range(1, 13), "2": [2], "2-11/3": [2, 5, 8, 11], "6": [6]}[month]

    def matches(day: date) -> bool:
        one, other = matches_month_day(month_day, day), matches_weekday(weekday, day)
        return day.month in months and (one and other if both else one or other)

    expected = [day for day in (START + passed * DAY for passed in range(1, 1200)) if matches(day)][:40]

    found = occurrences_after(CronTrigger(f"0 0 {month_day} {month} {weekday}"), datetime(2023, 1, 1, tzinfo=UTC), 40)
    assert [moment.date() for moment in found][: len(expected)] == expected


def test_a_leap_day_on_a_given_weekday_is_found_across_a_century_without_leap_day() -> None:
    trigger = CronTrigger("0 0 29 2 */7")  # a Sunday

    assert trigger.next_after(datetime(2089, 1, 1, tzinfo=UTC)) == datetime(2128, 2, 29, tzinfo=UTC)


@pytest.fixture
def threads_that_cut_in() -> Iterator[None]:
    """Threads that take turns in the middle of anything, as they would after hours of running."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("threads_that_cut_in")
def test_many_threads_may_ask_the_same_rule_at_once() -> None:
    """croniter holds the moment it stands at; an answer to one thread must not be moved by another's question."""
    trigger = CronTrigger("0 0 1,15 * 1-3")
    starts = [datetime(2030, 1, 1, tzinfo=UTC) + number * DAY for number in range(10_000)]
    answers = {}

    def ask(own: list[datetime]) -> None:
        for start in own:
            answers[start] = trigger.next_after(start)

    threads = [Thread(target=ask, args=(starts[offset::8],)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    def matches(day: date) -> bool:
        return day.day in (1, 15) or day.isoweekday() in (1, 2, 3)

    expected = {start: next(d for n in range(1, 40) if matches(d := start + n * DAY)) for start in starts}
    assert answers == expected
