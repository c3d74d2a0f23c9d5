"""Schedules, what is done to them, and their next occurrences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from rowcall.domain.fields import ScheduleFields

from .base import Body, Json, View


class ScheduleCreation(ScheduleFields):
    """A new schedule: what to run, and one rule that says when."""

    model_config = ConfigDict(json_schema_extra={"required": ["task_type"]})


class ScheduleView(View):
    """A schedule."""

    schedule_id: int
    client_id: str
    name: str
    description: str | None
    task_type: str
    capability_required: str | None
    input_data: Json
    priority: int
    labels: Json
    schedule_type: str
    cron_expression: str | None
    cron_fields: Json
    interval_seconds: int | None
    scheduled_time: datetime | None
    timezone: str
    trigger_description: str | None = Field(description="The trigger in plain English; null for one that is invalid.")
    starts_at: datetime | None
    ends_at: datetime | None
    jitter_seconds: int
    status: str
    status_reason: str | None
    next_occurrence_at: datetime | None
    next_run_at: datetime | None = Field(description="The next occurrence plus its jitter: the moment to act.")
    last_run_at: datetime | None
    last_execution_id: int | None
    last_status: str | None
    total_runs: int
    successful_runs: int
    failed_runs: int
    max_executions: int | None
    grace_period_seconds: int
    coalesce: str
    catch_up_limit: int
    overlap_policy: str
    max_instances: int
    timeout_seconds: float
    max_retries: int
    retry_backoff_seconds: float
    callback_url: str | None
    callback_events: list[str] | None = Field(description="The statuses that are told; null for all.")
    is_static: bool
    source: str
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None
    version: int


class ScheduleList(View):
    """A page of schedules, in order of id."""

    schedules: list[ScheduleView]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last.")


class Pause(Body):
    """Why a schedule is paused."""

    reason: Annotated[str, Field(max_length=500)] | None = Field(None, description="Told wherever the pause is seen.")


class Upcoming(View):
    """The next occurrences. Empty unless the schedule is ACTIVE."""

    schedule_id: int
    status: str
    timezone: str
    upcoming: list[datetime]
