"""Notifications, heard as long as the worker lives: a cut connection is made anew, and then everything is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import structlog

from rowcall.domain.errors import InvalidInput, StoreUnavailable
from rowcall.store.notifications import KINDS, LOOK, listen

log = structlog.get_logger("rowcall.worker")

LONGEST_PAUSE_SECONDS = 30.0

MOMENT_SECONDS = 0.025
"""As short as the loop's own floor: nobody waits for it who does not notify all the time."""


class Calm:
    """Hands each kind of message on at once, and all that follow within a moment as one, at the end of it.

    Whoever may connect may notify, as often as they like; each message on its own would be a look or a beat.
    """

    def __init__(self, hand_on: Callable[[str], None]) -> None:
        self._hand_on = hand_on
        self._heard: dict[str, bool] = {}

    def hear(self, message: str) -> None:
        """A message; what is none of those that are known asks for a look, as any change does."""
        kind = message if message in KINDS else LOOK
        if kind in self._heard:
            self._heard[kind] = True
            return
        self._heard[kind] = False
        asyncio.get_running_loop().call_later(MOMENT_SECONDS, self._moment_over, kind)
        self._hand_on(kind)

    def _moment_over(self, kind: str) -> None:
        if self._heard.pop(kind):
            self.hear(kind)


async def keep_listening(dsn: str, worker_id: int, on_message: Callable[[str], None], random: Random) -> None:
    """Listen until cancelled."""
    failures = 0
    calm = Calm(on_message)

    def heard(message: str) -> None:
        nonlocal failures
        failures = 0
        calm.hear(message)

    while True:
        try:
            await listen(dsn, heard, application_name=f"rowcall listener {worker_id}")
        except (StoreUnavailable, InvalidInput) as fault:
            failures += 1
            pause = min(LONGEST_PAUSE_SECONDS, 0.2 * 2**failures) * (0.5 + random.random() / 2)
            log.warning("not_listening", error=str(fault), retry_in_seconds=round(pause, 1))
            await asyncio.sleep(pause)
