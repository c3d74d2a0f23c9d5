"""What ``rowcall executions`` does: reads the ledger, and ends what runs."""

from __future__ import annotations

from typing import Any

from rowcall.domain.executions import ExecutionStatus, ExecutionTrigger
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.executions import (
    ExecutionFilter,
    ExecutionRow,
    Position,
    cancel_execution,
    find_execution,
    list_executions,
)
from rowcall.store.retention import forgotten_before
from rowcall.store.schedules import find_schedules, resolve_schedule
from rowcall.webapi.views import execution_view

from .access import a_database
from .durations import moment_asked_for
from .options import known_words
from .output import print_facts, print_json, print_table, say, span
from .who import who

PAGE = 500
COLUMNS = ("ID", "SCHEDULE", "SCHEDULED FOR", "STATUS", "ATTEMPT", "LATE", "TOOK", "WHY")


async def list_them(
    schedule: str | None,
    client: str,
    statuses: list[str] | None,
    task_type: str | None,
    since: str | None,
    until: str | None,
    *,
    limit: int,
    as_json: bool,
) -> None:
    """List executions, the newest first."""
    wanted: dict[str, Any] = {
        "statuses": known_words(statuses, ExecutionStatus, "--status"),
        "task_type": task_type,
    }
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        wanted["since"] = await moment_asked_for(place.database, since, "--since")
        wanted["until"] = await moment_asked_for(place.database, until, "--until")
        if schedule is not None:
            wanted["schedule_id"] = await resolve_schedule(place.database, client, schedule)
        found = await _pages(place.database, ExecutionFilter(**wanted), limit)
        names = await _names(place.database, found)
        forgotten = await forgotten_before(place.database)
    if as_json:
        for execution in found:
            print_json(_shown(execution))
    else:
        print_table(COLUMNS, (_line(execution, names) for execution in found), empty="No executions.")
        if len(found) == limit:
            say(f"These are the newest {limit}; --limit takes more.")
    if forgotten is not None and len(found) < limit and (wanted["since"] is None or wanted["since"] < forgotten):
        say(f"What is older than {forgotten:%Y-%m-%d} was dropped by retention; figures are in execution_rollups.")


async def show_one(execution_id: int, *, as_json: bool) -> None:
    """Show one execution."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        execution = await find_execution(place.database, execution_id)
    if as_json:
        print_json(_shown(execution))
    else:
        print_facts(_shown(execution))


async def cancel_one(execution_id: int, *, as_json: bool) -> None:
    """End an execution. Raises NotFound, and Conflict for one that has ended."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        execution = await cancel_execution(place.database, execution_id, by=who())
    if as_json:
        print_json(_shown(execution))
    elif execution["status"] == ExecutionStatus.CANCELLED:
        say(f"Execution {execution_id} is cancelled.")
    else:
        say(f"Execution {execution_id} is running; its worker has been asked to end it.")


async def _pages(database: Database, wanted: ExecutionFilter, limit: int) -> list[ExecutionRow]:
    found: list[ExecutionRow] = []
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        page = await list_executions(database, wanted, _position(found[-1]) if found else None, size)
        found += page
        if len(page) < size:
            break
    return found


def _position(execution: ExecutionRow) -> Position:
    is_manual = execution["trigger"] == ExecutionTrigger.MANUAL
    return Position(execution["scheduled_for"], execution["execution_id"], is_manual)


async def _names(database: Database, executions: list[ExecutionRow]) -> dict[int, str]:
    ids = sorted({execution["schedule_id"] for execution in executions})
    return {schedule["schedule_id"]: schedule["name"] for schedule in await find_schedules(database, ids)}


def _shown(execution: ExecutionRow) -> dict[str, Any]:
    return execution_view(execution).model_dump(mode="json")


def _line(execution: ExecutionRow, names: dict[int, str]) -> tuple[object, ...]:
    started, took = execution["executed_at"], execution["duration_seconds"]
    return (
        execution["execution_id"],
        names.get(execution["schedule_id"], execution["schedule_id"]),
        execution["scheduled_for"],
        execution["status"],
        execution["attempt"],
        "" if started is None else span(max((started - execution["scheduled_for"]).total_seconds(), 0.0)),
        "" if took is None else span(took),
        execution["reason"] or execution["error_message"],
    )
