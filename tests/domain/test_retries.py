"""Retries: whether another attempt is allowed, and how long it waits."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowcall.domain.retries import backoff, may_retry

AN_HOUR = timedelta(hours=1)
TEN_SECONDS = timedelta(seconds=10)


class Longest(Random):
    """Draws the largest number there is below one: the jitter that waits longest."""

    def random(self) -> float:
        return 1 - 2**-53


def longest(base: timedelta, attempt: int) -> timedelta:
    return backoff(base, attempt, Longest())


@pytest.mark.parametrize(("max_retries", "allowed"), [(0, []), (1, [1]), (3, [1, 2, 3])])
def test_as_many_attempts_are_followed_by_another_as_there_are_retries(max_retries: int, allowed: list[int]) -> None:
    assert [attempt for attempt in range(1, 10) if may_retry(attempt, max_retries)] == allowed


def test_the_wait_doubles_with_every_attempt() -> None:
    waits = [longest(TEN_SECONDS, attempt).total_seconds() for attempt in range(1, 6)]

    assert waits == pytest.approx([10, 20, 40, 80, 160])


def test_the_wait_is_never_longer_than_an_hour() -> None:
    assert longest(TEN_SECONDS, 9) == timedelta(seconds=2560)
    assert [longest(TEN_SECONDS, attempt) for attempt in (10, 33, 1001, 100_000)] == [AN_HOUR] * 4
    assert longest(timedelta(hours=5), 1) == AN_HOUR


def test_without_a_backoff_nothing_waits_however_many_attempts_there_were() -> None:
    assert {longest(timedelta(0), attempt) for attempt in (1, 2, 32, 33, 1001)} == {timedelta(0)}


def test_full_jitter_draws_evenly_from_nothing_to_the_whole_wait() -> None:
    random = Random(1)
    waits = sorted(backoff(TEN_SECONDS, 3, random).total_seconds() for _ in range(2000))

    assert waits[0] < 0.2
    assert waits[-1] > 39.8
    assert waits[1000] == pytest.approx(20, abs=1.5)


@given(st.timedeltas(timedelta(0), AN_HOUR), st.integers(1, 1001), st.randoms(use_true_random=False))
def test_a_wait_lies_between_nothing_and_what_it_may_be(base: timedelta, attempt: int, random: Random) -> None:
    wait = backoff(base, attempt, random)

    doubled = base * 2 ** min(attempt - 1, 32)  # 32 times make more than an hour of a microsecond
    assert timedelta(0) <= wait <= min(AN_HOUR, doubled)
