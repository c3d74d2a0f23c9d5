"""Whether the machine itself stood still: a virtual one that is frozen, and goes on, has its time of day put right.

The clock that only counts knows nothing of it, and so the two move apart. Whatever was due meanwhile is late, and no
figure of that time says anything about what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable

NOTICED_SECONDS = 0.1
"""Less than that is a clock being adjusted."""


class Clocks:
    """The time of day and the clock that only counts, side by side."""

    def __init__(
        self, time_of_day: Callable[[], float] = time.time, counting: Callable[[], float] = time.monotonic
    ) -> None:
        self._time_of_day = time_of_day
        self._counting = counting
        self._apart = self._difference()

    def leapt(self) -> float:
        """By how many seconds the time of day has leapt since this was asked last; 0 where that is not worth a word."""
        before, self._apart = self._apart, self._difference()
        leap = self._apart - before
        return leap if abs(leap) >= NOTICED_SECONDS else 0.0

    def _difference(self) -> float:
        return self._time_of_day() - self._counting()


def told(leap: float) -> str:
    """A leap in words, for results."""
    return f"it leapt by {leap:+.1f} s meanwhile: the machine stood still, and what was due then is late for that"
