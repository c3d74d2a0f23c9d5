"""Executions, and the request for one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from rowcall.domain.fields import InputData

from .base import Body, Json, View


class Execute(Body):
    """A run now."""

    input_data: InputData | None = Field(
        None,
        description=(
            "Laid over the schedule's input, field by field; never the `url`, `headers` or `method` of `http`, or the "
            "`name` of `sql` and `shell`."
        ),
    )
    wait: Annotated[bool, Field(description="Line up behind what is open, where `max_instances` leaves no room.")] = (
        True
    )


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
    input_data: Json
    status: str
    attempt: int
    fence: int
    worker_id: int | None
    cancel_requested_at: datetime | None
    executed_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    result_data: Json
    error_message: str | None
    errors: Json = Field(description="One entry for each attempt that failed.")
    reason: str | None = Field(description="Why it did not run.")
    backfill_id: int | None = Field(description="The backfill that had it run.")
    available_at: datetime | None
    created_at: datetime


class ExecutionList(View):
    """A page of executions, the newest first."""

    executions: list[ExecutionView]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last.")
