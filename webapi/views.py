"""From rows to what is shown of schedules and executions. A field has the name of its column; moments are UTC."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache

from rowcall.domain.errors import InvalidInput
from rowcall.domain.triggers import describe_trigger
from rowcall.store.executions import ExecutionRow
from rowcall.store.schedules import ScheduleRow
from rowcall.wire.executions import ExecutionView
from rowcall.wire.schedules import ScheduleView


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
