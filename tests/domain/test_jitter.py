"""Jitter: stable, even, and shorter than the gap to the next occurrence."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rowcall.domain.jitter import jitter_of

NINE = datetime(2026, 5, 4, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
NOTHING = timedelta(0)


def test_it_is_the_same_for_ever() -> None:
    assert jitter_of(1, NINE, 60, TEN) == timedelta(seconds=20, microseconds=406403), "a change here moves planned runs"
    assert jitter_of(1, NINE, 60, TEN) == jitter_of(1, NINE, 60, None)


def test_the_same_instant_in_another_zone_is_the_same_occurrence() -> None:
    elsewhere = datetime.fromisoformat("2026-05-04T14:30:00+05:30")

    assert jitter_of(7, elsewhere, 600, None) == jitter_of(7, NINE, 600, None)


def test_none_is_asked_for_none_is_given() -> None:
    assert jitter_of(1, NINE, 0, TEN) == NOTHING


@given(st.integers(1, 2**63 - 1), st.integers(1, 86_400), st.integers(1, 10**10), st.datetimes(timezones=st.just(UTC)))
def test_it_stays_below_its_bound_and_below_the_gap(
    schedule_id: int, jitter_seconds: int, gap_microseconds: int, occurrence: datetime
) -> None:
    gap = timedelta(microseconds=gap_microseconds)
    following = occurrence + gap if datetime.max.replace(tzinfo=UTC) - occurrence > gap else None

    delay = jitter_of(schedule_id, occurrence, jitter_seconds, following)

    assert NOTHING <= delay < timedelta(seconds=jitter_seconds)
    assert following is None or occurrence + delay < following


def test_it_is_spread_evenly_over_schedules_and_over_occurrences() -> None:
    over_schedules = Counter(jitter_of(number, NINE, 10, None) // timedelta(seconds=1) for number in range(5_000))
    over_time = Counter(
        jitter_of(1, NINE + timedelta(days=number), 10, None) // timedelta(seconds=1) for number in range(5_000)
    )

    for spread in (over_schedules, over_time):
        assert sorted(spread) == list(range(10))
        assert max(spread.values()) < 600
        assert min(spread.values()) > 400
