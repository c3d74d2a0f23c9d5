"""What can be run, who runs it, and how things stand."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from .base import View


class TaskView(View):
    """A task type that some worker has offered."""

    task_type: str
    app: str | None
    description: str | None
    capabilities: list[str]
    isolation: str | None
    timeout_seconds: float | None
    first_offered_at: datetime
    last_offered_at: datetime
    live_workers: int = Field(description="How many live workers offer it now; 0 means that it can't run.")


class TaskList(View):
    """All tasks, by name."""

    tasks: list[TaskView]


class WorkerView(View):
    """A worker; its id is new at each start."""

    worker_id: int
    name: str
    host: str
    pid: int
    rowcall_version: str
    apps: list[str]
    routes: list[str]
    slots: int
    running: int
    lease_seconds: float
    status: str
    is_alive: bool = Field(description="Whether its lease holds.")
    started_at: datetime
    last_beat_at: datetime
    ended_at: datetime | None


class WorkerList(View):
    """Workers, the newest first."""

    workers: list[WorkerView]


class DueRouteView(View):
    """A route with something due."""

    route: str = Field(description="A task type, or task_type@capability.")
    due_since: datetime
    due_for_seconds: float
    live_workers: int


class StatsView(View):
    """How things stand."""

    now: datetime
    schedules: dict[str, int] = Field(description="How many stand in each status.")
    queued: int
    waiting: int = Field(description="Queued behind another execution of the same schedule.")
    running: int
    workers: int = Field(description="The workers alive.")
    slots: int = Field(description="How many executions these run at once.")
    oldest_due_seconds: float = Field(description="How long the oldest due run has been waiting; 0 if nothing is.")
    due: list[DueRouteView]
    unroutable: list[str] = Field(description="Routes with something due that no live worker offers.")
    executions: dict[str, int] = Field(description="Executions scheduled in the last `hours`, by status.")


class Health(View):
    """All is well."""

    status: Literal["alive", "ready"]
