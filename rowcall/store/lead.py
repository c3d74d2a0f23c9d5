"""How long before its moment a start is begun: as long as that took here lately, and half as much again, within limits.

In a stream of runs all of it takes two milliseconds. A machine on which nothing happened for a second may take twenty:
timers ring late, and memory and processors have been busy with something else, or were taken away by a host.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REMEMBERED = 0.9
"""So much of the longest time is left at the next one that was shorter."""

MARGIN = 1.5

SIGHT_SECONDS = (0.007, 0.03)
START_SECONDS = (0.005, 0.015)
"""What is allowed at least and at most. While it starts something, a loop has it locked, and hears of nothing else."""

EARLY_SECONDS = 0.004
"""A timer rings so much too early at the most."""


@dataclass(slots=True)
class Allowance:
    """A time to allow for something, in seconds, by how long that took lately."""

    least: float
    most: float
    _lately: float = 0.0

    @property
    def seconds(self) -> float:
        """What to allow for the next."""
        return min(max(self.least, MARGIN * self._lately), self.most)

    def took(self, seconds: float) -> None:
        """Remember how long one took."""
        self._lately = max(seconds, REMEMBERED * self._lately)


@dataclass(slots=True)
class Lead:
    """What one loop allows for seeing what is due, and for starting it then; only the second has schedules locked."""

    sight: Allowance = field(default_factory=lambda: Allowance(*SIGHT_SECONDS))
    start: Allowance = field(default_factory=lambda: Allowance(*START_SECONDS))
    early_seconds: float = EARLY_SECONDS
    rang_at: float | None = None
    """When the timer was to ring that made the loop look, of the monotonic clock; None where something else did."""

    @classmethod
    def none(cls) -> Lead:
        """For a look that waits for nothing."""
        return cls(Allowance(least=0, most=0), Allowance(least=0, most=0), early_seconds=0)

    @property
    def seconds(self) -> float:
        """So long before something is due the look begins that will claim it."""
        return self.sight.seconds + self.start.seconds

    @property
    def patience_seconds(self) -> float:
        """So long such a look waits at the most: its beginning is a timer's, and no more exact than that."""
        return self.seconds + self.early_seconds

    def saw(self, seen_at: float) -> None:
        """Remember how long after its timer a look saw what is due."""
        if self.rang_at is not None:
            self.sight.took(seen_at - self.rang_at)
            self.rang_at = None
