"""/v1/schedules/{id}/…: pause, resume and execute a schedule; its executions, and what comes next."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.domain.errors import Conflict, InvalidInput
from rowcall.domain.schedules import ScheduleStatus, schedule_of
from rowcall.domain.triggers import occurrences_after
from rowcall.store.executions import execute_schedule
from rowcall.store.releasing import release_waiting
from rowcall.store.schedules import ScheduleRow, pause_schedule, resume_schedule
from rowcall.store.sessions import Session
from rowcall.store.swiftly import swiftly
from rowcall.webapi.registry import Call, check_scheduler, reply, route
from rowcall.webapi.views import execution_view, schedule_view
from rowcall.wire.base import NoFields
from rowcall.wire.executions import Execute, ExecutionView
from rowcall.wire.schedules import Pause, ScheduleView, Upcoming

from .etags import IF_MATCH, etag_of
from .references import Reference, found, locked
from .telling import tell


class UpcomingQuery(Reference):
    """How much to look ahead."""

    count: Annotated[int, Field(ge=1, le=100)] = 5


async def pause(call: Call[Reference, Pause]) -> Response:
    """Pause a schedule."""
    reason = (call.body.reason or "").strip() or None

    async def do(session: Session) -> ScheduleRow:
        return await pause_schedule(session, await locked(session, call), reason, call.who)

    paused = await swiftly(call.database, do)
    tell("schedule_pause", paused, reason=call.body.reason)
    return reply(schedule_view(paused), headers={"ETag": etag_of(paused)})


async def resume(call: Call[Reference, NoFields]) -> Response:
    """Resume a schedule."""
    check_scheduler(call.services)

    async def do(session: Session) -> ScheduleRow:
        return await resume_schedule(session, await locked(session, call))

    resumed = await swiftly(call.database, do)
    tell("schedule_resume", resumed)
    return reply(schedule_view(resumed), headers={"ETag": etag_of(resumed)})


async def execute(call: Call[Reference, Execute]) -> Response:
    """Run a schedule now."""
    check_scheduler(call.services)
    async with call.database.transaction(one_plan=True) as transaction:
        schedule = await locked(transaction, call)
        execution = await execute_schedule(transaction, schedule, input_data=call.body.input_data, wait=call.body.wait)
    if execution["waits"]:  # what it waits for may have just ended
        call.afterwards.append(lambda database: release_waiting(database, [schedule["schedule_id"]]))
    tell("schedule_execute", schedule, execution_id=execution["execution_id"])
    return reply(execution_view(execution), 201, {"Location": f"/v1/executions/{execution['execution_id']}"})


async def upcoming(call: Call[UpcomingQuery, None]) -> Response:
    """Look ahead."""
    schedule = await found(call)
    return reply(
        Upcoming(
            schedule_id=schedule["schedule_id"],
            status=schedule["status"],
            timezone=schedule["timezone"],
            upcoming=_occurrences(schedule, call.query.count),
        )
    )


def _occurrences(schedule: ScheduleRow, count: int) -> list[datetime]:
    """The next occurrences of an ACTIVE schedule, one that is due and not answered for yet included."""
    if schedule["status"] != ScheduleStatus.ACTIVE:
        return []
    try:
        planned = schedule_of(schedule, schedule["cron_fields"])
    except InvalidInput as invalid:  # came by SQL, and no worker has looked at it yet
        raise Conflict(f"schedule {schedule['name']!r} can't be scheduled: {invalid}") from None
    if planned.max_executions is not None:
        count = min(count, max(0, planned.max_executions - planned.scheduled_runs))
    first = planned.next_occurrence_at
    if first is None:
        return occurrences_after(planned.trigger, schedule["now"], count)
    return [first, *occurrences_after(planned.trigger, first, count - 1)][:count]


OPERATIONS = (
    route(
        "POST",
        "/v1/schedules/{id}/pause",
        pause,
        scope=Scope.RUN,
        summary="Pause a schedule: no new occurrences; what is open goes on",
        description=(
            "The reason is kept, and told wherever the pause is seen. Pausing a paused schedule can give it "
            "another reason."
        ),
        tag="schedules",
        query=Reference,
        body=Pause,
        body_required=False,
        answers={200: ScheduleView},
        problems=(404, 409, 412),
        headers=IF_MATCH,
    ),
    route(
        "POST",
        "/v1/schedules/{id}/resume",
        resume,
        scope=Scope.RUN,
        summary="Resume a schedule with its next occurrence after now",
        description=(
            "The paused span becomes one SKIPPED execution, if an occurrence fell into it. An ACTIVE schedule "
            "stays as it is; an INVALID one is looked at again."
        ),
        tag="schedules",
        query=Reference,
        body=NoFields,
        body_required=False,
        answers={200: ScheduleView},
        problems=(404, 409, 412),
        headers=IF_MATCH,
    ),
    route(
        "POST",
        "/v1/schedules/{id}/execute",
        execute,
        scope=Scope.RUN,
        summary="Run a schedule now; its next run stays when it is",
        description=(
            "Possible while it is ACTIVE, PAUSED or COMPLETED. Where `max_instances` leaves no room it lines "
            "up behind what is open, unless `wait` is false. Other input needs the scope `write`."
        ),
        tag="schedules",
        query=Reference,
        body=Execute,
        body_required=False,
        answers={201: ExecutionView},
        problems=(404, 409, 412),
        headers=IF_MATCH,
    ),
    route(
        "GET",
        "/v1/schedules/{id}/upcoming",
        upcoming,
        scope=Scope.READ,
        summary="The next occurrences of a schedule",
        description=(
            "By its rule, without jitter; one that is due and not answered for yet included. Empty unless the "
            "schedule is ACTIVE."
        ),
        tag="schedules",
        query=UpcomingQuery,
        answers={200: Upcoming},
        problems=(404, 409),
    ),
)
