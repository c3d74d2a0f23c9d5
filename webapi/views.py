"""What is shown of schedules and executions. A field has the name of its column; moments are UTC."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rowcall.domain.errors import InvalidInput
from rowcall.domain.triggers import describe_trigger
from rowcall.store.executions import ExecutionRow
from rowcall.store.schedules import ScheduleRow


class View(BaseModel):
    """An answer. Rows written by SQL may hold what REST would refuse, so nothing is refused here."""

    model_config = ConfigDict(frozen=True, json_schema_mode="serialization")  # type: ignore[typeddict-unknown-key]  # of openapi-pydantic


class ScheduleView(View):
    """A schedule."""

    schedule_id: int
    client_id: str
    name: str
    description: str | None
    task_type: str
    capability_required: str | None
    input_data: Any
    priority: int
    labels: Any
    schedule_type: str
    cron_expression: str | None
    cron_fields: Any
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


class ExecutionView(View):
    """An execution."""

    execution_id: int
    schedule_id: int
    schedule_version: int
    trigger: str
    scheduled_for: datetime
    covers_after: datetime | None = Field(
        description="This row answers for every occurrence after this, up to `scheduled_for`."
    )
    task_type: str
    capability_required: str | None
    priority: int
    input_data: Any
    status: str
    attempt: int
    fence: int
    worker_id: int | None
    cancel_requested_at: datetime | None
    executed_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    result_data: Any
    error_message: str | None
    errors: Any = Field(description="One entry for each attempt that failed.")
    reason: str | None = Field(description="Why it did not run.")
    backfill_id: int | None = Field(description="The backfill that had it run.")
    available_at: datetime | None
    created_at: datetime


class ExecutionList(View):
    """A page of executions, the newest first."""

    executions: list[ExecutionView]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last.")


def schedule_view(schedule: ScheduleRow) -> ScheduleView:
    """What is shown of a schedule."""
    return ScheduleView.model_validate({**schedule, "trigger_description": described(schedule)})


def execution_view(execution: ExecutionRow) -> ExecutionView:
    """What is shown of an execution."""
    return ExecutionView.model_validate(execution)


def described(schedule: ScheduleRow) -> str | None:
    """The schedule's trigger in plain English, or None where it can't be scheduled."""
    cron_fields = schedule["cron_fields"]
    expression = schedule["cron_expression"]
    slotted = expression is not None and "H" in expression.upper()
    return _described(
        schedule["schedule_type"],
        expression,
        None if cron_fields is None else json.dumps(cron_fields, sort_keys=True),
        schedule["interval_seconds"],
        schedule["scheduled_time"],
        schedule["timezone"],
        # Only `H` depends on whose schedule it is; herds share everything else.
        (schedule["client_id"], schedule["name"]) if slotted else ("", ""),
    )


@lru_cache(maxsize=8192)
def _described(
    schedule_type: str,
    cron_expression: str | None,
    cron_fields: str | None,
    interval_seconds: int | None,
    scheduled_time: datetime | None,
    timezone: str,
    whose: tuple[str, str],
) -> str | None:
    try:
        return describe_trigger(
            schedule_type=schedule_type,
            cron_expression=cron_expression,
            cron_fields=None if cron_fields is None else json.loads(cron_fields),
            interval_seconds=interval_seconds,
            scheduled_time=scheduled_time,
            timezone=timezone,
            client_id=whose[0],
            name=whose[1],
        )
    except InvalidInput:
        return None
