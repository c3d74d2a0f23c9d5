"""How many requests a key may send: a bucket of tokens each, filled evenly, in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_SECONDS = 60
MOST_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What came of asking for a token; `wait_seconds` is 0 where there was one."""

    quota: int
    remaining: int
    full_in_seconds: int
    wait_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """The headers that tell of it, as the IETF's draft names them."""
        told = {
            "RateLimit-Policy": f'"key";q={self.quota};w={WINDOW_SECONDS}',
            "RateLimit": f'"key";r={self.remaining};t={self.full_in_seconds}',
        }
        return told | ({"Retry-After": str(self.wait_seconds)} if self.wait_seconds else {})


class Limits:
    """The buckets of all keys. Each holds what is allowed in a minute, so that a burst of as much is no fault."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key_id: str) -> Allowance | None:
        """Take a token for a request; None where there is no limit."""
        if self._per_minute == 0:
            return None
        now, per_second = self._clock(), self._per_minute / WINDOW_SECONDS
        bucket = self._buckets.get(key_id)
        if bucket is None:
            self._forget_the_full(now)
            bucket = self._buckets[key_id] = _Bucket(self._per_minute, now)
        bucket.tokens = min(self._per_minute, bucket.tokens + (now - bucket.filled_at) * per_second)
        bucket.filled_at = now
        wait = 0 if bucket.tokens >= 1 else max(1, math.ceil((1 - bucket.tokens) / per_second))
        if not wait:
            bucket.tokens -= 1
        full_in = math.ceil((self._per_minute - bucket.tokens) / per_second)
        return Allowance(self._per_minute, int(bucket.tokens), full_in, wait)

    def _forget_the_full(self, now: float) -> None:
        """A bucket that is full again says nothing that a new one would not say."""
        if len(self._buckets) >= MOST_BUCKETS:
            self._buckets = {
                key_id: bucket for key_id, bucket in self._buckets.items() if now - bucket.filled_at < WINDOW_SECONDS
            }
