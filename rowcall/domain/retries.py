"""Whether an attempt that failed is tried again, and when."""

from __future__ import annotations

from datetime import timedelta
from random import Random

LONGEST_BACKOFF = timedelta(hours=1)


def may_retry(attempt: int, max_retries: int) -> bool:
    """Whether another attempt is allowed after the `attempt`-th, counted from 1."""
    return attempt <= max_retries


def backoff(base: timedelta, attempt: int, random: Random) -> timedelta:
    """How long to wait after the `attempt`-th attempt: base × 2^(attempt − 1), at most an hour, with full jitter.

    Full jitter draws from zero to that length: what failed together does not come back together.
    """
    longest = LONGEST_BACKOFF if attempt > 32 else min(LONGEST_BACKOFF, base * 2 ** (attempt - 1))
    return longest * random.random()
