"""What ``rowcall schedules`` does: it asks the API, and shows what that answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowcall.client import AsyncClient, Schedule
from rowcall.domain.schedules import ScheduleStatus
from rowcall.wire.schedules import ScheduleView

from .exits import ExitCode
from .options import known_words, pairs
from .output import moment, print_facts, print_json, print_table, say
from .reaching import an_api, whose
from .waiting import ended

COLUMNS = ("ID", "NAME", "TASK", "WHEN", "STATUS", "NEXT RUN", "LAST RUN", "LAST")


async def list_them(
    statuses: list[str] | None,
    task_type: str | None,
    labels: list[str] | None,
    text: str | None,
    client: str | None,
    *,
    every: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List schedules, by id."""
    words, wanted = known_words(statuses, ScheduleStatus, "--status"), pairs(labels, "--label")
    async with an_api() as api:
        schedules = api.client.schedules.list(
            status=words,
            task_type=task_type,
            labels=wanted,
            text=text,
            client_id=client,
            include_disabled=every,
            limit=limit,
        )
        found = [schedule async for schedule in schedules]
    if as_json:
        for schedule in found:
            print_json(_shown(schedule))
    else:
        print_table(COLUMNS, map(_line, found), empty="No schedules.")
        if len(found) == limit:
            say(f"These are the first {limit}; --limit takes more.")


async def show_one(reference: str, client: str, *, as_json: bool) -> None:
    """Show one schedule."""
    async with an_api() as api:
        schedule = await api.client.schedules.get(reference, client_id=whose(client))
    _show(schedule, as_json=as_json)


async def create_one(given: Mapping[str, Any], *, as_json: bool) -> None:
    """Create a schedule. Raises InvalidInput with every fault, Conflict for a name that is taken."""
    async with an_api() as api:
        schedule = await api.client.schedules.create(**given)
        _show(schedule, as_json=as_json, told=f"Created schedule {schedule.name}.")
        await _warn_if_nobody_runs_it(api.client, schedule.schedule_id)


async def pause_one(reference: str, client: str, reason: str | None, *, as_json: bool) -> None:
    """Pause a schedule."""
    async with an_api() as api:
        paused = await api.client.schedules.pause(reference, reason, client_id=whose(client))
    _show(paused, as_json=as_json, told=f"Paused {paused.name}: {paused.status_reason}.")


async def resume_one(reference: str, client: str, *, as_json: bool) -> None:
    """Resume a schedule."""
    async with an_api() as api:
        resumed = await api.client.schedules.resume(reference, client_id=whose(client))
    _show(resumed, as_json=as_json, told=f"Resumed {resumed.name}; next run: {_when(resumed)}.")


async def delete_one(reference: str, client: str, *, as_json: bool) -> None:
    """Delete a schedule."""
    async with an_api() as api:
        schedule = await api.client.schedules.get(reference, client_id=whose(client))
        await api.client.schedules.delete(schedule.schedule_id)
        deleted = await api.client.schedules.get(schedule.schedule_id)
    _show(deleted, as_json=as_json, told=f"Deleted {deleted.name}; what was queued of it is cancelled.")


async def execute_one(
    reference: str, client: str, input_data: Mapping[str, Any] | None, *, now: bool, wait: bool, as_json: bool
) -> ExitCode:
    """Ask for a run now, and with `wait` wait for its end: then FAULT says that it did not succeed."""
    async with an_api() as api:
        schedule = await api.client.schedules.get(reference, client_id=whose(client))
        execution = await api.client.schedules.execute(schedule.schedule_id, input_data, wait=not now)
        say(f"Execution {execution.execution_id} of {schedule.name} is queued.")
        await _warn_if_nobody_runs_it(api.client, schedule.schedule_id)
        if wait:
            execution = await ended(api.client, execution)
    view = execution.model_dump(mode="json")
    if as_json:
        print_json(view)
    elif wait:
        print_facts(view)
    return ExitCode.OK if not wait or execution.status == "SUCCEEDED" else ExitCode.FAULT


# ── the parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _warn_if_nobody_runs_it(client: AsyncClient, schedule_id: int) -> None:
    facts = (await client.schedules.explain(schedule_id)).facts
    if facts.offering_workers == 0:
        say(f"No worker that runs {facts.route} is there now: it waits for one.")


def _show(schedule: Schedule, *, as_json: bool, told: str | None = None) -> None:
    """All of it as JSON, or a sentence, or all of it for people."""
    if as_json:
        print_json(_shown(schedule))
    elif told is not None:
        say(told)
    else:
        print_facts(_shown(schedule))


def _shown(schedule: ScheduleView) -> dict[str, Any]:
    return schedule.model_dump(mode="json")


def _line(schedule: ScheduleView) -> tuple[object, ...]:
    return (
        schedule.schedule_id,
        schedule.name,
        schedule.task_type,
        schedule.trigger_description,
        schedule.status,
        _when(schedule),
        schedule.last_run_at,
        schedule.last_status,
    )


def _when(schedule: ScheduleView) -> str:
    return moment(schedule.next_run_at) if schedule.next_run_at else ""
