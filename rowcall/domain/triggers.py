"""From a schedule's columns to its trigger, and everything that is asked of triggers elsewhere.

`trigger_of` validates by doing: text is read strictly, and a rule that never yields a date is refused, so that whatever
it hands out can be asked for the next occurrence without failing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .cron.calendar import calendar_of
from .cron.describe import describe_cron, describe_fields, describe_interval, describe_once
from .cron.fieldcalendar import fields_calendar_of
from .cron.fields import FieldTexts, texts_of, values_of
from .cron.grammar import checked, parse, uses_slots
from .cron.wallclock import CALENDAR_END, LOCAL_START, WallCalendar, instant_of, next_instant
from .errors import Fault, InvalidInput
from .occurrences import latest_through, next_occurrence, occurrences_after
from .trigger_types import CronFieldsTrigger, CronTrigger, IntervalTrigger, OneTimeTrigger, Trigger, Window
from .zones import zone

__all__ = [
    "CronFieldsTrigger",
    "CronTrigger",
    "IntervalTrigger",
    "OneTimeTrigger",
    "Trigger",
    "Window",
    "describe_trigger",
    "latest_through",
    "next_occurrence",
    "occurrences_after",
    "read_local",
    "trigger_of",
]

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
TRIED_FROM = datetime(2026, 1, 1, tzinfo=UTC)
NOBODYS_SLOT = "; H is a slot that the schedule's name decides, and no name was given"
LONGEST_INTERVAL_SECONDS = 3_155_760_000  # a hundred years
SCHEDULE_TYPES: Mapping[str, tuple[str, ...]] = {
    "cron": ("cron_expression", "cron_fields"),
    "interval": ("interval_seconds",),
    "one_time": ("scheduled_time",),
}


def trigger_of(
    *,
    schedule_type: str,
    cron_expression: str | None,
    cron_fields: Mapping[str, object] | None,
    interval_seconds: int | None,
    scheduled_time: datetime | None,
    timezone: str,
    starts_at: datetime | None,
    ends_at: datetime | None,
    created_at: datetime,
    client_id: str = "default",
    name: str = "",
) -> Trigger:
    """The trigger of a schedule's columns. Raises InvalidInput with a fault for every column that can't be used.

    A cron rule without a date in fifty years is refused. An interval counts from `starts_at`, which is its first
    occurrence, or else from `created_at`, which is none.
    """
    given = {
        "cron_expression": cron_expression,
        "cron_fields": cron_fields,
        "interval_seconds": interval_seconds,
        "scheduled_time": scheduled_time,
    }
    faults = _faults_of_choice(schedule_type, [column for column, value in given.items() if value is not None])
    trigger: Trigger | None = None
    try:
        zone(timezone)
    except InvalidInput as invalid:
        faults += invalid.faults
    try:
        starts_at, ends_at = _window(starts_at, ends_at, timezone)
    except InvalidInput as invalid:
        faults += invalid.faults
    try:
        if cron_expression is not None:
            trigger = _cron(cron_expression, timezone, f"{client_id}/{name}")
        elif cron_fields is not None:
            trigger = _cron_fields(texts_of(cron_fields), timezone)
        elif interval_seconds is not None:
            trigger = _interval(interval_seconds, starts_at, created_at)
        elif scheduled_time is not None:
            trigger = OneTimeTrigger(read_local(scheduled_time, timezone))
    except InvalidInput as invalid:
        faults += invalid.faults
    if faults or trigger is None:
        raise InvalidInput(list(dict.fromkeys(faults)))  # a bad zone may have been met twice
    return trigger if starts_at is None and ends_at is None else Window(trigger, starts_at, ends_at)


def describe_trigger(
    *,
    schedule_type: str,
    cron_expression: str | None = None,
    cron_fields: Mapping[str, object] | None = None,
    interval_seconds: int | None = None,
    scheduled_time: datetime | None = None,
    timezone: str = "UTC",
    client_id: str = "default",
    name: str = "",
) -> str:
    """A schedule's trigger in plain English, its zone named unless it is UTC. Refuses what `trigger_of` refuses.

    Without a name the slots of `H` are nobody's, and that is said.
    """
    trigger = trigger_of(
        schedule_type=schedule_type,
        cron_expression=cron_expression,
        cron_fields=cron_fields,
        interval_seconds=interval_seconds,
        scheduled_time=scheduled_time,
        timezone=timezone,
        starts_at=None,
        ends_at=None,
        created_at=LONG_AGO,
        client_id=client_id,
        name=name,
    )
    told = "" if timezone == "UTC" else f", {timezone} time"
    match trigger:
        case CronTrigger(expression, _, slot_key):
            return describe_cron(parse(expression, slot_key)) + told + (NOBODYS_SLOT if slot_key and not name else "")
        case CronFieldsTrigger(fields, _):
            return describe_fields(values_of(fields)) + told
        case OneTimeTrigger(moment):
            return describe_once(moment.astimezone(zone(timezone))) + (told or " UTC")
    assert isinstance(trigger, IntervalTrigger)
    return describe_interval(trigger.seconds)


def read_local(given: str | datetime, timezone: str, field: str = "scheduled_time") -> datetime:
    """The instant of a date and time, in UTC; one without offset is read in `timezone`.

    A local time that the clock skips means the first instant after the gap; one that occurs twice means the first pass.
    Text is ISO 8601. Raises InvalidInput for `field`, or for `timezone`.
    """
    moment = _parsed(given, field)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else instant_of(moment, zone(timezone))
    except OverflowError:
        raise InvalidInput.of(field, "beyond the years 1 to 9999") from None


def _faults_of_choice(schedule_type: str, given: list[str]) -> list[Fault]:
    """What is wrong with which columns are filled: of the schedule type's own exactly one is needed, and no other."""
    if schedule_type not in SCHEDULE_TYPES:
        return [Fault("schedule_type", f"needs to be one of {', '.join(SCHEDULE_TYPES)}")]
    own = SCHEDULE_TYPES[schedule_type]
    stray = f"belongs to no {schedule_type} schedule; leave it out"
    faults = [Fault(column, stray) for column in given if column not in own]
    if sum(column in own for column in given) != 1:
        faults.append(Fault(own[0], f"{'exactly one of ' * (len(own) > 1)}{' and '.join(own)} is needed"))
    return faults


