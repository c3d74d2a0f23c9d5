"""The kinds of triggers: the rules that yield a schedule's occurrences. Pure, without memory; every moment is UTC.

    CronTrigger        a cron expression in a zone
    CronFieldsTrigger  cron_fields in a zone
    IntervalTrigger    anchor + k * interval, never drifting
    OneTimeTrigger     a single instant
    Window             any of them between starts_at and ends_at, both inclusive

They trust what they are given: `triggers.trigger_of` is what makes them from a schedule's columns, and refuses what
can't be used. Ask them through `triggers.next_occurrence`, which remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from .cron.calendar import calendar_of
from .cron.fieldcalendar import fields_calendar_of
from .cron.fields import FieldTexts
from .cron.wallclock import CALENDAR_END, next_instant
from .zones import zone

TICK = timedelta(microseconds=1)


class Trigger(Protocol):
    """A rule that yields occurrences."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence strictly after `moment`; None means never again."""

    def __hash__(self) -> int:
        """Equal triggers name the same occurrences, so that answers can be shared."""


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """A cron expression, read in a zone. `slot_key` tells apart the slots of `H`; without an `H` leave it empty."""

    expression: str
    timezone: str = "UTC"
    slot_key: str = ""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence strictly after `moment`; None if there is none within fifty years."""
        return next_instant(calendar_of(self.expression, self.slot_key), zone(self.timezone), moment)


@dataclass(frozen=True, slots=True)
class CronFieldsTrigger:
    """cron_fields as sorted (name, text) pairs, read in a zone."""

    fields: FieldTexts
    timezone: str = "UTC"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence strictly after `moment`; None once the years named are over."""
        return next_instant(fields_calendar_of(self.fields), zone(self.timezone), moment)


@dataclass(frozen=True, slots=True)
class IntervalTrigger:
    """anchor, anchor + interval, anchor + 2 * interval, …: exact, whatever happened in between."""

    seconds: int
    anchor: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence strictly after `moment`, by arithmetic; None past the year 9999."""
        if moment < self.anchor:
            return self.anchor
        interval = timedelta(seconds=self.seconds)
        ahead = interval - (moment - self.anchor) % interval
        return moment + ahead if CALENDAR_END - moment > ahead else None


@dataclass(frozen=True, slots=True)
class OneTimeTrigger:
    """A single instant."""

    moment: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """The instant, as long as it lies ahead."""
        return self.moment if self.moment > moment else None


@dataclass(frozen=True, slots=True)
class Window:
    """A trigger from `starts_at` to `ends_at`, both inclusive; None leaves that side open."""

    trigger: Trigger
    starts_at: datetime | None
    ends_at: datetime | None

    def next_after(self, moment: datetime) -> datetime | None:
        """The trigger's first occurrence after `moment` that lies in the window."""
        return self.clipped(self.trigger.next_after(self.entered(moment)))

    def entered(self, moment: datetime) -> datetime:
        """`moment`, or the last one before the window opens."""
        return moment if self.starts_at is None else max(moment, self.starts_at - TICK)

    def clipped(self, occurrence: datetime | None) -> datetime | None:
        """The occurrence, unless it lies past the window's end."""
        if occurrence is None or (self.ends_at is not None and occurrence > self.ends_at):
            return None
        return occurrence


def unwindowed(trigger: Trigger | None) -> Trigger | None:
    """The rule by itself, without the window that it may be seen through."""
    return trigger.trigger if isinstance(trigger, Window) else trigger


def hangs_on_zone_data(trigger: Trigger | None) -> bool:
    """Whether other data of time zones may have it name other instants."""
    rule = unwindowed(trigger)
    return isinstance(rule, CronTrigger | CronFieldsTrigger) and rule.timezone != "UTC"
