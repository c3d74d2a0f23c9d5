"""Jitter: a delay that spreads occurrences, and yet is the same wherever and whenever it is worked out.

It follows from the schedule and the occurrence alone: two replicas, or one before and after a restart, agree on the
moment to act without talking. It stays below the gap to the next occurrence, so that runs keep their order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
STEPS = 2**64


def jitter_of(
    schedule_id: int, occurrence: datetime, jitter_seconds: int, next_occurrence: datetime | None
) -> timedelta:
    """How long after `occurrence` to act: uniform in [0, jitter_seconds), in whole microseconds.

    Where the next occurrence comes sooner than that, uniform in the gap before it instead. Without a `next_occurrence`
    only `jitter_seconds` bounds it.
    """
    width = timedelta(seconds=jitter_seconds)
    if next_occurrence is not None:
        width = min(width, next_occurrence - occurrence)
    if width <= timedelta(0):
        return timedelta(0)
    return _share(schedule_id, occurrence) * (width // MICROSECOND) // STEPS * MICROSECOND


def _share(schedule_id: int, occurrence: datetime) -> int:
    """A number in [0, STEPS) that belongs to this schedule and this occurrence. Changing it moves planned runs."""
    text = f"{schedule_id}:{(occurrence - EPOCH) // MICROSECOND}"
    return int.from_bytes(blake2b(text.encode("ascii"), digest_size=8).digest(), "big")
