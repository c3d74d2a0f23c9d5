"""Calls about no schedule in particular."""

from __future__ import annotations

from typing import Unpack

import httpx2

from rowcall.wire.audit_log import AuditEntryView, AuditLog
from rowcall.wire.monitoring import StatsView, TaskList, TaskView, WorkerList, WorkerView
from rowcall.wire.previewing import Preview

from .calls import Call, Pages, reader
from .fields import Moment, Trigger


def preview(
    *,
    name: str | None = None,
    client_id: str | None = None,
    after: Moment | None = None,
    count: int = 5,
    **rule: Unpack[Trigger],
) -> Call[Preview]:
    """What a rule means, in words and in its next occurrences, at most 100. Raises Invalid with every fault.

    `name` and `client_id` are those of the schedule that is to have the rule: they decide the slots of `H`.
    """
    body = {**rule, "name": name, "client_id": client_id, "after": after, "count": count}
    return Call(method="POST", path="/v1/preview", body=body, read=reader(Preview))


def tasks() -> Call[list[TaskView]]:
    """Every task type that was ever offered, by name."""

    def read(response: httpx2.Response) -> list[TaskView]:
        return TaskList.model_validate_json(response.content).tasks

    return Call(method="GET", path="/v1/tasks", read=read)


def workers(*, include_ended: bool = False) -> Call[list[WorkerView]]:
    """The workers, the newest first. Needs a key with the scope admin."""

    def read(response: httpx2.Response) -> list[WorkerView]:
        return WorkerList.model_validate_json(response.content).workers

    return Call(method="GET", path="/v1/workers", params={"include_ended": include_ended}, read=read)


def stats(hours: int = 24) -> Call[StatsView]:
    """How things stand, and how the runs of the last hours ended."""
    return Call(method="GET", path="/v1/stats", params={"hours": hours}, read=reader(StatsView))


def audit_log(
    *,
    schedule_id: int | None = None,
    client_id: str | None = None,
    who: str | None = None,
    action: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: int | None = None,
) -> Pages[AuditLog, AuditEntryView]:
    """Who changed what, the newest first. Needs a key with the scope admin."""
    wanted = {
        "schedule_id": schedule_id,
        "client_id": client_id,
        "who": who,
        "action": action,
        "since": since,
        "until": until,
    }
    call = Call(method="GET", path="/v1/audit-log", params=wanted, read=reader(AuditLog))
    return Pages(call, lambda page: page.entries, limit)
