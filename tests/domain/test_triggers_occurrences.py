"""Asking for occurrences: answers shared by herds, and the newest of a span without walking it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.triggers import (
    CronFieldsTrigger,
    CronTrigger,
    IntervalTrigger,
    OneTimeTrigger,
    Trigger,
    Window,
    latest_through,
    next_occurrence,
    occurrences_after,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
YEAR = 365 * DAY


@dataclass(frozen=True)
class Counted:
    """A trigger that counts how often it is really asked."""

    trigger: Trigger
    asked: list[datetime] = field(default_factory=list, compare=False)

    def next_after(self, moment: datetime) -> datetime | None:
        self.asked.append(moment)
        return self.trigger.next_after(moment)


def test_a_herd_costs_one_computation() -> None:
    herd = Counted(CronTrigger("11 9 * * *", "Europe/London"))

    answers = {next_occurrence(herd, NOON) for _ in range(1000)}

    assert answers == {herd.trigger.next_after(NOON)}
    assert len(herd.asked) == 1


def test_windows_do_not_spoil_the_sharing() -> None:
    herd = Counted(CronTrigger("12 9 * * *", "Europe/London"))

    for days in range(1, 100):
        next_occurrence(Window(herd, NOON - days * DAY, NOON + days * DAY), NOON)

    assert len(herd.asked) == 1


def test_moments_within_a_second_share_an_answer() -> None:
    herd = Counted(CronTrigger("13 9 * * *"))

    answers = {next_occurrence(herd, NOON + timedelta(microseconds=step)) for step in range(0, 10**6, 10**4)}

    assert len(answers) == len(herd.asked) == 1


def test_an_answer_that_is_remembered_is_the_one_computed() -> None:
    trigger = CronTrigger("*/7 * * * *", "America/New_York")

    for _ in range(2):
        assert next_occurrence(trigger, NOON) == trigger.next_after(NOON)


def test_a_window_is_kept_through_the_memory() -> None:
    window = Window(CronTrigger("0 * * * *"), NOON, NOON + HOUR)

    assert next_occurrence(window, NOON - DAY) == NOON
    assert next_occurrence(window, NOON) == NOON + HOUR
    assert next_occurrence(window, NOON + HOUR) is None


def test_the_next_few_end_where_the_trigger_ends() -> None:
    assert occurrences_after(OneTimeTrigger(NOON), NOON - DAY, 5) == [NOON]
    assert occurrences_after(CronTrigger("0 0 * * *"), NOON, 0) == []


TRIGGERS = [
    CronTrigger("* * * * *"),
    CronTrigger("0 * * * *", "America/New_York"),
    CronTrigger("*/20 9-10 * * 1-5", "Europe/London"),
    CronTrigger("30 1,2 * * *", "Australia/Lord_Howe"),
    CronTrigger("* 3 1 * *"),
    CronTrigger("0 0 29 2 *"),
    CronFieldsTrigger((("hour", "*/6"), ("second", "*/30"))),
    IntervalTrigger(61, NOON - YEAR),
    OneTimeTrigger(NOON),
]


@settings(max_examples=200, deadline=None)
@given(
    trigger=st.sampled_from(TRIGGERS),
    until=st.datetimes(datetime(2026, 2, 20), datetime(2026, 5, 10), timezones=st.just(UTC)),  # noqa: DTZ001
    span=st.timedeltas(timedelta(0), 4 * DAY),
    count=st.integers(0, 60),
)
def test_the_newest_of_a_span_are_its_tail(trigger: Trigger, until: datetime, span: timedelta, count: int) -> None:
    after = until - span
    whole: list[datetime] = []
    while (moment := trigger.next_after(whole[-1] if whole else after)) is not None and moment <= until:
        whole.append(moment)

    assert latest_through(trigger, after, until, count) == whole[len(whole) - min(count, len(whole)) :]


def test_both_ends_of_the_span_are_met_exactly() -> None:
    hourly = CronTrigger("0 * * * *")

    assert latest_through(hourly, NOON, NOON + 2 * HOUR, 9) == [NOON + HOUR, NOON + 2 * HOUR]
    assert latest_through(hourly, NOON, NOON, 9) == []
    assert latest_through(hourly, NOON + HOUR, NOON, 9) == []


def test_the_newest_of_a_window_stay_in_it() -> None:
    window = Window(CronTrigger("0 * * * *"), NOON, NOON + 3 * HOUR)

    assert latest_through(window, NOON - DAY, NOON + DAY, 2) == [NOON + 2 * HOUR, NOON + 3 * HOUR]
    assert latest_through(window, NOON - DAY, NOON + DAY, 9)[0] == NOON
    assert latest_through(Window(IntervalTrigger(60, NOON), None, NOON + MINUTE), NOON - DAY, NOON + DAY, 9) == [
        NOON,
        NOON + MINUTE,
    ]


@pytest.mark.parametrize(
    ("trigger", "newest"),
    [
        (CronFieldsTrigger((("second", "*"),)), NOON),
        (CronTrigger("* * * * *"), NOON),
        (CronTrigger("* * * 6 *"), datetime(2025, 6, 30, 23, 59, tzinfo=UTC)),
        (CronTrigger("0 0 1 * *"), datetime(2026, 5, 1, tzinfo=UTC)),
        (CronFieldsTrigger((("month", "6"), ("second", "*"))), datetime(2025, 6, 30, 23, 59, 59, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("count", [1, 100])
def test_the_work_is_bounded_however_many_lie_in_the_span(trigger: Trigger, newest: datetime, count: int) -> None:
    counted = Counted(trigger)

    found = latest_through(counted, NOON - YEAR, NOON, count)

    assert found[-1] == newest
    assert len(found) == min(count, 100) if trigger != CronTrigger("0 0 1 * *") else min(count, 12)
    assert len(counted.asked) < 300 + 6 * count


def test_of_intervals_the_newest_are_computed() -> None:
    found = latest_through(IntervalTrigger(1, NOON - 100 * YEAR), NOON - 99 * YEAR, NOON, 3)

    assert found == [NOON - 2 * SECOND, NOON - SECOND, NOON]
    assert latest_through(IntervalTrigger(60, NOON), NOON - DAY, NOON - HOUR, 3) == []
