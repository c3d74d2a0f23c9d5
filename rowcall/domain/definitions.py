"""A schedule's definition: what REST, a file or code gives becomes the columns of `schedules`, or a list of faults.

`define` judges everything at once and never stops at the first fault. `merged` is how a change is made: the definition
that is there, with the fields that are given laid over it, is judged as a whole again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from .documents import read_document
from .errors import Fault, InvalidInput
from .faults import did_you_mean, shown
from .fields import ScheduleFields
from .timing import FAMILIES, TIMING_COLUMNS, Timing, families_given, pace_fault, read_timing
from .triggers import Trigger, next_occurrence

MOST_NAMED = 20
IDENTITY = ("client_id", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a definition takes where it says nothing, and the pace that the installation allows."""

    timezone: str = "UTC"
    priority: int = 5
    jitter_seconds: int = 0
    grace_period_seconds: int = 900
    coalesce: str = "latest"
    catch_up_limit: int = 100
    overlap_policy: str = "skip"
    max_instances: int = 1
    timeout_seconds: float = 3600.0
    max_retries: int = 3
    retry_backoff_seconds: float = 10.0
    min_interval_seconds: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition(Timing):
    """Everything that defines a schedule, as its columns hold it. `name` None: the database makes one up."""

    client_id: str = "default"
    name: str | None = None
    description: str | None = None
    task_type: str
    capability_required: str | None = None
    input_data: Mapping[str, Any]
    priority: int
    labels: Mapping[str, Any]
    jitter_seconds: int
    max_executions: int | None = None
    grace_period_seconds: int
    coalesce: str
    catch_up_limit: int
    overlap_policy: str
    max_instances: int
    timeout_seconds: float
    max_retries: int
    retry_backoff_seconds: float
    callback_url: str | None = None
    callback_events: Sequence[str] | None = None

    def columns(self) -> dict[str, Any]:
        """The values by column."""
        return {column: getattr(self, column) for column in COLUMNS}

    def timing(self) -> Timing:
        """Only the part that says when, to compare."""
        return Timing(**{column: getattr(self, column) for column in TIMING_COLUMNS})


def define(
    given: Mapping[str, Any],
    *,
    now: datetime,
    defaults: Defaults | None = None,
    known_tasks: Collection[str] | None = None,
    previous: Definition | None = None,
    created_at: datetime | None = None,
) -> Definition:
    """The definition that these fields make. Raises InvalidInput with every fault in them.

    `known_tasks` None leaves the task type unchecked. What `previous` had already need not lie in the future, nor be
    known, once more; `created_at` is when its schedule was created, from which intervals count: `now` for a new one.
    """
    defaults = defaults or Defaults()
    read, faults = _read(given)
    unusable = {fault.field.partition(".")[0] for fault in faults}
    faults += _task_faults(read, unusable, known_tasks, previous)
    faults += _overlap_faults(read, unusable, defaults)
    timing, trigger, timing_faults = read_timing(
        read,
        unusable,
        default_timezone=defaults.timezone,
        created_at=created_at or now,
        client_id=read.client_id or "default",
        name=read.name or "",
    )
    faults += timing_faults
    if timing is not None and trigger is not None and (previous is None or previous.timing() != timing):
        faults += _prospect_faults(timing, trigger, now, defaults)
    if faults or timing is None:
        raise InvalidInput(list(dict.fromkeys(faults)))
    return _complete(read, timing, defaults)


def merged(definition: Definition, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a definition with changes laid over them: what is given replaces the old value as a whole.

    null is "as if left out": back to the default, or, of client and name, no change. A rule of another kind takes the
    place of the old one.
    """
    changes = {name: value for name, value in changes.items() if value is not None or name not in IDENTITY}
    base = {name: value for name, value in definition.columns().items() if value is not None}
    if families_given(changes):
        for column, (_, names) in FAMILIES.items():
            base = {name: value for name, value in base.items() if name not in (column, *names)}
        base.pop("schedule_type")
    return {**base, **changes}


def _read(given: Mapping[str, Any]) -> tuple[ScheduleFields, list[Fault]]:
    """The fields that can be used, and the faults of the others. null counts as left out."""
    known = ScheduleFields.model_fields
    stated = {name: value for name, value in given.items() if value is not None or name not in known}
    read, faults = read_document(ScheduleFields, stated)
    assert read is not None  # no field of it must be given
    return read, faults


def _task_faults(
    read: ScheduleFields, unusable: set[str], known_tasks: Collection[str] | None, previous: Definition | None
) -> list[Fault]:
    if "task_type" in unusable:
        return []
    if read.task_type is None:
        return [Fault("task_type", "is needed: which task to run")]
    kept = previous is not None and previous.task_type == read.task_type
    if known_tasks is None or kept or read.allow_unknown_task or read.task_type in known_tasks:
        return []
    return [Fault("task_type", _unknown_task(read.task_type, known_tasks))]


def _unknown_task(task_type: str, known_tasks: Collection[str]) -> str:
    told = f"no worker has offered {shown(task_type)} so far"
    if not known_tasks:
        return f"{told}, nor any other task; start a worker, or say allow_unknown_task"
    near = did_you_mean(task_type, known_tasks)
    names = sorted(known_tasks)
    listed = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
    return f"{told}{near or '.'} Known are {listed}. To go ahead, say allow_unknown_task"


def _overlap_faults(read: ScheduleFields, unusable: set[str], defaults: Defaults) -> list[Fault]:
    if unusable & {"overlap_policy", "max_instances"}:
        return []
    policy = read.overlap_policy or defaults.overlap_policy
    instances = read.max_instances or defaults.max_instances
    if policy == "allow" and instances < 2:
        return [Fault("max_instances", f"must be above 1 with overlap_policy allow, not {instances}")]
    return []


def _prospect_faults(timing: Timing, trigger: Trigger, now: datetime, defaults: Defaults) -> list[Fault]:
    """What is wrong with the occurrences of a rule that is new."""
    pace = pace_fault(timing, trigger, now, defaults.min_interval_seconds)
    if pace is not None:
        return [pace]
    if next_occurrence(trigger, now) is not None:
        return []
    if timing.scheduled_time is not None and timing.scheduled_time <= now:
        return [Fault("scheduled_time", f"must lie in the future; it is {now:%Y-%m-%dT%H:%M:%SZ} now")]
    field = "ends_at" if timing.ends_at is not None else timing.family
    return [Fault(field, "no occurrence lies ahead: the schedule would never run")]


def _complete(read: ScheduleFields, timing: Timing, defaults: Defaults) -> Definition:
    """The definition, with defaults where nothing was said."""
    said = {name: value for name in DEFINING if (value := getattr(read, name)) is not None}
    usual = {name: getattr(defaults, name) for name in DEFAULTED}
    when = {column: getattr(timing, column) for column in TIMING_COLUMNS}
    return Definition(**{"input_data": {}, "labels": {}, **usual, **said, **when})


COLUMNS = tuple(field.name for field in fields(Definition))
DEFINING = tuple(column for column in COLUMNS if column not in TIMING_COLUMNS)
DEFAULTED = tuple(name for name in DEFINING if name in {field.name for field in fields(Defaults)})
