"""What a look is to find; and its lanes: which have something due, in which order, what of it has been due for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rowcall.domain.catching_up import LateLane, triage_begins

from .lead import Lead
from .peeking import Head


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one look is to find: at most `limit` runs for a worker, of what is due from `since` on in its routes.

    `late`: what has been due for long has a lane of its own. `lead`: for how long it waits for what is due then. `now`
    is for tests.
    """

    worker_id: int
    routes: Sequence[str]
    limit: int
    since: datetime | None
    late: LateLane | None
    lead: Lead
    now: datetime | None


@dataclass(frozen=True, slots=True)
class Lane:
    """A route at a priority, with something due in it."""

    kind: str
    route: str
    priority: int


@dataclass(frozen=True, slots=True)
class Part:
    """At most `most` runs of these lanes, of what is due from `since` on and before `before`."""

    lanes: Sequence[Lane]
    most: int
    since: datetime | None = None
    before: datetime | None = None
    late: bool = False


def next_in(heads: Sequence[Head]) -> float | None:
    """In how many seconds the first that is not due yet will be; None where there is none."""
    return min((head.due_in for head in heads if head.due_in > 0), default=None)


def late_before(heads: Sequence[Head], late: LateLane) -> datetime | None:
    """The moment before which all that is due is late; None where nothing is."""
    first = min(heads, key=lambda head: head.due_in, default=None)
    if first is None or -first.due_in <= late.after_seconds:
        return None
    return first.moment - timedelta(seconds=first.due_in + late.after_seconds)


def parts_of(behind: Sequence[Lane], heads: Sequence[Head], cutoff: datetime, limit: int, late: LateLane) -> list[Part]:
    """What is due since the cutoff, `heads`, comes before the lanes `behind` it, but for a turn of theirs."""
    return [
        *([Part(behind, late.ahead, before=cutoff, late=True)] if late.ahead else []),
        Part(due_lanes(heads), limit, cutoff),
        *([Part(behind, late.most - late.ahead, before=cutoff, late=True)] if late.most > late.ahead else []),
    ]


def part_to_sort(
    behind: Sequence[Lane], heads: Sequence[Head], cutoff: datetime, limit: int, late: LateLane
) -> Part | None:
    """What stays behind and is to be sorted now. A slot is left for what is due in a moment."""
    lanes = [lane for lane in behind if lane.kind == "schedule"]
    if late.triage is None or not lanes:
        return None
    lane, where = triage_begins(late.triage, len(lanes))
    oldest = min(head.moment for head in heads)
    return Part([lanes[lane]], limit // 2, oldest + where * (cutoff - oldest), cutoff)


def due_lanes(heads: Sequence[Head], before: datetime | None = None) -> list[Lane]:
    """The lanes with something due, or due before a moment: by priority, then by how long it has been due."""
    due = [head for head in heads if head.due_in <= 0 and (before is None or head.moment < before)]
    due.sort(key=lambda head: (-head.priority, head.due_in))
    return [Lane(head.kind, head.route, head.priority) for head in due]
