"""/v1/schedules: create, list, read, change, replace and delete schedules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.domain.definitions import IDENTITY, Definition, define, merged
from rowcall.domain.errors import Conflict, InvalidInput, NotFound
from rowcall.domain.fields import ScheduleFields
from rowcall.store.deleted import cancel_left_over
from rowcall.store.schedule_lists import list_schedules
from rowcall.store.schedules import (
    ScheduleRow,
    change_schedule,
    check_changeable,
    create_schedule,
    definition_of,
    delete_schedule,
    is_id,
    known_tasks,
    lock_named,
)
from rowcall.store.sessions import Session
from rowcall.store.swiftly import swiftly
from rowcall.webapi.pages import decode, encode, link_to_next
from rowcall.webapi.problems import Problem
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, check_scheduler, reply, route
from rowcall.webapi.views import schedule_view
from rowcall.wire.schedules import ScheduleCreation, ScheduleList, ScheduleView

from .etags import IF_MATCH, check_match, etag_of
from .filters import ScheduleQuery, filter_of
from .references import Reference, client_of, found, locked
from .telling import tell


async def create(call: Call[Query, dict[str, Any]]) -> Response:
    """Create a schedule."""
    check_scheduler(call.services)
    given = call.body.get("client_id")
    fields = {**call.body, "client_id": call.access.client_id if given is None else given}
    return _created(await _create(call, fields))


async def list_all(call: Call[ScheduleQuery, None]) -> Response:
    """List schedules."""
    query = call.query
    after = decode(query.cursor, 1)[0] if query.cursor is not None else 0
    rows = await list_schedules(call.database, filter_of(query), after, query.limit + 1)
    page = rows[: query.limit]
    cursor = encode(page[-1]["schedule_id"]) if len(rows) > len(page) else None
    answer = ScheduleList(schedules=[schedule_view(row) for row in page], next_cursor=cursor)
    return reply(answer, headers=link_to_next(call.request, cursor))


async def read(call: Call[Reference, None]) -> Response:
    """Read a schedule."""
    return _shown(await found(call))


async def change(call: Call[Reference, dict[str, Any]]) -> Response:
    """Change some fields of a schedule."""
    check_scheduler(call.services)
    return await _changed(call, lambda _, previous: merged(previous, call.body))


async def replace(call: Call[Reference, dict[str, Any]]) -> Response:
    """Replace the definition of a schedule, or create the one of this name."""
    check_scheduler(call.services)
    fields = _named_by_path(call)
    try:
        return await _replace(call, fields)
    except NotFound:
        if is_id(call.named("id")):
            raise
    try:
        return _created(await _create(call, fields))
    except Conflict:  # somebody else created it between the two looks
        return await _replace(call, fields)


async def remove(call: Call[Reference, None]) -> Response:
    """Delete a schedule; its history stays."""

    async def do(session: Session) -> tuple[ScheduleRow, int | None]:
        schedule = await locked(session, call)
        return schedule, await delete_schedule(session, schedule)

    schedule, cancelled = await swiftly(call.database, do)
    if cancelled is not None:  # otherwise nothing was open that could be queued again
        cancelled += len(await cancel_left_over(call.database, [schedule["schedule_id"]]))
    if schedule["status"] != "DISABLED":
        tell("schedule_remove", schedule, cancelled=cancelled or 0)
    return Response(status_code=204)


async def _replace(call: Call[Reference, dict[str, Any]], fields: Mapping[str, Any]) -> Response:
    def with_identity(schedule: ScheduleRow, _: Definition) -> Mapping[str, Any]:
        return {**fields, **{field: schedule[field] for field in IDENTITY if fields.get(field) is None}}

    return await _changed(call, with_identity)


async def _changed(
    call: Call[Reference, dict[str, Any]], fields_of: Callable[[ScheduleRow, Definition], Mapping[str, Any]]
) -> Response:
    """The schedule with the definition of these fields, which depend on what it is and was defined as."""

    async def do(session: Session) -> tuple[ScheduleRow, bool]:
        schedule = await _to_change(session, call)
        previous = definition_of(schedule)
        definition = await _judged(call, session, fields_of(schedule, previous), previous, schedule)
        check_match(call.request, schedule)  # last: a request that can't be done in any state is no matter of states
        changed = await change_schedule(session, schedule, definition)
        return changed, changed is not schedule

    changed, is_another = await swiftly(call.database, do)
    if is_another:
        tell("schedule_update", changed)
    return _shown(changed)


def _named_by_path(call: Call[Reference, dict[str, Any]]) -> dict[str, Any]:
    """The body, with the client and the name that the path says; raises InvalidInput where they contradict."""
    if is_id(call.named("id")):
        return call.body
    said = {"client_id": client_of(call), "name": call.named("id")}
    for field, value in said.items():
        if call.body.get(field) not in (None, value):
            raise InvalidInput.of(field, f"must be {value!r}, as the address says; PATCH renames a schedule")
    return {**call.body, **said}


async def _create(call: Call[Any, Any], fields: Mapping[str, Any]) -> ScheduleRow:
    async def do(session: Session) -> ScheduleRow:
        now, tasks = await known_tasks(session)
        definition = define(fields, now=now, defaults=call.services.defaults, known_tasks=tasks)
        if "if-match" in call.request.headers:
            raise Problem(412, "there is no such schedule, so it is not in the state that If-Match names")
        return await create_schedule(session, definition, source=call.services.source, now=now)

    created = await swiftly(call.database, do)
    tell("schedule_create", created)
    return created


async def _to_change(session: Session, call: Call[Reference, Any]) -> ScheduleRow:
    schedule = await lock_named(session, client_of(call), call.named("id"))
    check_changeable(schedule)
    return schedule


async def _judged(
    call: Call[Any, Any], session: Session, fields: Mapping[str, Any], previous: Definition, schedule: ScheduleRow
) -> Definition:
    """The definition that these fields make; the tasks that the database knows are asked for where there is another."""
    tasks: Collection[str] | None = None
    if fields.get("task_type") != previous.task_type:
        _, tasks = await known_tasks(session)
    return define(
        fields,
        now=schedule["now"],
        defaults=call.services.defaults,
        known_tasks=tasks,
        previous=previous,
        created_at=schedule["created_at"],
    )


def _shown(schedule: ScheduleRow) -> Response:
    return reply(schedule_view(schedule), headers={"ETag": etag_of(schedule)})


def _created(schedule: ScheduleRow) -> Response:
    headers = {"Location": f"/v1/schedules/{schedule['schedule_id']}", "ETag": etag_of(schedule)}
    return reply(schedule_view(schedule), 201, headers)


OPERATIONS = (
    route(
        "POST",
        "/v1/schedules",
        create,
        scope=Scope.WRITE,
        summary="Create a schedule",
        description=(
            "What to run, and exactly one rule that says when: `cron_expression`, `cron_fields`, an interval, "
            "or `scheduled_time`. All faults are told at once. A task type that no worker has offered is "
            "refused, unless `allow_unknown_task` says so."
        ),
        tag="schedules",
        body=ScheduleCreation,
        body_unread=True,
        answers={201: ScheduleView},
        problems=(409,),
    ),
    route(
        "GET",
        "/v1/schedules",
        list_all,
        scope=Scope.READ,
        summary="List schedules, in order of id",
        description=(
            "Deleted ones only with `include_disabled`. Filters are combined: a schedule must match all of them."
        ),
        tag="schedules",
        query=ScheduleQuery,
        answers={200: ScheduleList},
    ),
    route(
        "GET",
        "/v1/schedules/{id}",
        read,
        scope=Scope.READ,
        summary="Read a schedule",
        description=(
            "The definition, its state, when it runs next, and figures of its runs. The `ETag` serves `If-Match`."
        ),
        tag="schedules",
        query=Reference,
        answers={200: ScheduleView},
        problems=(404,),
    ),
    route(
        "PATCH",
        "/v1/schedules/{id}",
        change,
        scope=Scope.WRITE,
        summary="Change some fields of a schedule; null puts a field back to its default",
        description=(
            "Fields that are left out stay as they are. A rule of another kind takes the place of the old "
            "one. The definition that results is judged as a whole. A static schedule is changed where it is "
            "declared: here that is a 403."
        ),
        tag="schedules",
        query=Reference,
        body=ScheduleFields,
        body_unread=True,
        answers={200: ScheduleView},
        problems=(403, 404, 409, 412),
        headers=IF_MATCH,
    ),
    route(
        "PUT",
        "/v1/schedules/{id}",
        replace,
        scope=Scope.WRITE,
        summary="Replace the definition of a schedule, or create the one of this name",
        description=(
            "What is left out takes its default. A name that is new is created (201), an id is not. A pause "
            "survives it."
        ),
        tag="schedules",
        query=Reference,
        body=ScheduleCreation,
        body_unread=True,
        answers={200: ScheduleView, 201: ScheduleView},
        problems=(403, 404, 409, 412),
        headers={**IF_MATCH, "If-None-Match": "`*` only creates; if the schedule exists, the answer is 412."},
    ),
    route(
        "DELETE",
        "/v1/schedules/{id}",
        remove,
        scope=Scope.WRITE,
        summary="Delete a schedule: its history stays, what is queued is cancelled",
        description=(
            "It becomes DISABLED, and its name is free again. What runs may end, and is not tried again. "
            "Deleting it once more by its id is no error."
        ),
        tag="schedules",
        query=Reference,
        answers={204: None},
        problems=(403, 404, 412),
        headers=IF_MATCH,
    ),
)
