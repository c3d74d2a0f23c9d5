"""The bucket of a key: full at first, filled evenly, and no two keys share one."""

from __future__ import annotations

from rowcall.webapi import limits
from rowcall.webapi.limits import Allowance, Limits


class Clock:
    """A clock that stands still until it is moved, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def take(bucket: Limits, key_id: str = "one") -> Allowance:
    taken = bucket.take(key_id)
    assert taken is not None
    return taken


def test_what_is_allowed_in_a_minute_may_come_at_once() -> None:
    bucket = Limits(120, Clock())
    assert [take(bucket).wait_seconds for _ in range(121)] == [0] * 120 + [1]


def test_tokens_come_back_evenly_and_never_beyond_the_quota() -> None:
    clock = Clock()
    bucket = Limits(60, clock)
    for _ in range(60):
        take(bucket)
    clock.now += 2.5
    assert [take(bucket).wait_seconds for _ in range(3)] == [0, 0, 1]
    clock.now += 3600
    assert take(bucket).remaining == 59


def test_the_wait_that_is_told_is_long_enough() -> None:
    for per_minute in (1, 7, 59, 100_000):
        clock = Clock()
        bucket = Limits(per_minute, clock)
        while (taken := take(bucket)).wait_seconds == 0:
            pass
        clock.now += taken.wait_seconds
        assert take(bucket).wait_seconds == 0


def test_one_key_takes_nothing_from_another() -> None:
    bucket = Limits(1, Clock())
    assert take(bucket, "one").wait_seconds == 0
    assert take(bucket, "one").wait_seconds > 0
    assert take(bucket, "two").wait_seconds == 0


def test_zero_sets_no_limit() -> None:
    assert Limits(0).take("one") is None


def test_buckets_that_are_full_again_are_forgotten() -> None:
    clock = Clock()
    bucket = Limits(10, clock)
    for number in range(limits.MOST_BUCKETS):
        take(bucket, str(number))
    clock.now += limits.WINDOW_SECONDS
    take(bucket, "late")
    assert len(bucket._buckets) == 1


def test_the_headers_tell_quota_rest_and_when_it_is_full() -> None:
    clock = Clock()
    bucket = Limits(6, clock)
    assert take(bucket).headers == {"RateLimit-Policy": '"key";q=6;w=60', "RateLimit": '"key";r=5;t=10'}
    for _ in range(5):
        take(bucket)
    assert take(bucket).headers["Retry-After"] == "10"
