"""What ``rowcall backfill`` does: it asks the API, and shows what that answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rowcall.client import AsyncClient
from rowcall.domain.backfilling import BackfillStatus
from rowcall.wire.backfills import BackfillView

from .durations import is_ago, moment_of
from .exits import ExitCode
from .on_executions import schedule_id_of
from .options import known_words
from .output import err, print_facts, print_json, print_table, say
from .reaching import an_api, whose

COLUMNS = ("ID", "SCHEDULE", "SINCE", "UNTIL", "STATUS", "TOTAL", "BEFORE", "SUCCEEDED", "FAILED", "OPEN", "LEFT")
FOLLOW_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """A backfill as it is asked for on the command line."""

    since: str
    until: str
    rate_per_minute: int | None
    max_concurrent: int
    reason: str | None


async def start_one(
    reference: str, client: str, wanted: Wanted, *, dry_run: bool, follow: bool, as_json: bool
) -> ExitCode:
    """Start a backfill, or tell what it would do; with `follow` wait for its end: FAULT says that something failed."""
    async with an_api() as api:
        schedule = await api.client.schedules.get(reference, client_id=whose(client))
        since, until = [await _moment(api.client, *end) for end in ((wanted.since, "since"), (wanted.until, "until"))]
        if dry_run:
            told = (await api.client.schedules.try_backfill(schedule.schedule_id, since, until)).model_dump(mode="json")
            (print_json if as_json else print_facts)(told)
            return ExitCode.OK
        backfill = await api.client.schedules.backfill(
            schedule.schedule_id,
            since,
            until,
            rate_per_minute=wanted.rate_per_minute,
            max_concurrent=wanted.max_concurrent,
            reason=wanted.reason,
        )
        say(f"Backfill {backfill.backfill_id} of {schedule.name} is started: {backfill.total} occurrences.")
        return await _show(api.client, backfill, follow=follow, as_json=as_json, told=True)


async def list_them(
    schedule: str | None, client: str, statuses: list[str] | None, *, limit: int, as_json: bool
) -> None:
    """List backfills, the newest first."""
    words = known_words(statuses, BackfillStatus, "--status")
    async with an_api() as api:
        schedule_id = await schedule_id_of(api.client, schedule, client)
        backfills = api.client.backfills.list(schedule_id=schedule_id, status=words, limit=limit)
        found = [backfill async for backfill in backfills]
    if as_json:
        for backfill in found:
            print_json(_shown(backfill))
    else:
        print_table(COLUMNS, map(_line, found), empty="No backfills.")


async def show_one(backfill_id: int, *, follow: bool, as_json: bool) -> ExitCode:
    """Show one backfill; with `follow` once it is over: FAULT says that something failed."""
    async with an_api() as api:
        backfill = await api.client.backfills.get(backfill_id)
        return await _show(api.client, backfill, follow=follow, as_json=as_json)


async def cancel_one(backfill_id: int, *, as_json: bool) -> None:
    """End a backfill. Raises NotFound, and Conflict for one that is over."""
    async with an_api() as api:
        backfill = await api.client.backfills.cancel(backfill_id)
    if as_json:
        print_json(_shown(backfill))
    else:
        say(f"Backfill {backfill_id} is cancelled, with {_left(backfill)} left to run; {backfill.open} still run.")


# ── the parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _moment(client: AsyncClient, text: str, field: str) -> datetime | str:
    """A length of time ago by the server's clock; or the moment as it was given, to be read in the schedule's zone."""
    return moment_of(text, field, (await client.stats()).now) if is_ago(text) else text


async def _show(
    client: AsyncClient, backfill: BackfillView, *, follow: bool, as_json: bool, told: bool = False
) -> ExitCode:
    """Show it, once it is over where it is followed; `told` leaves out what people have been told already."""
    if follow:
        backfill = await _over(client, backfill)
    if as_json:
        print_json(_shown(backfill))
    elif follow or not told:
        print_facts(_shown(backfill))
    whole = backfill.status == BackfillStatus.DONE and not backfill.failed and not backfill.cancelled
    return ExitCode.OK if whole or not follow else ExitCode.FAULT


async def _over(client: AsyncClient, backfill: BackfillView) -> BackfillView:
    """The backfill once nothing of it is to come; meanwhile a bar shows how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True) as progress:
        bar = progress.add_task(f"backfill {backfill.backfill_id}", total=backfill.total)
        while backfill.status == BackfillStatus.RUNNING or backfill.open:
            progress.update(bar, completed=backfill.total - _left(backfill) - backfill.open)
            await asyncio.sleep(FOLLOW_SECONDS)
            backfill = await client.backfills.get(backfill.backfill_id)
    return backfill


def _shown(backfill: BackfillView) -> dict[str, Any]:
    return backfill.model_dump(mode="json")


def _left(backfill: BackfillView) -> int:
    """The occurrences that nobody has seen to."""
    return backfill.total - backfill.already_answered - backfill.enqueued


def _line(backfill: BackfillView) -> tuple[object, ...]:
    return (
        backfill.backfill_id,
        backfill.schedule_name or backfill.schedule_id,
        backfill.since,
        backfill.until,
        backfill.status,
        backfill.total,
        backfill.already_answered,
        backfill.succeeded,
        backfill.failed,
        backfill.open,
        _left(backfill),
    )
