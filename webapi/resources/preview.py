"""/v1/preview: what a rule means, in words and in its next occurrences, before anything is created."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.domain.definitions import Defaults
from rowcall.domain.documents import read_document
from rowcall.domain.errors import Fault, InvalidInput
from rowcall.domain.timing import era_fault
from rowcall.domain.triggers import read_local
from rowcall.domain.trying import try_out
from rowcall.store.schedules import known_tasks
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.wire.previewing import Preview, PreviewFields


async def preview(call: Call[Query, dict[str, Any]]) -> Response:
    """Try a rule out."""
    now, _ = await known_tasks(call.database)
    return reply(_preview(call.body, now, call.services.defaults, call.access.client_id))


def _preview(given: dict[str, Any], now: datetime, defaults: Defaults, default_client: str) -> Preview:
    read, faults = read_document(PreviewFields, {name: value for name, value in given.items() if value is not None})
    assert read is not None  # no field of it must be given
    after, after_faults = _read_after(read, defaults.timezone)
    tried = try_out(
        read,
        [*faults, *after_faults],
        client_id=read.client_id or default_client,
        name=read.name or "",
        defaults=defaults,
        now=now,
        after=after,
        count=read.count or 5,
    )
    return Preview(**asdict(tried))


def _read_after(read: PreviewFields, default_timezone: str) -> tuple[datetime | None, list[Fault]]:
    """The moment to look from, in the rule's zone; a fault of the zone itself is told with the rule."""
    if read.after is None:
        return None, []
    try:
        after = read_local(read.after, read.timezone or default_timezone, "after")
    except InvalidInput as invalid:
        return None, [fault for fault in invalid.faults if fault.field == "after"]
    fault = era_fault("after", after)
    return (after, []) if fault is None else (None, [fault])


OPERATIONS = (
    route(
        "POST",
        "/v1/preview",
        preview,
        scope=Scope.READ,
        summary="What a rule means: in words, and its next occurrences",
        description=(
            "Nothing is created. Faults are those that creating a schedule would tell of the rule; one with nothing "
            "ahead is none here."
        ),
        tag="preview",
        body=PreviewFields,
        body_unread=True,
        answers={200: Preview},
    ),
)
