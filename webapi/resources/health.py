"""/livez and /readyz: whether this process lives, and whether it can do its work.

`/livez` never touches the database: a database that is away must not get every replica restarted.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from starlette.responses import Response

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.migrations import check_schema
from rowcall.webapi.problems import Problem
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.webapi.views import View

PATIENCE_SECONDS = 1.0


class Health(View):
    """All is well."""

    status: Literal["alive", "ready"]


async def livez(_call: Call[Query, None]) -> Response:
    """Say that the event loop turns."""
    return reply(Health(status="alive"))


async def readyz(call: Call[Query, None]) -> Response:
    """Say whether the database answers, has the right schema, and this process is not stopping."""
    ready = call.services.ready
    if ready is not None and not ready():
        raise Problem(503, "this process is starting or stopping", "not-ready")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check_schema(call.database)
    except TimeoutError:
        raise StoreUnavailable(f"PostgreSQL did not answer within {PATIENCE_SECONDS:g} s") from None
    return reply(Health(status="ready"))


OPERATIONS = (
    route("GET", "/livez", livez, scope=None, summary="Whether the process lives", tag="health", answers={200: Health}),
    route(
        "GET", "/readyz", readyz, scope=None, summary="Whether it can do its work", tag="health", answers={200: Health}
    ),
)
