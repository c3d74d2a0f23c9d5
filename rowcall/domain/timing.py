"""When a definition runs: from the fields that are given to the columns of a trigger, with every fault in them.

Four families of fields name four kinds of trigger, and exactly one must be given. Which one it is decides
`schedule_type`; an interval may come in parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from .errors import Fault, InvalidInput
from .fields import TriggerFields
from .trigger_types import CronFieldsTrigger, CronTrigger, unwindowed
from .triggers import LONGEST_INTERVAL_SECONDS, Trigger, occurrences_after, read_local, trigger_of

PARTS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cron_expression": ("cron", ("cron_expression",)),
    "cron_fields": ("cron", ("cron_fields",)),
    "interval_seconds": ("interval", ("interval_seconds", *PARTS)),
    "scheduled_time": ("one_time", ("scheduled_time",)),
}
"""Column: its schedule type, and the fields that it can be given by."""
FAMILY_OF = {name: column for column, (_, names) in FAMILIES.items() for name in names}

MOMENTS = ("scheduled_time", "starts_at", "ends_at")
FIRST_YEAR, LAST_YEAR = 1970, 9000

LOOKED_AHEAD = 50
"""So many occurrences of a cron rule are measured against the smallest interval allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The columns of `schedules` that say when. Moments are aware UTC."""

    schedule_type: str
    cron_expression: str | None = None
    cron_fields: Mapping[str, Any] | None = None
    interval_seconds: int | None = None
    scheduled_time: datetime | None = None
    timezone: str = "UTC"
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def trigger(self, created_at: datetime, client_id: str = "default", name: str = "") -> Trigger:
        """The trigger of these columns. Raises InvalidInput with every fault."""
        columns = {column: getattr(self, column) for column in TIMING_COLUMNS}
        return trigger_of(**columns, created_at=created_at, client_id=client_id, name=name)

    def rule(self) -> dict[str, Any]:
        """Only the rule and its zone, by column: what a description tells."""
        columns = ("schedule_type", *FAMILIES, "timezone")
        return {column: getattr(self, column) for column in columns}

    @property
    def family(self) -> str:
        """The column that holds the rule; the first of them where none does."""
        return next((column for column in FAMILIES if getattr(self, column) is not None), "cron_expression")


TIMING_COLUMNS = tuple(field.name for field in fields(Timing))


def families_given(given: Mapping[str, Any]) -> list[str]:
    """The families of which at least one field is there, and not null."""
    found = {FAMILY_OF[name] for name, value in given.items() if value is not None and name in FAMILY_OF}
    return [column for column in FAMILIES if column in found]


def read_timing(
    given: TriggerFields, unusable: set[str], *, default_timezone: str, created_at: datetime, client_id: str, name: str
) -> tuple[Timing | None, Trigger | None, list[Fault]]:
    """The timing and its trigger, or what is wrong with them.

    `unusable` names fields that were given and are faulty already: they are not said to be missing.
    """
    faults = _interval_faults(given)
    families = families_given({name: getattr(given, name) for name in given.model_fields_set})
    values = {field: getattr(given, field) for field in ("cron_expression", "cron_fields", "scheduled_time")}
    timing = Timing(
        schedule_type=given.schedule_type or _inferred(families),
        interval_seconds=_interval_of(given),
        timezone=default_timezone if given.timezone is None else given.timezone,
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        **values,
    )
    blind = bool(faults) or bool(unusable & {name for _, names in FAMILIES.values() for name in names})
    if len(families) != 1 and not blind:
        faults.append(_choice_fault(families, given.schedule_type))
        blind = True
    if blind or "schedule_type" in unusable:
        # The rule can't be tried, but its zone and window can: behind a rule that is surely right.
        timing = replace(
            timing,
            schedule_type="interval",
            interval_seconds=60,
            cron_expression=None,
            cron_fields=None,
            scheduled_time=None,
        )
    try:
        trigger = timing.trigger(created_at, client_id, name)
    except InvalidInput as invalid:
        return None, None, [*faults, *invalid.faults]
    timing = _in_utc(timing)
    faults += [
        fault
        for field in MOMENTS
        if (moment := getattr(timing, field)) is not None and (fault := era_fault(field, moment)) is not None
    ]
    return (None, None, faults) if blind or faults else (timing, trigger, [])


def pace_fault(timing: Timing, trigger: Trigger, now: datetime, min_interval_seconds: int) -> Fault | None:
    """The fault of a rule that names occurrences closer together than the installation allows."""
    if min_interval_seconds <= 1 or timing.scheduled_time is not None:
        return None
    smallest = timing.interval_seconds or _smallest_gap(trigger, now)
    if smallest is None or smallest >= min_interval_seconds:
        return None
    return Fault(
        timing.family,
        f"runs every {smallest:g} s at its closest; this installation allows {min_interval_seconds} s and more",
    )


def _smallest_gap(trigger: Trigger, now: datetime) -> float | None:
    """In seconds on the clock's face, as in UTC: the day of 23 hours in spring makes no daily rule run too often."""
    rule = unwindowed(trigger)
    assert isinstance(rule, CronTrigger | CronFieldsTrigger)
    moments = occurrences_after(replace(rule, timezone="UTC"), now, LOOKED_AHEAD)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    return min(gaps, default=None)


def _inferred(families: Sequence[str]) -> str:
    return FAMILIES[families[0]][0] if families else "cron"


def _interval_of(given: TriggerFields) -> int | None:
    parts = [(getattr(given, part) or 0) * size for part, size in PARTS.items()]
    return given.interval_seconds if given.interval_seconds is not None else sum(parts) or None


def _interval_faults(given: TriggerFields) -> list[Fault]:
    parts = [part for part in PARTS if getattr(given, part) is not None]
    if not parts:
        return []
    if given.interval_seconds is not None:
        return [Fault(parts[0], "give either interval_seconds or its parts, not both")]
    whole = _interval_of(given) or 0
    if not 1 <= whole <= LONGEST_INTERVAL_SECONDS:
        return [Fault(parts[0], f"the parts make {whole} s; from 1 to {LONGEST_INTERVAL_SECONDS} s are possible")]
    return []


def _choice_fault(families: list[str], schedule_type: str | None) -> Fault:
    wanted = [column for column, (kind, _) in FAMILIES.items() if schedule_type in (None, kind)]
    choice = wanted[0] if len(wanted) == 1 else f"exactly one of {', '.join(wanted)}"
    if families:
        return Fault(families[-1], f"only one rule is possible, {' and '.join(families)} were given; give {choice}")
    return Fault("schedule_type" if schedule_type is None else wanted[0], f"no rule was given; give {choice}")


def _in_utc(timing: Timing) -> Timing:
    """The same with its moments read: those without an offset in the timing's zone."""
    moments: dict[str, Any] = {
        field: read_local(value, timing.timezone, field)
        for field in MOMENTS
        if (value := getattr(timing, field)) is not None
    }
    return replace(timing, **moments)


def era_fault(field: str, moment: datetime) -> Fault | None:
    """The fault of a moment at the ends of the calendar, around which nothing can be computed."""
    if FIRST_YEAR <= moment.year <= LAST_YEAR:
        return None
    return Fault(field, f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}, not in {moment.year}")
