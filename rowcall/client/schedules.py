"""Calls about schedules. `schedule` is a name or an id; `client_id` says whose name it is, the key's where left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack
from urllib.parse import quote

import httpx2
from pydantic import Field

from rowcall.domain.errors import InvalidInput
from rowcall.wire.backfills import BackfillView, DryRun
from rowcall.wire.executions import ExecutionList, ExecutionView
from rowcall.wire.explaining import ExplanationView
from rowcall.wire.schedules import ScheduleList, ScheduleView, Upcoming

from .calls import Call, Pages, nothing, reader
from .fields import Changes, Fields, Moment, Policies


class Schedule(ScheduleView):
    """A schedule, and the tag of its state for `if_match`; one in a list has none."""

    etag: str | None = Field(None, exclude=True)


IfMatch = Schedule | str | None
"""The schedule as it was read, or its tag: the change is refused if it is another meanwhile. None: whatever it is."""


def create(**fields: Unpack[Fields]) -> Call[Schedule]:
    """Create a schedule. Raises Invalid with every fault, Conflict for a name that is taken."""
    return Call(method="POST", path="/v1/schedules", body=fields, read=_schedule)


def get(schedule: str | int, *, client_id: str | None = None) -> Call[Schedule]:
    """One schedule."""
    return Call(method="GET", path=_path(schedule), params={"client_id": client_id}, read=_schedule)


def list_(
    *,
    status: Sequence[str] = (),
    task_type: str | None = None,
    schedule_type: str | None = None,
    labels: Mapping[str, str] | None = None,
    text: str | None = None,
    is_static: bool | None = None,
    include_disabled: bool = False,
    client_id: str | None = None,
    limit: int | None = None,
) -> Pages[ScheduleList, ScheduleView]:
    """Schedules by id, page after page as they are asked for; all of them, or `limit`."""
    wanted = {
        "status": list(status),
        "task_type": task_type,
        "schedule_type": schedule_type,
        "label": [f"{name}={value}" for name, value in (labels or {}).items()],
        "text": text,
        "is_static": is_static,
        "include_disabled": include_disabled,
        "client_id": client_id,
    }
    call = Call(method="GET", path="/v1/schedules", params=wanted, read=reader(ScheduleList))
    return Pages(call, lambda page: page.schedules, limit)


def update(
    schedule: str | int, *, client_id: str | None = None, if_match: IfMatch = None, **changes: Unpack[Changes]
) -> Call[Schedule]:
    """Change what is given, and nothing else; None puts a field back to its default. Raises PreconditionFailed."""
    return Call(
        method="PATCH",
        path=_path(schedule),
        params={"client_id": client_id},
        body=changes,
        headers={"If-Match": _tag(if_match)},
        frees_name="name" in changes and not _is_id(schedule),
        read=_schedule,
    )


def replace(
    schedule: str | int,
    *,
    client_id: str | None = None,
    if_match: IfMatch = None,
    only_create: bool = False,
    **fields: Unpack[Policies],
) -> Call[Schedule]:
    """Make the schedule of this name be this, whether or not it is there; what is left out gets its default.

    With `only_create`, PreconditionFailed where it is there.
    """
    return Call(
        method="PUT",
        path=_path(schedule),
        params={"client_id": client_id},
        body=fields,
        headers={"If-Match": _tag(if_match), "If-None-Match": "*" if only_create else None},
        read=_schedule,
    )


def delete(schedule: str | int, *, client_id: str | None = None, if_match: IfMatch = None) -> Call[None]:
    """Delete a schedule: its history stays, what is queued of it is cancelled."""
    return Call(
        method="DELETE",
        path=_path(schedule),
        params={"client_id": client_id},
        headers={"If-Match": _tag(if_match)},
        frees_name=not _is_id(schedule),
        read=nothing,
    )


def pause(
    schedule: str | int, reason: str | None = None, *, client_id: str | None = None, if_match: IfMatch = None
) -> Call[Schedule]:
    """Stop new occurrences; what is open goes on."""
    return _act(schedule, "pause", {"reason": reason}, client_id, if_match)


def resume(schedule: str | int, *, client_id: str | None = None, if_match: IfMatch = None) -> Call[Schedule]:
    """Go on with the next occurrence after now."""
    return _act(schedule, "resume", {}, client_id, if_match)


def execute(
    schedule: str | int,
    input_data: Mapping[str, Any] | None = None,
    *,
    wait: bool = True,
    client_id: str | None = None,
    if_match: IfMatch = None,
) -> Call[ExecutionView]:
    """Ask for a run now. `input_data` is laid over the schedule's own; `wait` lines up behind what is open."""
    return Call(
        method="POST",
        path=f"{_path(schedule)}/execute",
        params={"client_id": client_id},
        body={"input_data": input_data, "wait": wait},
        headers={"If-Match": _tag(if_match)},
        read=reader(ExecutionView),
    )


