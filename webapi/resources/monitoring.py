"""/v1/tasks, /v1/workers, /v1/stats: what can be run, who runs it, and how things stand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.store.monitoring import list_tasks, list_workers, stats
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.webapi.views import View


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


class WorkersQuery(Query):
    """Which workers to list."""

    include_ended: Annotated[bool, Field(description="Those that stopped or died, too.")] = False


class StatsQuery(Query):
    """How far to count back."""

    hours: Annotated[int, Field(ge=1, le=744)] = 24


async def tasks(call: Call[Query, None]) -> Response:
    """List tasks."""
    rows = await list_tasks(call.database)
    return reply(TaskList(tasks=[TaskView.model_validate(dict(row)) for row in rows]))


async def workers(call: Call[WorkersQuery, None]) -> Response:
    """List workers."""
    rows = await list_workers(call.database, include_ended=call.query.include_ended)
    return reply(WorkerList(workers=[WorkerView.model_validate(dict(row)) for row in rows]))


async def standing(call: Call[StatsQuery, None]) -> Response:
    """Read how things stand."""
    found = await stats(call.database, call.query.hours)
    return reply(
        StatsView(
            now=found.now,
            schedules=dict(found.schedules),
            queued=found.queued,
            waiting=found.waiting,
            running=found.running,
            workers=found.workers,
            slots=found.slots,
            oldest_due_seconds=found.due[0].due_for_seconds if found.due else 0.0,
            due=[DueRouteView.model_validate(route, from_attributes=True) for route in found.due],
            unroutable=[route.route for route in found.due if route.live_workers == 0],
            executions=dict(found.executions),
        )
    )


OPERATIONS = (
    route(
        "GET",
        "/v1/tasks",
        tasks,
        scope=Scope.READ,
        summary="Every task type that was ever offered",
        tag="monitoring",
        answers={200: TaskList},
    ),
    route(
        "GET",
        "/v1/workers",
        workers,
        scope=Scope.ADMIN,
        summary="The workers alive, the newest first",
        tag="monitoring",
        query=WorkersQuery,
        answers={200: WorkerList},
    ),
    route(
        "GET",
        "/v1/stats",
        standing,
        scope=Scope.READ,
        summary="How things stand: what is due, queued and running, and how runs ended",
        tag="monitoring",
        query=StatsQuery,
        answers={200: StatsView},
    ),
)
