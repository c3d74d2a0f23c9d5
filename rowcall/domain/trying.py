"""A rule that is tried out before anything is created: what it means in words, and when it would come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .definitions import Defaults
from .errors import Fault, InvalidInput
from .fields import TriggerFields
from .timing import pace_fault, read_timing
from .triggers import describe_trigger, occurrences_after


@dataclass(frozen=True, slots=True)
class Tried:
    """What a rule means, in English and by its next occurrences; its zone."""

    description: str
    timezone: str
    upcoming: list[datetime]


def try_out(
    read: TriggerFields,
    faults: Sequence[Fault],
    *,
    client_id: str,
    name: str,
    defaults: Defaults,
    now: datetime,
    after: datetime | None,
    count: int,
) -> Tried:
    """What these fields say, of which those with `faults` could not be read; occurrences `after`, or else from now on.

    `client_id` and `name` are of the schedule that is to have it: the slots of H hang on them. Raises InvalidInput
    with every fault that creating it would tell of the rule; one with nothing ahead is none here.
    """
    unusable = {fault.field.partition(".")[0] for fault in faults}
    start, whose = after or now, {"client_id": client_id, "name": name}
    timing, trigger, more = read_timing(read, unusable, default_timezone=defaults.timezone, created_at=start, **whose)
    if timing is not None and trigger is not None:
        more += filter(None, [pace_fault(timing, trigger, now, defaults.min_interval_seconds)])
    if faults or more or timing is None or trigger is None:
        raise InvalidInput([*faults, *more])
    told = describe_trigger(**{**timing.rule(), **whose})
    return Tried(told, timing.timezone, occurrences_after(trigger, start, count))
