"""Static schedules: those that stand in the code, above the task they run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

from rowcall.domain.errors import InvalidInput

Interval = float | timedelta | Mapping[str, float]

_UNITS = ("weeks", "days", "hours", "minutes", "seconds")


class Policies(TypedDict, total=False):
    """What a static schedule may say besides its timing; each as the column of that name, left out: the default."""

    client_id: str
    description: str
    capability_required: str
    priority: int
    labels: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    jitter_seconds: int
    max_executions: int
    grace_period_seconds: int
    coalesce: str
    catch_up_limit: int
    overlap_policy: str
    max_instances: int
    timeout_seconds: float
    max_retries: int
    retry_backoff_seconds: float
    callback_url: str
    callback_events: list[str]


@dataclass(frozen=True)
class StaticSchedule:
    """A schedule declared in code. Its identity is `name` within `source`.

    `fields` are those of a schedule's definition, under the names of REST and SQL, with only what was given: what is
    missing takes the installation's default.
    """

    source: str
    name: str
    task_type: str
    fields: Mapping[str, Any]


def timing(
    *,
    cron: str | None,
    cron_fields: Mapping[str, Any] | None,
    interval: Interval | None,
    at: datetime | None,
) -> dict[str, Any]:
    """The definition's fields for exactly one of the four ways to say when; raises InvalidInput otherwise."""
    given = {"cron": cron, "cron_fields": cron_fields, "interval": interval, "at": at}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        found = " and ".join(named) or "none"
        raise InvalidInput.of("schedule", f"give exactly one of cron, cron_fields, interval and at; found {found}")
    if cron is not None:
        return {"schedule_type": "cron", "cron_expression": cron}
    if cron_fields is not None:
        return {"schedule_type": "cron", "cron_fields": dict(cron_fields)}
    if interval is not None:
        return {"schedule_type": "interval", "interval_seconds": interval_seconds(interval)}
    return {"schedule_type": "one_time", "scheduled_time": at}


def interval_seconds(interval: Interval) -> int:
    """An interval in seconds; raises InvalidInput unless it is a whole number of them, above 0."""
    if isinstance(interval, Mapping):
        interval = _summed(interval)
    seconds = interval.total_seconds() if isinstance(interval, timedelta) else float(interval)
    if not (seconds > 0 and seconds.is_integer()):
        raise InvalidInput.of("interval", f"{seconds:g} seconds: an interval is a whole number of seconds above 0")
    return int(seconds)


def check_schedule_name(name: str) -> str:
    """Return a name that a schedule can have: no slash, not all digits; raises InvalidInput for any other."""
    if not 1 <= len(name) <= 200 or "/" in name or re.fullmatch("[0-9]+", name):
        raise InvalidInput.of("name", f"{name[:220]!r} must be 1 to 200 characters, no slash, and not digits only")
    return name


def _summed(parts: Mapping[str, float]) -> timedelta:
    """{"hours": 1, "minutes": 30} as one span."""
    unknown = [name for name in parts if name not in _UNITS]
    if unknown:
        raise InvalidInput.of("interval", f"{', '.join(map(repr, unknown))}: the units are {', '.join(_UNITS)}")
    try:
        return timedelta(**parts)
    except (TypeError, OverflowError, ValueError) as fault:
        raise InvalidInput.of("interval", f"{dict(parts)!r} is no span of time: {fault}") from fault
