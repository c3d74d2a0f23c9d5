"""/v1/bulk: pause, resume, delete or execute many schedules in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.store.bulk import BulkAction, Outcome, Result, Selection, in_bulk
from rowcall.store.deleted import cancel_left_over
from rowcall.store.releasing import release_waiting
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, Operation, check_scheduler, reply, route
from rowcall.wire.bulk import Bulk, BulkAnswer, BulkItem, BulkPause

HOW = (
    "All in one transaction, at most 500. What can't be done to one of them is told, and no matter to the rest. "
    "With `dry_run` nothing is done, and told what would be."
)

log = structlog.get_logger("rowcall.webapi")


async def pause(call: Call[Query, BulkPause]) -> Response:
    """Pause many."""
    return await _answered(call, BulkAction.PAUSE, (call.body.reason or "").strip() or None)


async def resume(call: Call[Query, Bulk]) -> Response:
    """Resume many."""
    check_scheduler(call.services)
    return await _answered(call, BulkAction.RESUME)


async def delete(call: Call[Query, Bulk]) -> Response:
    """Delete many."""
    return await _answered(call, BulkAction.DELETE)


async def execute(call: Call[Query, Bulk]) -> Response:
    """Run many now."""
    check_scheduler(call.services)
    return await _answered(call, BulkAction.EXECUTE)


async def _answered(call: Call[Query, Any], action: BulkAction, reason: str | None = None) -> Response:
    body: Bulk = call.body
    selection = Selection(client_id=body.client_id or call.access.client_id, names=body.names, labels=body.labels)
    results = await in_bulk(call.database, action, selection, by=call.who, reason=reason, dry_run=body.dry_run)
    ids = [result.schedule["schedule_id"] for result in results if result.outcome is Outcome.DONE]
    if not body.dry_run and action is BulkAction.EXECUTE:
        call.afterwards.append(lambda database: release_waiting(database, ids))
    if not body.dry_run and action is BulkAction.DELETE:
        call.afterwards.append(lambda database: cancel_left_over(database, ids))
    if ids and not body.dry_run:
        log.info("schedules_bulk", action=action, schedules=len(ids), labels=body.labels)
    return reply(bulk_view(action, results, dry_run=body.dry_run))


def bulk_view(action: BulkAction, results: list[Result], *, dry_run: bool) -> BulkAnswer:
    """What is told of it. What was queued only to try it out has no id."""
    counts = Counter(result.outcome for result in results)
    return BulkAnswer(
        action=action.value,
        dry_run=dry_run,
        done=counts[Outcome.DONE],
        unchanged=counts[Outcome.UNCHANGED],
        refused=counts[Outcome.REFUSED],
        schedules=[
            BulkItem(
                schedule_id=result.schedule["schedule_id"],
                client_id=result.schedule["client_id"],
                name=result.schedule["name"],
                outcome=result.outcome.value,
                detail=result.detail,
                execution_id=None if dry_run else result.execution_id,
            )
            for result in results
        ],
    )


def _operation(
    action: BulkAction, handler: Callable[[Call[Any, Any]], Awaitable[Response]], what: str, as_one: str
) -> Operation:
    return route(
        "POST",
        f"/v1/bulk/{action}",
        handler,
        scope=Scope.WRITE if action is BulkAction.DELETE else Scope.RUN,
        summary=f"{what} many schedules at once, by labels or names",
        description=f"As {as_one} does to one. {HOW}",
        tag="bulk",
        body=BulkPause if action is BulkAction.PAUSE else Bulk,
        answers={200: BulkAnswer},
        problems=(409,),
    )


OPERATIONS = (
    _operation(BulkAction.PAUSE, pause, "Pause", "`POST /v1/schedules/{id}/pause`"),
    _operation(BulkAction.RESUME, resume, "Resume", "`POST /v1/schedules/{id}/resume`"),
    _operation(BulkAction.DELETE, delete, "Delete", "`DELETE /v1/schedules/{id}`"),
    _operation(BulkAction.EXECUTE, execute, "Run", "`POST /v1/schedules/{id}/execute`"),
)
