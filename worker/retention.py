"""The duty of dropping days of the ledger that are old enough: any replica does it, one at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import groupby
from random import Random

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.database import Database
from rowcall.store.retention import FEW_YOUNGER, drop_old_days

log = structlog.get_logger("rowcall.worker")

HOUR_SECONDS = 3600.0


async def keep_retention(database: Database, days: int, poll_seconds: float, random: Random) -> None:
    """Drop what is older than so many days (0: nothing), each hour, or soon again where something was in use."""
    while days:
        pause = HOUR_SECONDS if await retire(database, days) else poll_seconds
        await asyncio.sleep(pause * (0.9 + 0.2 * random.random()))


async def retire(database: Database, days: int) -> bool:
    """One pass; whether there is nothing to do soon.

    As many days stay as are to be kept, whatever the clock says: more is for people to decide (`rowcall retention`).
    """
    if not days:
        return True
    try:
        retired = await drop_old_days(database, timedelta(days=days), keep_days=days)
    except StoreUnavailable as fault:
        log.warning("history_not_dropped_yet", error=str(fault))
        return False
    for day in retired.dropped:
        log.info("history_dropped", day=day.day.isoformat(), executions=day.executions)
    for because, kept in groupby(retired.kept, key=lambda day: day.kept_because):
        names = [day.day.isoformat() for day in kept]
        tell = log.warning if because == FEW_YOUNGER else log.info
        tell("history_kept", days=len(names), first=min(names), last=max(names), because=because)
    return not retired.busy