def _window(
    starts_at: datetime | None, ends_at: datetime | None, timezone: str
) -> tuple[datetime | None, datetime | None]:
    start = None if starts_at is None else read_local(starts_at, timezone, "starts_at")
    end = None if ends_at is None else read_local(ends_at, timezone, "ends_at")
    if start is not None and end is not None and end < start:
        raise InvalidInput.of("ends_at", "lies before starts_at: nothing would ever run")
    return start, end


def _cron(expression: str, timezone: str, slot_key: str) -> CronTrigger:
    text = checked(expression)
    key = slot_key if uses_slots(text) else ""
    _try_out(calendar_of(text, key), zone(timezone))
    return CronTrigger(text, timezone, key)


@lru_cache(maxsize=4096)
def _try_out(calendar: WallCalendar, place: ZoneInfo) -> None:
    """A rule is taken only if it names a date: 31 February is well written, and never comes."""
    if next_instant(calendar, place, TRIED_FROM) is None:
        raise InvalidInput.of("cron_expression", "no date in fifty years matches; check day, month and weekday")


def _cron_fields(texts: FieldTexts, timezone: str) -> CronFieldsTrigger:
    # Tried from the start of all years: one whose years are over is not wrong, but completed.
    if fields_calendar_of(texts).at_or_after(LOCAL_START) is None:
        raise InvalidInput.of("cron_fields", "no date ever matches; check the day, the month, the week and the year")
    return CronFieldsTrigger(texts, timezone)


def _interval(seconds: int, starts_at: datetime | None, created_at: datetime) -> IntervalTrigger:
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise InvalidInput.of("interval_seconds", f"a whole number is needed, not a {type(seconds).__name__}")
    if not 1 <= seconds <= LONGEST_INTERVAL_SECONDS:
        raise InvalidInput.of("interval_seconds", f"needs to be from 1 to {LONGEST_INTERVAL_SECONDS} (a hundred years)")
    if starts_at is not None:
        return IntervalTrigger(seconds, starts_at)
    if CALENDAR_END - created_at < timedelta(seconds=seconds):
        raise InvalidInput.of("interval_seconds", "the first occurrence would lie beyond the year 9999")
    return IntervalTrigger(seconds, created_at + timedelta(seconds=seconds))


def _parsed(given: object, field: str) -> datetime:
    if isinstance(given, datetime):
        return given
    try:
        if isinstance(given, str) and given.isascii():
            return datetime.fromisoformat(given.strip())
    except ValueError:
        pass
    raise InvalidInput.of(field, "a date and time is needed, such as 2030-01-31T09:00:00 or 2030-01-31T09:00:00Z")
