"""/livez and /readyz: whether this process lives, and whether it can do its work.

`/livez` never touches the database: a database that is away must not get every replica restarted.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from starlette.responses import Response

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.database import Database
from rowcall.store.diagnosis import takes_changes
from rowcall.store.migrations import check_schema
from rowcall.webapi.problems import Problem
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.wire.monitoring import Health

PATIENCE_SECONDS = 1.0


async def livez(_call: Call[Query, None]) -> Response:
    """Say that the event loop turns."""
    return reply(Health(status="alive"))


async def readyz(call: Call[Query, None]) -> Response:
    """Say whether the database answers, takes changes, has the right schema, and this process does its work."""
    objection = call.services.objection
    if objection is not None and (why := objection()) is not None:
        raise Problem(503, why, "not-ready")
    await _look_at(call.services.whole_database)
    return reply(Health(status="ready"))


_LOOKS: WeakKeyDictionary[Database, asyncio.Task[None]] = WeakKeyDictionary()


async def _look_at(database: Database) -> None:
    """Wait for a look at the database, and not for long. Raises StoreUnavailable.

    A look that hangs is left to its own time limit, and no second one is begun beside it: neither may probes wait for a
    silent database, nor may they use up its connections.
    """
    look = _LOOKS.get(database)
    if look is None or look.done():
        look = _LOOKS[database] = asyncio.create_task(_look(database))
        look.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # somebody asked for it, if late
    ended, _ = await asyncio.wait({look}, timeout=PATIENCE_SECONDS)
    if not ended:
        raise StoreUnavailable(f"PostgreSQL did not answer within {PATIENCE_SECONDS:g} s")
    look.result()


async def _look(database: Database) -> None:
    await check_schema(database)
    if not await takes_changes(database):
        raise StoreUnavailable("PostgreSQL takes no changes: it is a standby, or was made read-only")


OPERATIONS = (
    route(
        "GET",
        "/livez",
        livez,
        scope=None,
        summary="Whether the process lives",
        description="It never touches the database: one that is away must not get every replica restarted.",
        tag="health",
        answers={200: Health},
    ),
    route(
        "GET",
        "/readyz",
        readyz,
        scope=None,
        summary="Whether it can do its work",
        description=(
            "Whether the database answers within a second, takes changes and has the right schema, whether "
            "the worker of this process has looked for work lately, and whether the process is not stopping."
        ),
        tag="health",
        answers={200: Health},
    ),
)
