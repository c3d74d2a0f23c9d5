"""What ``rowcall executions`` does: reads the ledger, and ends what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rowcall.client import AsyncClient, NotFound
from rowcall.domain.executions import ExecutionStatus
from rowcall.store.database import Database
from rowcall.store.retention import forgotten_before
from rowcall.wire.executions import ExecutionView

from .durations import moment_asked_of
from .options import known_words
from .output import print_facts, print_json, print_table, say, span
from .reaching import an_api, whose

AT_ONCE = 8
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
    words = known_words(statuses, ExecutionStatus, "--status")
    async with an_api() as api:
        start = await moment_asked_of(api.client, since, "--since")
        executions = api.client.executions.list(
            status=words,
            task_type=task_type,
            since=start,
            until=await moment_asked_of(api.client, until, "--until"),
            schedule_id=await schedule_id_of(api.client, schedule, client),
            limit=limit,
        )
        found = [execution async for execution in executions]
        names = {} if as_json else await _names(api.client, {execution.schedule_id for execution in found})
        forgotten = None if api.database is None else await _forgotten(api.database, start)
    if as_json:
        for execution in found:
            print_json(_shown(execution))
    else:
        print_table(COLUMNS, (_line(execution, names) for execution in found), empty="No executions.")
        if len(found) == limit:
            say(f"These are the newest {limit}; --limit takes more.")
    if forgotten is not None and len(found) < limit:
        say(f"What is older than {forgotten:%Y-%m-%d} was dropped by retention; figures are in execution_rollups.")


async def show_one(execution_id: int, *, as_json: bool) -> None:
    """Show one execution."""
    async with an_api() as api:
        execution = await api.client.executions.get(execution_id)
    if as_json:
        print_json(_shown(execution))
    else:
        print_facts(_shown(execution))


async def cancel_one(execution_id: int, *, as_json: bool) -> None:
    """End an execution. Raises NotFound, and Conflict for one that has ended."""
    async with an_api() as api:
        execution = await api.client.executions.cancel(execution_id)
    if as_json:
        print_json(_shown(execution))
    elif execution.status == ExecutionStatus.CANCELLED:
        say(f"Execution {execution_id} is cancelled.")
    else:
        say(f"Execution {execution_id} is running; its worker has been asked to end it.")


async def schedule_id_of(client: AsyncClient, reference: str | None, client_id: str) -> int | None:
    """The id of the schedule that was named, None where none was. Raises NotFound."""
    if reference is None:
        return None
    return (await client.schedules.get(reference, client_id=whose(client_id))).schedule_id


async def _names(client: AsyncClient, schedule_ids: Iterable[int]) -> dict[int, str]:
    """The names of these schedules, as far as they may be seen."""
    few = asyncio.Semaphore(AT_ONCE)

    async def name(schedule_id: int) -> str:
        async with few:
            try:
                return (await client.schedules.get(schedule_id)).name
            except NotFound:
                return str(schedule_id)

    ids = sorted(schedule_ids)
    return dict(zip(ids, await asyncio.gather(*map(name, ids)), strict=True))


async def _forgotten(database: Database, since: datetime | None) -> datetime | None:
    """From when on the ledger is whole, where that is later than what was asked for."""
    forgotten = await forgotten_before(database)
    return forgotten if forgotten is not None and (since is None or since < forgotten) else None


def _shown(execution: ExecutionView) -> dict[str, Any]:
    return execution.model_dump(mode="json")


def _line(execution: ExecutionView, names: dict[int, str]) -> tuple[object, ...]:
    started, took = execution.executed_at, execution.duration_seconds
    return (
        execution.execution_id,
        names[execution.schedule_id],
        execution.scheduled_for,
        execution.status,
        execution.attempt,
        "" if started is None else span(max((started - execution.scheduled_for).total_seconds(), 0.0)),
        "" if took is None else span(took),
        execution.reason or execution.error_message,
    )
