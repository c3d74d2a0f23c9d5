"""What ``rowcall backfill`` does: the same functions of the store as REST, shown as REST shows them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rowcall.domain.backfilling import BackfillStatus
from rowcall.domain.triggers import read_local
from rowcall.settings import Settings
from rowcall.store.backfills import (
    BackfillRow,
    Request,
    cancel_backfill,
    count_already_answered,
    find_backfill,
    list_backfills,
    plan_backfill,
    start_backfill,
)
from rowcall.store.database import Database
from rowcall.store.schedules import ScheduleRow, find_schedule, lock_schedule, resolve_schedule
from rowcall.webapi.resources.backfills import backfill_view, dry_run_view

from .access import a_database
from .durations import seconds_of
from .exits import ExitCode
from .options import known_words
from .output import err, print_facts, print_json, print_table, say
from .who import who

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
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        database = place.database
        schedule = await find_schedule(database, await resolve_schedule(database, client, reference))
        since, until = (
            _moment(text, schedule, name) for text, name in ((wanted.since, "since"), (wanted.until, "until"))
        )
        planned = await plan_backfill(database, schedule, since, until)
        if dry_run:
            told = dry_run_view(planned, await count_already_answered(database, planned)).model_dump(mode="json")
            (print_json if as_json else print_facts)(told)
            return ExitCode.OK
        request = Request(
            rate_per_minute=wanted.rate_per_minute,
            max_concurrent=wanted.max_concurrent,
            requested_by=who(),
            reason=wanted.reason,
        )
        async with database.transaction() as transaction:
            locked = await lock_schedule(transaction, planned.schedule_id)
            backfill = await start_backfill(transaction, locked, planned, request)
        say(f"Backfill {backfill['backfill_id']} of {schedule['name']} is started: {backfill['total']} occurrences.")
        return await _show(database, backfill, follow=follow, as_json=as_json, told=True)


async def list_them(
    schedule: str | None, client: str, statuses: list[str] | None, *, limit: int, as_json: bool
) -> None:
    """List backfills, the newest first."""
    words = known_words(statuses, BackfillStatus, "--status")
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        schedule_id = None if schedule is None else await resolve_schedule(place.database, client, schedule)
        found = await list_backfills(place.database, None, limit, schedule_id=schedule_id, statuses=words)
    if as_json:
        for backfill in found:
            print_json(_shown(backfill))
    else:
        print_table(COLUMNS, map(_line, found), empty="No backfills.")


async def show_one(backfill_id: int, *, follow: bool, as_json: bool) -> ExitCode:
    """Show one backfill; with `follow` once it is over: FAULT says that something failed."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        backfill = await find_backfill(place.database, backfill_id)
        return await _show(place.database, backfill, follow=follow, as_json=as_json)


async def cancel_one(backfill_id: int, *, as_json: bool) -> None:
    """End a backfill. Raises NotFound, and Conflict for one that is over."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        backfill = await cancel_backfill(place.database, backfill_id, by=who())
    if as_json:
        print_json(_shown(backfill))
    else:
        say(f"Backfill {backfill_id} is cancelled, with {_left(backfill)} left to run; {backfill['open']} still run.")


# ── the parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _moment(text: str, schedule: ScheduleRow, field: str) -> datetime:
    """A moment in the schedule's zone, or a length of time ago by the database's clock. Raises InvalidInput."""
    if re.fullmatch(r"[\dwdhms\s]+", text) and not re.fullmatch(r"\d{4,8}", text):
        now: datetime = schedule["now"]
        return now - timedelta(seconds=seconds_of(text, field))
    return read_local(text, schedule["timezone"], field)


async def _show(
    database: Database, backfill: BackfillRow, *, follow: bool, as_json: bool, told: bool = False
) -> ExitCode:
    """Show it, once it is over where it is followed; `told` leaves out what people have been told already."""
    if follow:
        backfill = await _over(database, backfill)
    if as_json:
        print_json(_shown(backfill))
    elif follow or not told:
        print_facts(_shown(backfill))
    whole = backfill["status"] == BackfillStatus.DONE and not backfill["failed"] and not backfill["cancelled"]
    return ExitCode.OK if whole or not follow else ExitCode.FAULT


async def _over(database: Database, backfill: BackfillRow) -> BackfillRow:
    """The backfill once nothing of it is to come; meanwhile a bar shows how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True) as progress:
        bar = progress.add_task(f"backfill {backfill['backfill_id']}", total=backfill["total"])
        while backfill["status"] == BackfillStatus.RUNNING or backfill["open"]:
            progress.update(bar, completed=backfill["total"] - _left(backfill) - backfill["open"])
            await asyncio.sleep(FOLLOW_SECONDS)
            backfill = await find_backfill(database, backfill["backfill_id"])
    return backfill


def _shown(backfill: BackfillRow) -> dict[str, Any]:
    return backfill_view(backfill).model_dump(mode="json")


def _left(backfill: BackfillRow) -> int:
    """The occurrences that nobody has seen to."""
    left: int = backfill["total"] - backfill["already_answered"] - backfill["enqueued"]
    return left


def _line(backfill: BackfillRow) -> tuple[object, ...]:
    counts = ("total", "already_answered", "succeeded", "failed", "open")
    return (
        backfill["backfill_id"],
        backfill["schedule_name"] or backfill["schedule_id"],
        backfill["since"],
        backfill["until"],
        backfill["status"],
        *(backfill[count] for count in counts),
        _left(backfill),
    )
