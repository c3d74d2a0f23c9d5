"""Peeking: what is due in each lane (route and priority), and when the next is; and waiting for it, to the moment."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .sessions import Session

TIMER_SECONDS = 0.0005
"""The event loop's timers are exact to half a millisecond, either way: the rest is slept outside of it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands first in a lane, and in how many seconds it is due: a schedule, or what is queued."""

    kind: str
    route: str
    priority: int
    moment: datetime
    due_in: float

    @property
    def seen_at(self) -> datetime:
        """What PostgreSQL's clock showed."""
        return self.moment - timedelta(seconds=self.due_in)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen at a moment of the monotonic clock: the heads, and whether there are schedules to plan."""

    heads: Sequence[Head]
    unplanned: bool
    seen_at: float

    def by_now(self) -> Sight:
        """The same, with what is left of each wait. What is due at one moment is due at once, whenever it was seen."""
        seen_at = time.monotonic()
        waited = seen_at - self.seen_at
        clock = self.clock if self.heads else None
        heads = [
            replace(head, due_in=head.due_in - waited - (clock - head.seen_at).total_seconds())
            for head in self.heads
            if clock is not None
        ]
        return Sight(heads, self.unplanned, seen_at)

    @property
    def due_in(self) -> float:
        """In how many seconds the first of them is due; infinite where there is none."""
        return min((head.due_in for head in self.heads), default=math.inf)

    @property
    def clock(self) -> datetime:
        """What PostgreSQL's clock showed when the last head was seen; only where there are heads."""
        return max(head.seen_at for head in self.heads)

    @property
    def all_answered_before(self) -> datetime | None:
        """When the first schedule was due, or the present where that lies ahead; None where there is no schedule."""
        schedules = (head for head in self.heads if head.kind == "schedule")
        first = min(schedules, key=lambda head: head.due_in, default=None)
        if first is None:
            return None
        return first.moment if first.due_in <= 0 else first.moment - timedelta(seconds=first.due_in)


async def peek(
    session: Session,
    routes: Sequence[str],
    now: datetime | None,
    schedules_since: datetime | None,
    queue_since: datetime | None = None,
) -> Sight:
    """See the head of each lane, of what is due, or available, from then on."""
    rows = await session.fetch("peek", routes, now, schedules_since, queue_since)
    seen_at = time.monotonic()
    heads = [
        Head(row["kind"], row["route"], row["priority"], row["moment"], row["due_in"])
        for row in rows
        if row["kind"] != "unplanned"
    ]
    return Sight(heads, len(heads) < len(rows), seen_at)


async def until(moment: float) -> None:
    """Wait for a moment of the monotonic clock, and never less; not at all, where it has passed."""
    await asyncio.sleep(moment - time.monotonic() - TIMER_SECONDS)
    # All else waits for the rest, a millisecond at most: that costs less than turns that find it is not yet time.
    while (left := moment - time.monotonic()) > 0:
        time.sleep(left)  # noqa: ASYNC251
