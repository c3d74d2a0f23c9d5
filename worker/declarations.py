"""The static schedules of the apps that a worker serves: written down when it starts, looked after while it lives."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from rowcall.app import App
from rowcall.domain.definitions import Defaults
from rowcall.store.database import Database
from rowcall.store.static_schedules import Declaration, Declared, declare_schedules, set_aside_gone

log = structlog.get_logger("rowcall.worker")

EVENTS = {"created": "schedule_create", "changed": "schedule_update"}


def sources_of(apps: Sequence[App]) -> list[str]:
    """The names under which these apps declare static schedules."""
    return sorted({source for app in apps for source in app.sources})


class Declarations:
    """What one worker declares. Other versions of its apps may declare otherwise: see `store.static_schedules`."""

    def __init__(self, database: Database, worker_id: int, apps: Sequence[App], defaults: Defaults) -> None:
        self._database = database
        self._worker_id = worker_id
        self._defaults = defaults
        self.sources = sources_of(apps)
        self._declared = [Declared(each.source, each.name, each.fields) for app in apps for each in app.schedules]
        self._waiting: set[str] = set()

    async def declare(self) -> None:
        """Write them down, and set aside what no version declares any more. What can't be written stops nothing."""
        outcomes = await declare_schedules(self._database, self._worker_id, self._declared, self._defaults)
        for outcome in outcomes:
            self._tell(outcome)
        self._waiting = {each.declared.key for each in outcomes if each.outcome == "waiting"}
        await self._set_aside()

    async def look_again(self, *, gone: bool) -> None:
        """Take up what had to wait for another version to end, and set aside what went, where `gone` says so."""
        if self._waiting:
            await self.declare()
        elif gone:
            await self._set_aside()

    async def _set_aside(self) -> None:
        for name in await set_aside_gone(self._database, self.sources):
            log.warning("static_schedule_gone", schedule=name)

    def _tell(self, declaration: Declaration) -> None:
        name = declaration.declared.name
        if declaration.outcome == "refused":
            log.error("static_schedule_refused", schedule=name, reason=declaration.reason)
        elif declaration.outcome == "waiting":
            if declaration.declared.key not in self._waiting:
                log.warning("static_schedule_waits", schedule=name, reason=declaration.reason)
        elif declaration.outcome != "unchanged":
            log.info(EVENTS[declaration.outcome], schedule=name, source="code")
