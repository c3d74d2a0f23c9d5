"""Backfilling: the occurrences of a range of the past, and which of them are to run next. Pure: moments are given.

An occurrence that ran is left alone, whatever came of it. One that never ran, and has a row that says so, is run under
that row; one without a row of its own gets one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil

from .errors import InvalidInput
from .planning import INSTANT
from .trigger_types import Trigger

MOST_OCCURRENCES = 100_000
"""What one backfill may hold: counting them takes seconds, and nobody waits for more to run."""

LOOKED_AT = 200
"""So many occurrences are looked at in one transaction."""


class BackfillStatus(StrEnum):
    """Where a backfill stands."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Answer:
    """The row that stands at an occurrence. `never_ran` means that it is final, and was never claimed."""

    execution_id: int
    scheduled_for: datetime
    never_ran: bool


@dataclass(frozen=True, slots=True)
class Step:
    """The next stretch of a backfill: what gets a row, which rows are opened again, how many had run before.

    `through` is the last occurrence seen to; None when there is room for none.
    """

    new: Sequence[datetime]
    reopened: Sequence[Answer]
    already_answered: int
    through: datetime | None


def occurrences_between(trigger: Trigger, since: datetime, until: datetime) -> list[datetime]:
    """All occurrences from `since` on and before `until`. Raises InvalidInput for more than MOST_OCCURRENCES.

    It walks from one to the next, a tenth of a millisecond each, and leaves the memory of `next_occurrence` alone.
    """
    found: list[datetime] = []
    following = trigger.next_after(since - INSTANT)
    while following is not None and following < until:
        if len(found) == MOST_OCCURRENCES:
            raise InvalidInput.of(
                "until",
                f"there are more than {MOST_OCCURRENCES} occurrences before then; the first {MOST_OCCURRENCES} end at "
                f"{found[-1].isoformat()}: backfill a part of the range, then the next",
            )
        found.append(following)
        following = trigger.next_after(following)
    return found


def step(occurrences: Iterable[datetime], answers: Mapping[datetime, Answer], room: int) -> Step:
    """What to do about these occurrences, in order, where `room` may be enqueued; it stops before one too many."""
    new: list[datetime] = []
    reopened: list[Answer] = []
    already_answered, through = 0, None
    for occurrence in occurrences:
        answer = answers.get(occurrence)
        if answer is not None and not answer.never_ran:
            already_answered += 1
        elif len(new) + len(reopened) >= room:
            break
        elif answer is None:
            new.append(occurrence)
        else:
            reopened.append(answer)
        through = occurrence
    return Step(new, reopened, already_answered, through)


def batch_of(rate_per_minute: int | None, room: int) -> int:
    """How many may be enqueued at once: what there is room for, and no more than a second's worth of the rate."""
    return room if rate_per_minute is None else min(room, ceil(rate_per_minute / 60))


def pause_after(enqueued: int, rate_per_minute: int | None) -> float:
    """For how many seconds nothing more may be enqueued after so many were."""
    return 0.0 if rate_per_minute is None else enqueued * 60 / rate_per_minute
