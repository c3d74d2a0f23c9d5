"""The duty of going over to newer time zone data: once for all, as soon as no worker with older data is left."""

from __future__ import annotations

import asyncio

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.database import Database
from rowcall.store.zone_data import PIN, Standing, adopt_zone_data

log = structlog.get_logger("rowcall.worker")


async def keep_zone_data(database: Database, poll_seconds: float) -> None:
    """Go over to this worker's data where it is newer; asks again while it can't be done yet."""
    is_known = False
    while True:
        if await go_over(database, is_known=is_known):
            return
        is_known = True
        await asyncio.sleep(poll_seconds)


async def go_over(database: Database, *, is_known: bool = False) -> bool:
    """One try; whether there is nothing left to do. What is known already is not said again."""
    try:
        found = await adopt_zone_data(database)
    except StoreUnavailable as fault:
        log.warning("zone_data_not_adopted_yet", error=str(fault))
        return False
    told = {"own": found.own, "noted": found.noted}
    match found.standing:
        case Standing.OLDER:
            log.warning("zone_data_is_older", **told, to_do=PIN)
        case Standing.WAITING:
            if not is_known:
                log.warning("zone_data_differs", **told, older_workers=found.older_workers[:5], to_do=PIN)
            return False
        case Standing.ADOPTED:
            log.info("zone_data_adopted", **told, moved=found.moved)
    return True
