"""Whether an attempt that failed is tried again, and when."""

from __future__ import annotations

from datetime import timedelta
from random import Random

LONGEST_BACKOFF = timedelta(hours=1)
MOST_DOUBLINGS = 100  # more than an hour from any base but zero, and still a float


def may_retry(attempt: int, max_retries: int) -> bool:
    """Whether another attempt is allowed after the `attempt`-th, counted from 1."""
    return attempt <= max_retries


def backoff(base: timedelta, attempt: int, random: Random) -> timedelta:
    """How long to wait after the `attempt`-th attempt: base × 2^(attempt − 1), at most an hour, with full jitter.

    Full jitter draws from zero to that length: what failed together does not come back together.
    """
    doubled_seconds = base.total_seconds() * 2.0 ** min(attempt - 1, MOST_DOUBLINGS)
    return timedelta(seconds=min(doubled_seconds, LONGEST_BACKOFF.total_seconds()) * random.random())
