"""What a worker holds: the claims it runs, those whose results are on their way, and the room that is left."""

from __future__ import annotations

from collections.abc import Iterable

from rowcall.store.claims import Claim


class Holdings:
    """The executions in this worker's name, by id. Lives on the worker's event loop.

    A claim is taken out of `running` before its result is sent, so that a look at the database which crosses the result
    does not mistake it for lost; until the result is recorded it counts as `held` all the same. The next attempt may
    have been claimed by then: it is the one that counts. `late` are those that run in the lane of what has been due for
    long, and `late_waits` says that there is more of it.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.running: dict[int, Claim] = {}
        self.late: set[int] = set()
        self.late_waits = False
        self._recording: dict[int, Claim] = {}

    @property
    def free(self) -> int:
        """How many more executions may start."""
        return self.slots - len(self.running)

    @property
    def any(self) -> bool:
        """Whether anything at all is held."""
        return bool(self.running or self._recording)

    def is_awaited(self, claim: Claim) -> bool:
        """Whether something may be waiting for the place of this one."""
        return self.free <= 0 or (self.late_waits and claim.execution_id in self.late)

    def start(self, claim: Claim) -> None:
        """This claim runs from now on."""
        self.running[claim.execution_id] = claim

    def end(self, claim: Claim) -> None:
        """This claim's work ended; its result is on its way."""
        self.running.pop(claim.execution_id, None)
        self.late.discard(claim.execution_id)
        self._recording[claim.execution_id] = claim

    def forget(self, claims: Iterable[Claim]) -> None:
        """These claims' results are recorded, or were refused."""
        for claim in claims:
            if self._recording.get(claim.execution_id) is claim:  # and not a later attempt
                del self._recording[claim.execution_id]

    def held(self) -> dict[int, int]:
        """All executions held, each with its fence."""
        return {claim.execution_id: claim.fence for claim in (*self._recording.values(), *self.running.values())}
