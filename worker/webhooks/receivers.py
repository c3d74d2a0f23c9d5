"""What this worker knows of receivers: how many deliveries are on their way to each, and which are in trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

LONGEST_PAUSE_SECONDS = 60.0
MOST_KNOWN = 10_000
DEAD_AFTER_FAILURES = 10
"""With the default pauses that takes more than six minutes."""


@dataclass(slots=True)
class Trouble:
    """So many failures in a row, and when (monotonic) to try again."""

    failures: int
    until: float


class Receivers:
    """The receivers of one worker. One in trouble is tried now and then, however much waits for it."""

    def __init__(self, first_pause_seconds: float) -> None:
        self._first_pause_seconds = first_pause_seconds
        self._busy: Counter[str] = Counter()
        self._trouble: dict[str, Trouble] = {}

    @property
    def busy(self) -> Mapping[str, int]:
        """Deliveries on their way, by receiver."""
        return self._busy

    @property
    def failing(self) -> AbstractSet[str]:
        """Those whose last answer was none, or a failure of theirs."""
        return self._trouble.keys()

    def pause_of(self, target: str, now: float) -> float:
        """In how many seconds this one may be tried; 0 for most."""
        trouble = self._trouble.get(target)
        return 0.0 if trouble is None else max(0.0, trouble.until - now)

    def is_dead(self, target: str) -> bool:
        """Whether it has failed so often in a row that what waits too long for it is given up without a try."""
        return target in self._trouble and self._trouble[target].failures >= DEAD_AFTER_FAILURES

    def begin(self, target: str) -> None:
        """A delivery is on its way."""
        self._busy[target] += 1

    def end(self, target: str) -> None:
        """It is no more."""
        self._busy[target] -= 1
        if not self._busy[target]:
            del self._busy[target]

    def heard(self, target: str, now: float, *, reached_nobody: bool) -> None:
        """How it went: each failure in a row doubles the pause, up to a minute; those at the same time count as one."""
        if not reached_nobody:
            self._trouble.pop(target, None)
            return
        if self.pause_of(target, now) > 0:
            return
        if len(self._trouble) >= MOST_KNOWN:
            self._trouble.clear()
        failures = min(self._trouble[target].failures + 1 if target in self._trouble else 1, 32)
        pause = min(LONGEST_PAUSE_SECONDS, self._first_pause_seconds * 2 ** (failures - 1))
        self._trouble[target] = Trouble(failures, now + pause)
