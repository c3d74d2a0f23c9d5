"""The fields of a schedule as keyword arguments. What each means, and what is right for it, the API says and judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

Moment = datetime | str
"""A moment without an offset is read in the schedule's zone."""


class Trigger(TypedDict, total=False):
    """When: one of `cron_expression`, `cron_fields`, an interval and `scheduled_time`."""

    schedule_type: Literal["cron", "interval", "one_time"] | None
    cron_expression: str | None
    cron_fields: Mapping[str, str | int] | None
    interval_seconds: int | None
    weeks: int | None
    days: int | None
    hours: int | None
    minutes: int | None
    seconds: int | None
    scheduled_time: Moment | None
    timezone: str | None
    starts_at: Moment | None
    ends_at: Moment | None


class Policies(Trigger, total=False):
    """Everything of a schedule but whose it is, and its name. None puts a field back to its default."""

    description: str | None
    task_type: str | None
    capability_required: str | None
    input_data: Mapping[str, Any] | None
    priority: int | None
    labels: Mapping[str, str] | None
    jitter_seconds: int | None
    max_executions: int | None
    grace_period_seconds: int | None
    coalesce: Literal["latest", "all"] | None
    catch_up_limit: int | None
    overlap_policy: Literal["skip", "queue", "allow", "cancel_running"] | None
    max_instances: int | None
    timeout_seconds: float | None
    max_retries: int | None
    retry_backoff_seconds: float | None
    callback_url: str | None
    callback_events: Sequence[str] | None
    allow_unknown_task: bool | None


class Changes(Policies, total=False):
    """What of a schedule can be changed."""

    name: str | None


class Fields(Changes, total=False):
    """A new schedule. `client_id` is the key's where left out."""

    client_id: str | None
