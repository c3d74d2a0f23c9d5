"""/v1/schedules/{id}/backfill and /v1/backfills: a range of the past, tried out, run, watched and cancelled."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

import structlog
from pydantic import Field
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.domain.errors import Fault, InvalidInput, NotFound
from rowcall.domain.triggers import read_local
from rowcall.store.backfills import (
    BackfillRow,
    Range,
    Request,
    cancel_backfill,
    count_already_answered,
    find_backfill,
    list_backfills,
    plan_backfill,
    start_backfill,
)
from rowcall.store.schedules import LARGEST_ID, ScheduleRow, lock_schedule
from rowcall.webapi.pages import IdCursor, decode, encode, link_to_next
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, check_scheduler, reply, route
from rowcall.wire.backfills import Backfill, BackfillList, BackfillView, DryRun
from rowcall.wire.base import NoFields

from .etags import IF_MATCH, check_match
from .references import Reference, found

log = structlog.get_logger("rowcall.webapi")


class BackfillsQuery(Query):
    """Which backfills to list."""

    schedule_id: Annotated[int, Field(ge=0, le=LARGEST_ID)] | None = None
    status: list[Literal["RUNNING", "DONE", "CANCELLED"]] = Field([], description="May be repeated.")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: IdCursor | None = Field(None, description="`next_cursor` of the page before.")


async def start(call: Call[Reference, Backfill]) -> Response:
    """Start a backfill, or try one out."""
    database, body = call.database, call.body
    if not body.dry_run:
        check_scheduler(call.services)
    schedule = await found(call)
    since, until = moments(body.since, body.until, schedule["timezone"])
    planned = await plan_backfill(database, schedule, since, until)
    if body.dry_run:
        return reply(dry_run_view(planned, await count_already_answered(database, planned)))
    request = Request(
        rate_per_minute=body.rate_per_minute,
        max_concurrent=body.max_concurrent,
        requested_by=call.who,
        reason=(body.reason or "").strip() or None,
    )
    async with database.transaction() as transaction:
        locked: ScheduleRow = await lock_schedule(transaction, planned.schedule_id)
        check_match(call.request, locked)
        backfill = await start_backfill(transaction, locked, planned, request)
    _tell("backfill_start", backfill)
    return reply(backfill_view(backfill), 201, {"Location": f"/v1/backfills/{backfill['backfill_id']}"})


def moments(since: Any, until: Any, timezone: str) -> tuple[datetime, datetime]:
    """Both ends of a range, read in a zone. Raises InvalidInput with every fault."""
    read: list[datetime] = []
    faults: list[Fault] = []
    for field, given in (("since", since), ("until", until)):
        try:
            read.append(read_local(given, timezone, field))
        except InvalidInput as invalid:
            faults += invalid.faults
    if faults:
        raise InvalidInput(faults)
    return read[0], read[1]


async def list_all(call: Call[BackfillsQuery, None]) -> Response:
    """List backfills."""
    query = call.query
    before = None if query.cursor is None else decode(query.cursor, 1)[0]
    rows = await list_backfills(
        call.database, before, query.limit + 1, schedule_id=query.schedule_id, statuses=query.status
    )
    page = rows[: query.limit]
    cursor = encode(page[-1]["backfill_id"]) if len(rows) > len(page) else None
    answer = BackfillList(backfills=[backfill_view(row) for row in page], next_cursor=cursor)
    return reply(answer, headers=link_to_next(call.request, cursor))


async def read(call: Call[Query, None]) -> Response:
    """Read a backfill."""
    return reply(backfill_view(await find_backfill(call.database, _id(call))))


async def cancel(call: Call[Query, NoFields]) -> Response:
    """Cancel a backfill."""
    backfill = await cancel_backfill(call.database, _id(call), call.who)
    _tell("backfill_cancel", backfill)
    return reply(backfill_view(backfill))


def backfill_view(backfill: BackfillRow) -> BackfillView:
    """What is shown of a backfill."""
    return BackfillView.model_validate(backfill)


def dry_run_view(planned: Range, already_answered: int) -> DryRun:
    """What is told of a backfill that is only tried out."""
    return DryRun(
        schedule_id=planned.schedule_id,
        since=planned.since,
        until=planned.until,
        total=len(planned.occurrences),
        first=planned.occurrences[0] if planned.occurrences else None,
        last=planned.occurrences[-1] if planned.occurrences else None,
        already_answered=already_answered,
    )


def _id(call: Call[Any, Any]) -> int:
    text = call.named("id")
    if re.fullmatch("[0-9]{1,19}", text) is None:
        raise NotFound(f"there is no backfill {text[:40]!r}; ids are whole numbers")
    return int(text)


def _tell(event: str, backfill: BackfillRow) -> None:
    log.info(event, backfill_id=backfill["backfill_id"], schedule_id=backfill["schedule_id"], total=backfill["total"])


OPERATIONS = (
    route(
        "POST",
        "/v1/schedules/{id}/backfill",
        start,
        scope=Scope.RUN,
        summary="Run what a schedule missed or skipped in a range of the past (201), or only tell what that is (200)",
        description=(
            "What ran is left alone. Workers do it at the lowest priority, at the pace that is asked for. Up "
            "to 100,000 occurrences at once."
        ),
        tag="backfills",
        query=Reference,
        body=Backfill,
        answers={200: DryRun, 201: BackfillView},
        problems=(404, 409, 412),
        headers=IF_MATCH,
    ),
    route(
        "GET",
        "/v1/backfills",
        list_all,
        scope=Scope.READ,
        summary="The backfills of all schedules, the newest first",
        description="Those of schedules that the key may see.",
        tag="backfills",
        query=BackfillsQuery,
        answers={200: BackfillList},
    ),
    route(
        "GET",
        "/v1/backfills/{id}",
        read,
        scope=Scope.READ,
        summary="Read a backfill, and how far it is",
        description="The counts add up: `enqueued` is what succeeded, failed, was cancelled or is open.",
        tag="backfills",
        answers={200: BackfillView},
        problems=(404,),
    ),
    route(
        "POST",
        "/v1/backfills/{id}/cancel",
        cancel,
        scope=Scope.RUN,
        summary="Cancel a backfill: what is queued of it is cancelled, what runs of it runs to its end",
        description="One that is over is a 409.",
        tag="backfills",
        body=NoFields,
        body_required=False,
        answers={200: BackfillView},
        problems=(404, 409),
    ),
)