def backfill(
    schedule: str | int,
    since: Moment,
    until: Moment,
    *,
    rate_per_minute: int | None = None,
    max_concurrent: int = 1,
    reason: str | None = None,
    client_id: str | None = None,
    if_match: IfMatch = None,
) -> Call[BackfillView]:
    """Run each occurrence from `since` on and before `until` that has not run."""
    body = {
        "since": since,
        "until": until,
        "rate_per_minute": rate_per_minute,
        "max_concurrent": max_concurrent,
        "reason": reason,
    }
    return Call(
        method="POST",
        path=f"{_path(schedule)}/backfill",
        params={"client_id": client_id},
        body=body,
        headers={"If-Match": _tag(if_match)},
        read=reader(BackfillView),
    )


def try_backfill(schedule: str | int, since: Moment, until: Moment, *, client_id: str | None = None) -> Call[DryRun]:
    """What a backfill would run; nothing is done."""
    return Call(
        method="POST",
        path=f"{_path(schedule)}/backfill",
        params={"client_id": client_id},
        body={"since": since, "until": until, "dry_run": True},
        read=reader(DryRun),
    )


def upcoming(schedule: str | int, count: int = 5, *, client_id: str | None = None) -> Call[Upcoming]:
    """The next occurrences, at most 100."""
    return Call(
        method="GET",
        path=f"{_path(schedule)}/upcoming",
        params={"count": count, "client_id": client_id},
        read=reader(Upcoming),
    )


def explain(schedule: str | int, at: Moment | None = None, *, client_id: str | None = None) -> Call[ExplanationView]:
    """Why it did not run at that moment, or what it waits for now: in a sentence, and as facts."""
    return Call(
        method="GET",
        path=f"{_path(schedule)}/explain",
        params={"at": at, "client_id": client_id},
        read=reader(ExplanationView),
    )


def executions(
    schedule: str | int,
    *,
    status: Sequence[str] = (),
    trigger: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    client_id: str | None = None,
    limit: int | None = None,
) -> Pages[ExecutionList, ExecutionView]:
    """The schedule's executions, the latest occurrence first, page after page as they are asked for."""
    wanted = {
        "status": list(status),
        "trigger": trigger,
        "since": since,
        "until": until,
        "client_id": client_id,
    }
    call = Call(method="GET", path=f"{_path(schedule)}/executions", params=wanted, read=reader(ExecutionList))
    return Pages(call, lambda page: page.executions, limit)


def _act(
    schedule: str | int, action: str, body: Mapping[str, Any], client_id: str | None, if_match: IfMatch
) -> Call[Schedule]:
    return Call(
        method="POST",
        path=f"{_path(schedule)}/{action}",
        params={"client_id": client_id},
        body=body,
        headers={"If-Match": _tag(if_match)},
        read=_schedule,
    )


def _is_id(schedule: str | int) -> bool:
    """Whether it is an id, which is never another's; a name is not all digits."""
    return isinstance(schedule, int) or (schedule.isascii() and schedule.isdigit())


def _path(schedule: str | int) -> str:
    named = quote(str(schedule), safe="")
    if not named.strip("."):
        named = named.replace(".", "%2E")  # in an address, . and .. are steps
    return f"/v1/schedules/{named}"


def _tag(state: IfMatch) -> str | None:
    """The tag to send. Raises InvalidInput for a schedule without one: it would be changed whatever its state is."""
    if state is None or isinstance(state, str):
        return state
    tag: str | None = getattr(state, "etag", None)  # one from a list is no Schedule, whatever type checkers say
    if tag is None:
        raise InvalidInput.of("if_match", "this schedule carries no tag of its state; read it with get()")
    return tag


def _schedule(response: httpx2.Response) -> Schedule:
    read = Schedule.model_validate_json(response.content)
    return read.model_copy(update={"etag": response.headers.get("etag")})
