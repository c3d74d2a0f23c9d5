"""Schedules: their words, and the record that planning works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from .triggers import Trigger, trigger_of


class ScheduleStatus(StrEnum):
    """Where a schedule stands. Only ACTIVE ones are due."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    DISABLED = "DISABLED"
    INVALID = "INVALID"


class ScheduleType(StrEnum):
    """What kind of trigger yields the occurrences."""

    CRON = "cron"
    INTERVAL = "interval"
    ONE_TIME = "one_time"


class Coalesce(StrEnum):
    """What becomes of several late occurrences: one run of the latest, or one run each."""

    LATEST = "latest"
    ALL = "all"


class OverlapPolicy(StrEnum):
    """What happens when an occurrence is due and as many executions as may be are still open."""

    SKIP = "skip"
    QUEUE = "queue"
    ALLOW = "allow"
    CANCEL_RUNNING = "cancel_running"


GONE = "gone: no worker of % declares it any more"
"""What the reason of a static schedule whose code is gone is LIKE. One that people give ends with who they are."""


def gone_reason(source: str) -> str:
    """Why a static schedule is set aside whose code is gone."""
    return GONE.replace("%", repr(source))


def is_gone(schedule: Columns) -> bool:
    """Whether a schedule is set aside because its code is gone. One that people paused is not, whatever they say."""
    is_paused = schedule["is_static"] and schedule["status"] == ScheduleStatus.PAUSED
    return bool(is_paused and schedule["status_reason"] == gone_reason(schedule["source"]))


def route_of(task_type: str, capability: str | None) -> str:
    """What a replica must offer to run this: ``task_type``, or ``task_type@capability``."""
    return task_type if capability is None else f"{task_type}@{capability}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as planning sees it: its trigger, its policies, and where its chain of answers stands."""

    schedule_id: int
    trigger: Trigger
    created_at: datetime
    starts_at: datetime | None = None
    jitter_seconds: int = 0
    grace: timedelta = timedelta(seconds=900)
    coalesce: Coalesce = Coalesce.LATEST
    catch_up_limit: int = 100
    overlap_policy: OverlapPolicy = OverlapPolicy.SKIP
    max_instances: int = 1
    max_executions: int | None = None
    scheduled_runs: int = 0
    last_occurrence_at: datetime | None = None
    next_occurrence_at: datetime | None = None
    next_run_at: datetime | None = None


class Columns(Protocol):
    """A row of the database: its columns by name."""

    def __getitem__(self, name: str, /) -> Any: ...


def schedule_of(row: Columns, cron_fields: Mapping[str, object] | None) -> Schedule:
    """The Schedule of a database row with the columns of `schedules`; `cron_fields` is that column, parsed.

    Raises InvalidInput when the row's trigger can't be scheduled.
    """
    return Schedule(
        schedule_id=row["schedule_id"],
        trigger=trigger_of(
            schedule_type=row["schedule_type"],
            cron_expression=row["cron_expression"],
            cron_fields=cron_fields,
            interval_seconds=row["interval_seconds"],
            scheduled_time=row["scheduled_time"],
            timezone=row["timezone"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            created_at=row["created_at"],
            client_id=row["client_id"],
            name=row["name"],
        ),
        created_at=row["created_at"],
        starts_at=row["starts_at"],
        jitter_seconds=row["jitter_seconds"],
        grace=timedelta(seconds=row["grace_period_seconds"]),
        coalesce=Coalesce(row["coalesce"]),
        catch_up_limit=row["catch_up_limit"],
        overlap_policy=OverlapPolicy(row["overlap_policy"]),
        max_instances=row["max_instances"],
        max_executions=row["max_executions"],
        scheduled_runs=row["scheduled_runs"],
        last_occurrence_at=row["last_occurrence_at"],
        next_occurrence_at=row["next_occurrence_at"],
        next_run_at=row["next_run_at"],
    )
