"""Catching up: what has been due for long has a lane of its own, so that a herd after an outage delays nothing else.

    due now      goes first, whatever its priority, and may have every slot
    late         takes the slots that are left, up to a share of all of them as long as anything else is due or planned;
                 all of them when nothing is; and no more in a second than its rate allows
    a turn       one claim in TURN is late work's even when what is due now never ends: neither starves

In each of the two, priority comes first and then due time. All of it holds for one worker; replicas know nothing of
each other's shares, and need not: each keeps some of its slots free for what is due now.
"""

from __future__ import annotations

from dataclasses import dataclass

TURN = 10


@dataclass(frozen=True, slots=True)
class LateLane:
    """What one look may claim of what has been due for `after_seconds` and longer.

    At most `most` while anything else is due or planned, and at most `alone` where nothing is; `ahead` of these before
    what is due now.
    """

    after_seconds: float
    most: int
    alone: int
    ahead: int = 0


class CatchUp:
    """One worker's late lane over time. `share` is of its `slots`; `per_second` 0 is no limit.

    Moments are seconds of any clock that only goes forward.
    """

    def __init__(self, slots: int, *, after_seconds: float, share: float, per_second: float = 0.0) -> None:
        self._after_seconds = after_seconds
        self._slots = slots
        self._places = max(1, int(slots * share))
        self._per_second = per_second
        self._allowed = self._burst = max(1.0, per_second)
        self._counted_at: float | None = None
        self._passed_by = 0

    def lane(self, held: int, moment: float) -> LateLane:
        """What the next look may claim, while `held` late runs go on."""
        allowed = self._slots if not self._per_second else self._allowed_at(moment)
        most = max(0, min(self._places - held, allowed))
        return LateLane(self._after_seconds, most, allowed, min(most, self._passed_by // (TURN - 1)))

    def took(self, late: int, others: int, *, late_is_left: bool) -> None:
        """What a look claimed; `late_is_left`: it found late work at all."""
        self._allowed -= late
        passed = self._passed_by + others - late * (TURN - 1)
        self._passed_by = max(0, min(passed, self._places * (TURN - 1))) if late_is_left else 0

    def pause(self) -> float | None:
        """In how many seconds the rate allows another; None when it does already."""
        if not self._per_second or self._allowed >= 1:
            return None
        return (1 - self._allowed) / self._per_second

    def _allowed_at(self, moment: float) -> int:
        since = moment if self._counted_at is None else self._counted_at
        self._allowed = min(self._burst, self._allowed + (moment - since) * self._per_second)
        self._counted_at = moment
        return max(0, int(self._allowed))
