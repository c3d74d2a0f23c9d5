"""Executions that ended in a transaction of their own work: the recorder has nothing left to write for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rowcall.domain.executions import Outcome
from rowcall.store.claims import Claim
from rowcall.store.finishing import Result


class Settled:
    """What ended so, until it is taken. Lives on the worker's event loop.

    `on_busy` is called with the schedules where what waits for such an end is still to be let go.
    """

    def __init__(self) -> None:
        self._ended: dict[tuple[int, int], tuple[Outcome, float]] = {}
        self.on_busy: Callable[[Sequence[int]], None] = lambda _: None

    def note(self, execution_id: int, fence: int, outcome: Outcome, duration_seconds: float) -> None:
        """This execution ended, and that is committed."""
        self._ended[execution_id, fence] = (outcome, duration_seconds)

    def take(self, claim: Claim) -> Result | None:
        """The result of an execution that ended so, once; None for any other."""
        found = self._ended.pop((claim.execution_id, claim.fence), None) if self._ended else None
        return None if found is None else Result(claim, *found)
