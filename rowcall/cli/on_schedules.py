"""What ``rowcall schedules`` does: the same functions of the store as REST, shown as REST shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from rowcall.domain.definitions import define
from rowcall.domain.schedules import ScheduleStatus
from rowcall.settings import Settings
from rowcall.store.database import Database, Transaction
from rowcall.store.deleted import cancel_left_over
from rowcall.store.diagnosis import alive_workers
from rowcall.store.executions import execute_schedule
from rowcall.store.releasing import release_waiting
from rowcall.store.schedules import (
    ScheduleFilter,
    ScheduleRow,
    create_schedule,
    delete_schedule,
    find_schedule,
    known_tasks,
    list_schedules,
    lock_schedule,
    pause_schedule,
    resolve_schedule,
    resume_schedule,
)
from rowcall.webapi.views import execution_view, schedule_view

from .access import Place, a_database
from .exits import ExitCode
from .options import known_words, pairs
from .output import moment, print_facts, print_json, print_table, say
from .waiting import ended
from .who import who

PAGE = 500
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
    wanted = ScheduleFilter(
        statuses=known_words(statuses, ScheduleStatus, "--status"),
        task_type=task_type,
        labels=pairs(labels, "--label"),
        text=text,
        client_id=client,
        include_disabled=every,
    )
    async with _place() as place:
        found = await _pages(place.database, wanted, limit)
    if as_json:
        for schedule in found:
            print_json(_shown(schedule))
    else:
        print_table(COLUMNS, map(_line, found), empty="No schedules.")
        if len(found) == limit:
            say(f"These are the first {limit}; --limit takes more.")


async def show_one(reference: str, client: str, *, as_json: bool) -> None:
    """Show one schedule."""
    async with _place() as place:
        schedule = await find_schedule(place.database, await resolve_schedule(place.database, client, reference))
    _show(schedule, as_json=as_json)


async def create_one(given: Mapping[str, Any], *, as_json: bool) -> None:
    """Create a schedule. Raises InvalidInput with every fault, Conflict for a name that is taken."""
    settings = Settings.from_environment()
    async with _place() as place:
        now, tasks = await known_tasks(place.database)
        definition = define(given, now=now, defaults=settings.schedule_defaults, known_tasks=tasks)
        async with place.database.transaction() as transaction:
            schedule = await create_schedule(transaction, definition, source="cli")
        _show(schedule, as_json=as_json, told=f"Created schedule {schedule['name']}.")
        await _warn_if_nobody_runs_it(place.database, schedule["route"])


async def pause_one(reference: str, client: str, reason: str | None, *, as_json: bool) -> None:
    """Pause a schedule."""
    async with _locked(reference, client) as (transaction, schedule):
        paused = await pause_schedule(transaction, schedule, reason, who())
    _show(paused, as_json=as_json, told=f"Paused {paused['name']}: {paused['status_reason']}.")


async def resume_one(reference: str, client: str, *, as_json: bool) -> None:
    """Resume a schedule."""
    async with _locked(reference, client) as (transaction, schedule):
        resumed = await resume_schedule(transaction, schedule)
    _show(resumed, as_json=as_json, told=f"Resumed {resumed['name']}; next run: {_when(resumed)}.")


async def delete_one(reference: str, client: str, *, as_json: bool) -> None:
    """Delete a schedule."""
    async with _place() as place:
        schedule_id = await resolve_schedule(place.database, client, reference)
        async with place.database.transaction() as transaction:
            cancelled = await delete_schedule(transaction, await lock_schedule(transaction, schedule_id))
            deleted = await find_schedule(transaction, schedule_id)
        cancelled += len(await cancel_left_over(place.database, [schedule_id]))
    _show(deleted, as_json=as_json, told=f"Deleted {deleted['name']}; {cancelled} queued executions were cancelled.")


async def execute_one(
    reference: str, client: str, input_data: Mapping[str, Any] | None, *, now: bool, wait: bool, as_json: bool
) -> ExitCode:
    """Ask for a run now, and with `wait` wait for its end: then FAULT says that it did not succeed."""
    async with _place() as place:
        schedule_id = await resolve_schedule(place.database, client, reference)
        async with place.database.transaction() as transaction:
            schedule = await lock_schedule(transaction, schedule_id)
            execution = await execute_schedule(transaction, schedule, input_data=input_data, wait=not now)
        await release_waiting(place.database, [schedule_id])  # what it waits for may have just ended
        say(f"Execution {execution['execution_id']} of {schedule['name']} is queued.")
        await _warn_if_nobody_runs_it(place.database, schedule["route"])
        if wait:
            execution = await ended(place.database, execution)
    view = execution_view(execution).model_dump(mode="json")
    if as_json:
        print_json(view)
    elif wait:
        print_facts(view)
    return ExitCode.OK if not wait or execution["status"] == "SUCCEEDED" else ExitCode.FAULT


# ── the parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _place() -> AsyncIterator[Place]:
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        yield place


@asynccontextmanager
async def _locked(reference: str, client: str) -> AsyncIterator[tuple[Transaction, ScheduleRow]]:
    """The schedule, as it stays until the end of the block."""
    async with _place() as place:
        schedule_id = await resolve_schedule(place.database, client, reference)
        async with place.database.transaction() as transaction:
            yield transaction, await lock_schedule(transaction, schedule_id)


async def _pages(database: Database, wanted: ScheduleFilter, limit: int) -> list[ScheduleRow]:
    found: list[ScheduleRow] = []
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        page = await list_schedules(database, wanted, after=found[-1]["schedule_id"] if found else 0, limit=size)
        found += page
        if len(page) < size:
            break
    return found


async def _warn_if_nobody_runs_it(database: Database, route: str) -> None:
    if not any(route in worker.routes for worker in await alive_workers(database)):
        say(f"No worker that runs {route} is there now: it waits for one.")


def _show(schedule: ScheduleRow, *, as_json: bool, told: str | None = None) -> None:
    """All of it as JSON, or a sentence, or all of it for people."""
    if as_json:
        print_json(_shown(schedule))
    elif told is not None:
        say(told)
    else:
        print_facts(_shown(schedule))


def _shown(schedule: ScheduleRow) -> dict[str, Any]:
    return schedule_view(schedule).model_dump(mode="json")


def _line(schedule: ScheduleRow) -> tuple[object, ...]:
    return (
        schedule["schedule_id"],
        schedule["name"],
        schedule["task_type"],
        schedule_view(schedule).trigger_description,
        schedule["status"],
        _when(schedule),
        schedule["last_run_at"],
        schedule["last_status"],
    )


def _when(schedule: ScheduleRow) -> str:
    return moment(schedule["next_run_at"]) if schedule["next_run_at"] else ""
