"""/v1/executions: the ledger, of all schedules or of one, and the end of an execution."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import structlog
from pydantic import Field
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.domain.errors import NotFound
from rowcall.store.executions import (
    ExecutionFilter,
    ExecutionRow,
    Position,
    cancel_execution,
    find_execution,
    list_executions,
)
from rowcall.store.releasing import release_waiting
from rowcall.store.schedules import LARGEST_ID
from rowcall.webapi.pages import PositionCursor, decode_position, encode_position, link_to_next
from rowcall.webapi.queries import Moment, Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.webapi.views import execution_view
from rowcall.wire.base import NoFields
from rowcall.wire.executions import ExecutionList, ExecutionView

from .references import Reference, found

log = structlog.get_logger("rowcall.webapi")

Status = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "LOST", "SKIPPED", "MISSED"]


class PageQuery(Query):
    """Which executions to list."""

    status: list[Status] = Field([], description="May be repeated.")
    trigger: Literal["schedule", "manual", "backfill"] | None = None
    since: Moment | None = Field(None, description="Scheduled at this moment or later.")
    until: Moment | None = Field(None, description="Scheduled before this moment.")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: PositionCursor | None = Field(None, description="`next_cursor` of the page before.")


class ScheduleExecutionsQuery(PageQuery, Reference):
    """Which executions of a schedule to list."""


class ExecutionQuery(PageQuery):
    """Which executions to list, of all schedules."""

    schedule_id: Annotated[int, Field(ge=0, le=LARGEST_ID)] | None = None
    task_type: str | None = None
    client_id: str | None = None


async def list_all(call: Call[ExecutionQuery, None]) -> Response:
    """List executions."""
    query = call.query
    wanted = ExecutionFilter(
        schedule_id=query.schedule_id,
        statuses=query.status,
        task_type=query.task_type,
        trigger=query.trigger,
        client_id=query.client_id,
        since=query.since,
        until=query.until,
    )
    return await _page(call, wanted)


async def list_of_schedule(call: Call[ScheduleExecutionsQuery, None]) -> Response:
    """List the executions of a schedule."""
    schedule = await found(call)
    query = call.query
    wanted = ExecutionFilter(
        schedule_id=schedule["schedule_id"],
        statuses=query.status,
        trigger=query.trigger,
        since=query.since,
        until=query.until,
    )
    return await _page(call, wanted)


async def read(call: Call[Query, None]) -> Response:
    """Read an execution."""
    return reply(execution_view(await find_execution(call.database, _id(call))))


async def cancel(call: Call[Query, NoFields]) -> Response:
    """Cancel an execution."""
    execution = await cancel_execution(call.database, _id(call), call.who)
    # Whoever waited behind it goes on, also where this was a part of a larger transaction.
    call.afterwards.append(lambda database: release_waiting(database, [execution["schedule_id"]]))
    log.info("execution_cancel", execution_id=execution["execution_id"], schedule_id=execution["schedule_id"])
    return reply(execution_view(execution), 202 if execution["status"] == "RUNNING" else 200)


async def _page(call: Call[Any, None], wanted: ExecutionFilter) -> Response:
    query: PageQuery = call.query
    before = None if query.cursor is None else decode_position(query.cursor)
    rows = await list_executions(call.database, wanted, before, query.limit + 1)
    page = rows[: query.limit]
    cursor = encode_position(_position(page[-1])) if len(rows) > len(page) else None
    answer = ExecutionList(executions=[execution_view(row) for row in page], next_cursor=cursor)
    return reply(answer, headers=link_to_next(call.request, cursor))


def _position(execution: ExecutionRow) -> Position:
    return Position(execution["scheduled_for"], execution["execution_id"], execution["trigger"] == "manual")


def _id(call: Call[Any, Any]) -> int:
    text = call.named("id")
    if re.fullmatch("[0-9]{1,19}", text) is None:
        raise NotFound(f"there is no execution {text[:40]!r}; ids are whole numbers")
    return int(text)


OPERATIONS = (
    route(
        "GET",
        "/v1/schedules/{id}/executions",
        list_of_schedule,
        scope=Scope.READ,
        summary="The executions of a schedule, the latest occurrence first",
        description="Every occurrence has exactly one row here: it ran, or the row says why it did not.",
        tag="executions",
        query=ScheduleExecutionsQuery,
        answers={200: ExecutionList},
        problems=(404,),
    ),
    route(
        "GET",
        "/v1/executions",
        list_all,
        scope=Scope.READ,
        summary="The executions of all schedules, the newest first",
        description="As `GET /v1/schedules/{id}/executions`, for all schedules that the key may see.",
        tag="executions",
        query=ExecutionQuery,
        answers={200: ExecutionList},
    ),
    route(
        "GET",
        "/v1/executions/{id}",
        read,
        scope=Scope.READ,
        summary="Read an execution",
        description="What retention has dropped is not found.",
        tag="executions",
        answers={200: ExecutionView},
        problems=(404,),
    ),
    route(
        "POST",
        "/v1/executions/{id}/cancel",
        cancel,
        scope=Scope.RUN,
        summary="Cancel an execution: at once if it is queued, else by asking its worker (202)",
        description="The end of a running one is seen to by its worker. One that has ended is a 409.",
        tag="executions",
        body=NoFields,
        body_required=False,
        answers={200: ExecutionView, 202: ExecutionView},
        problems=(404, 409),
    ),
)
