"""The schedules of ``rowcall serve --demo``."""

from __future__ import annotations

from contextlib import suppress

from rowcall.demo import SCHEDULES
from rowcall.domain.definitions import define
from rowcall.domain.errors import Conflict
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.schedule_lists import ScheduleFilter, list_schedules
from rowcall.store.schedules import (
    create_schedule,
    known_tasks,
)

from .who import acting_here


async def make_demonstration(database: Database, settings: Settings) -> None:
    """Create them where there is no schedule at all; what is there already is left alone."""
    if await list_schedules(database, ScheduleFilter(include_disabled=True), after=0, limit=1):
        return
    now, _ = await known_tasks(database)
    for given in SCHEDULES:
        definition = define(given, now=now, defaults=settings.schedule_defaults)
        with suppress(Conflict):  # another process that started at the same moment was quicker
            async with acting_here(database).transaction() as transaction:
                await create_schedule(transaction, definition, source="demo")
