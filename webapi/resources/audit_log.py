"""/v1/audit-log: who changed what, through whichever door."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.store.audit_log import AuditFilter, list_audit_log
from rowcall.store.schedules import LARGEST_ID
from rowcall.webapi.pages import IdCursor, decode, encode, link_to_next
from rowcall.webapi.queries import Moment, Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.wire.audit_log import AuditEntryView, AuditLog


class AuditQuery(Query):
    """Which changes to list."""

    schedule_id: Annotated[int, Field(ge=0, le=LARGEST_ID)] | None = None
    client_id: str | None = None
    who: str | None = Field(None, description="How the name begins: `key ab12cd34`, `role billing`.")
    action: str | None = Field(None, description="`schedule.changed`, or `schedule` for all that happens to schedules.")
    since: Moment | None = Field(None, description="Changed at this moment or later.")
    until: Moment | None = Field(None, description="Changed before this moment.")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: IdCursor | None = Field(None, description="`next_cursor` of the page before.")


async def list_all(call: Call[AuditQuery, None]) -> Response:
    """List changes."""
    query = call.query
    wanted = AuditFilter(**query.model_dump(exclude={"limit", "cursor"}))
    before = None if query.cursor is None else decode(query.cursor, 1)[0]
    rows = await list_audit_log(call.database, wanted, before, query.limit + 1)
    page = rows[: query.limit]
    cursor = encode(page[-1]["entry_id"]) if len(rows) > len(page) else None
    answer = AuditLog(entries=[AuditEntryView.model_validate(row) for row in page], next_cursor=cursor)
    return reply(answer, headers=link_to_next(call.request, cursor))


OPERATIONS = (
    route(
        "GET",
        "/v1/audit-log",
        list_all,
        scope=Scope.ADMIN,
        summary="Who changed what, before and after, through whichever door; the newest first",
        description="Changes by requests, commands, code and plain SQL. What may be secret is hidden.",
        tag="monitoring",
        query=AuditQuery,
        answers={200: AuditLog},
    ),
)
