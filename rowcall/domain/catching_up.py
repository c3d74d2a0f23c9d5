"""Catching up: what has been due for long has a lane of its own, so that a herd after an outage delays nothing else.

    due now      goes first, whatever its priority, and may have every slot
    late         takes the slots that are left, up to a share of all slots, and as many in a second as its rate allows
    a turn       one claim in TURN is late work's even when what is due now never ends: neither starves
    triage       while late work may take no more, some of it is sorted once a second: a schedule that fires often was
                 due long ago, and is due now as well; and what is past its grace needs no slot to be answered for

In each of the two, priority comes first and then due time. All of it holds for one worker; replicas know nothing of
each other's shares, and need not: each keeps some of its slots free for what is due now.
"""

from __future__ import annotations

from dataclasses import dataclass

TURN = 10
TRIAGE_SECONDS = 1.0
GOLDEN = 0.618034
"""Multiples of it, less their whole part, spread evenly over 0 to 1, however many there are."""


@dataclass(frozen=True, slots=True)
class LateLane:
    """What one look may claim of what has been due for `after_seconds` and longer.

    At most `most`, and `ahead` of these before what is due now. `triage`: sort what stays behind, for so many times;
    None: not now.
    """

    after_seconds: float
    most: int
    ahead: int = 0
    triage: int | None = None


def triage_begins(triage: int, lanes: int) -> tuple[int, float]:
    """Which of so many lanes a triage looks at, and from where: from 0, for what has been due for longest, to 1.

    All have their turn. It begins at the oldest every other time, where those stand that fire often, else anywhere.
    """
    turn, lane = divmod(triage, lanes)
    return lane, 0.0 if turn % 2 == 0 else turn // 2 * GOLDEN % 1


class CatchUp:
    """One worker's late lane over time. `share` is of its `slots`; `per_second` 0 is no limit.

    Moments are seconds of any clock that only goes forward.
    """

    def __init__(self, slots: int, *, after_seconds: float, share: float, per_second: float = 0.0) -> None:
        self._after_seconds = after_seconds
        self._places = max(1, int(slots * share))
        self._per_second = per_second
        self._allowed = self._burst = max(1.0, per_second)
        self._counted_at: float | None = None
        self._passed_by = 0
        self._triages = 0
        self._triage_at = 0.0

    def lane(self, held: int, moment: float) -> LateLane:
        """What the next look may claim, while `held` late runs go on."""
        most = max(0, self._places - held)
        if self._per_second:
            most = min(most, self._allowed_at(moment))
        triage = self._triage(moment) if most == 0 else None
        return LateLane(self._after_seconds, most, min(most, self._passed_by // (TURN - 1)), triage)

    def _triage(self, moment: float) -> int | None:
        if moment < self._triage_at:
            return None
        self._triage_at = moment + TRIAGE_SECONDS
        self._triages += 1
        return self._triages - 1

    def took(self, late: int, others: int, *, late_is_left: bool) -> None:
        """What a look claimed; `late_is_left`: it found late work at all."""
        self._allowed -= late
        passed = self._passed_by + others - late * (TURN - 1)
        self._passed_by = max(0, min(passed, self._places * (TURN - 1))) if late_is_left else 0

    def pause(self, moment: float) -> float:
        """In how many seconds there may be more to do for what is left behind: as the rate allows, or a triage."""
        triage = max(0.0, self._triage_at - moment)
        if not self._per_second or self._allowed >= 1:
            return triage or TRIAGE_SECONDS
        return min(triage or TRIAGE_SECONDS, (1 - self._allowed) / self._per_second)

    def _allowed_at(self, moment: float) -> int:
        since = moment if self._counted_at is None else self._counted_at
        self._allowed = min(self._burst, self._allowed + (moment - since) * self._per_second)
        self._counted_at = moment
        return max(0, int(self._allowed))
