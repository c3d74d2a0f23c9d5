"""/v1/tasks, /v1/workers, /v1/stats: what can be run, who runs it, and how things stand."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.store.monitoring import list_tasks, list_workers, stats
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.wire.monitoring import DueRouteView, StatsView, TaskList, TaskView, WorkerList, WorkerView


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
        description=(
            "Those that no live worker offers any more too: `live_workers` is 0 then, and what needs them waits."
        ),
        tag="monitoring",
        answers={200: TaskList},
    ),
    route(
        "GET",
        "/v1/workers",
        workers,
        scope=Scope.ADMIN,
        summary="The workers alive, the newest first",
        description=(
            "With what each offers, and whether its lease holds. `include_ended` adds those that stopped or died."
        ),
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
        description="Counted now, of what the key may see; `executions` counts those scheduled in the last `hours`.",
        tag="monitoring",
        query=StatsQuery,
        answers={200: StatsView},
    ),
)
