"""Notifications, heard as long as the worker lives: a cut connection is made anew, and then everything is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import structlog

from rowcall.domain.errors import InvalidInput, StoreUnavailable
from rowcall.store.notifications import listen

log = structlog.get_logger("rowcall.worker")

LONGEST_PAUSE_SECONDS = 30.0


async def keep_listening(dsn: str, worker_id: int, on_message: Callable[[str], None], random: Random) -> None:
    """Listen until cancelled."""
    failures = 0

    def heard(message: str) -> None:
        nonlocal failures
        failures = 0
        on_message(message)

    while True:
        try:
            await listen(dsn, heard, application_name=f"rowcall listener {worker_id}")
        except (StoreUnavailable, InvalidInput) as fault:
            failures += 1
            pause = min(LONGEST_PAUSE_SECONDS, 0.2 * 2**failures) * (0.5 + random.random() / 2)
            log.warning("not_listening", error=str(fault), retry_in_seconds=round(pause, 1))
            await asyncio.sleep(pause)
