"""Who works, what nobody can run, what is overdue, what can't be scheduled, and the ledger's days ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rowcall.cli.output import span
from rowcall.domain.zones import UNKNOWN
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.diagnosis import (
    AliveWorker,
    Lane,
    alive_workers,
    answered_ahead,
    gone_schedules,
    invalid_schedules,
    lanes_of_schedules,
    missing_days,
    monitor_role,
)
from rowcall.store.retention import FEW_YOUNGER, old_days
from rowcall.store.zone_data import PIN, compare_zone_data

from .findings import Finding

NAMED = 5
LEAST_OVERDUE_SECONDS = 60.0


async def look_at_work(database: Database, settings: Settings) -> list[Finding]:
    """All findings on the work. Raises StoreUnavailable when the server stops answering."""
    workers, lanes = await alive_workers(database), await lanes_of_schedules(database)
    return [
        _workers(workers, lanes),
        _unroutable(workers, lanes),
        _overdue(lanes, settings),
        await _invalid(database),
        await _zones(database, workers),
        await _days(database),
        await _history(database, settings),
        _monitor(*await monitor_role(database)),
    ]


def _workers(workers: Sequence[AliveWorker], lanes: Sequence[Lane]) -> Finding:
    if not workers:
        to_do = "start `rowcall serve` or `rowcall worker`"
        return (Finding.fail if lanes else Finding.warn)("workers", "none is alive", to_do)
    versions = sorted({worker.rowcall_version for worker in workers})
    found = (
        f"{len(workers)} alive, {sum(worker.slots for worker in workers)} slots: {_named([w.name for w in workers])}"
    )
    if len(versions) > 1:
        return Finding.warn("workers", f"{found}; versions {', '.join(versions)}", "finish the upgrade")
    return Finding.ok("workers", found)


def _unroutable(workers: Sequence[AliveWorker], lanes: Sequence[Lane]) -> Finding:
    missing = [lane.route for lane in lanes if not lane.routable]
    if not missing:
        return Finding.ok("routes", f"{len(lanes)} needed, each has a worker")
    if not workers:
        return Finding.warn("routes", f"{len(lanes)} needed, and no worker is alive", "start one")
    return Finding.fail("routes", f"no worker runs {_named(missing)}", "start a worker with the app that has it")


def _overdue(lanes: Sequence[Lane], settings: Settings) -> Finding:
    limit = max(LEAST_OVERDUE_SECONDS, 2 * settings.poll_interval_seconds)
    late = {lane.route: lane.due_for_seconds for lane in lanes if (lane.due_for_seconds or 0) > limit}
    if not late:
        return Finding.ok("overdue", "nothing")
    found = _named([f"{route} for {span(seconds)}" for route, seconds in late.items() if seconds is not None])
    return Finding.fail("overdue", found, "start more workers, or raise ROWCALL_CONCURRENCY where slots are full")


async def _invalid(database: Database) -> Finding:
    ahead = await answered_ahead(database, NAMED + 1)
    if ahead:
        told = _named([f"{schedule.name} ({schedule.status_reason})" for schedule in ahead])
        what = f"answered for while the server's clock was ahead, and not run before it is there again: {told}"
        return Finding.fail("schedules", what, "if the clock is right now: delete them, and create them anew")
    found = await invalid_schedules(database, NAMED + 1)
    if found:
        told = _named([f"{schedule.name} ({schedule.status_reason})" for schedule in found])
        return Finding.warn("schedules", f"can't be scheduled: {told}", "correct them, or delete them")
    gone = await gone_schedules(database, NAMED + 1)
    if gone:
        told = _named([schedule.name for schedule in gone])
        return Finding.warn("schedules", f"set aside, their code is gone: {told}", "bring it back, or delete them")
    return Finding.ok("schedules", "each can be scheduled")


async def _zones(database: Database, workers: Sequence[AliveWorker]) -> Finding:
    """Replicas with different time zone data name different moments, and run a schedule twice where they alternate."""
    data = await compare_zone_data(database)
    theirs = {worker.tzdata_version for worker in workers if worker.tzdata_version is not None}
    if {data.noted, *theirs} <= {data.own, UNKNOWN}:
        return Finding.ok("time zones", f"data {data.own}")
    workers_have = f"; workers have {', '.join(sorted(theirs))}" if theirs else ""
    return Finding.warn("time zones", f"data {data.own} here, {data.noted} in use{workers_have}", PIN)


async def _days(database: Database) -> Finding:
    missing = [day.isoformat() for day in await missing_days(database, ahead=1)]
    if not missing:
        return Finding.ok("ledger", "today and tomorrow have their place")
    return Finding.warn("ledger", f"no place yet for {', '.join(missing)}", "nothing: a worker makes it when it starts")


async def _history(database: Database, settings: Settings) -> Finding:
    """Days that are old enough by the clock, and that no worker drops: the clock may be wrong."""
    keep = settings.retention_days
    if not keep:
        return Finding.ok("history", "kept for ever")
    old = await old_days(database, timedelta(days=keep), keep_days=keep)
    kept = [day for day in old if day.kept_because == FEW_YOUNGER]
    if not kept:
        return Finding.ok("history", f"kept for {keep} days")
    found = f"{len(kept)} days are older than {keep} days and stay: {FEW_YOUNGER}"
    return Finding.warn("history", found, "check the server's clock; if it is right: rowcall retention")


def _monitor(is_there: bool, may_read: bool) -> Finding:  # noqa: FBT001 - as the store tells it
    if may_read:
        return Finding.ok("monitor", "rowcall_monitor may read the views")
    grant = "SELECT rowcall.grant_monitor('rowcall_monitor')"
    if is_there:
        return Finding.warn("monitor", "rowcall_monitor may not read all views", grant)
    return Finding.warn("monitor", "there is no role rowcall_monitor", f"CREATE ROLE rowcall_monitor NOLOGIN; {grant}")


def _named(names: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
