"""What one process counted since it started. Adding is whole numbers in plain lists: nothing here waits or locks."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

LAG_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
DURATION_BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class Histogram:
    """How many values, in seconds, were at most each bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, *seconds: float) -> None:
        """Count values; less than nothing, as clocks have it, is nothing."""
        values = sorted(seconds)  # so that each bound is looked for among the values, and not the other way round
        counted = 0
        for place, bound in enumerate(self.bounds):
            if counted == len(values):
                break
            through = bisect_right(values, bound)
            self.counts[place] += through - counted
            counted = through
        self.counts[-1] += len(values) - counted
        self.sum += sum(values[bisect_right(values, 0.0) :])

    def cumulative(self) -> list[tuple[str, float]]:
        """The buckets as Prometheus has them: each with all below it, the last one with all."""
        found, total = [], 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else repr(bound), float(total)))
        return found


@dataclass(slots=True)
class Tallies:
    """The counters of one process. `durations` and `executions` go by task type and result,
    `webhooks` by what became of a try: delivered, failed, dead."""

    occurrences: Counter[str] = field(default_factory=Counter)
    executions: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    lag: Histogram = field(default_factory=lambda: Histogram(LAG_BOUNDS))
    stale_results: int = 0
    leases_lost: int = 0
    webhooks: Counter[str] = field(default_factory=Counter)

    def ended(self, task_type: str, result: str, *seconds: float) -> None:
        """Attempts ended, each after so many seconds: `result` is their status, or `retried`, in small letters."""
        key = (task_type, result)
        self.executions[key] += len(seconds)
        if (histogram := self.durations.get(key)) is None:
            histogram = self.durations[key] = Histogram(DURATION_BOUNDS)
        histogram.add(*seconds)

    def ran(self, *late_seconds: float) -> None:
        """Occurrences were answered for by a run, each so many seconds late."""
        self.occurrences["run"] += len(late_seconds)
        self.lag.add(*late_seconds)

    def answered(self, outcome: str) -> None:
        """An occurrence was answered for without one: skipped or missed."""
        self.occurrences[outcome] += 1
