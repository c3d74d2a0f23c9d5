"""The pulse of a worker: when its loop last looked for work. A process that lives, and looks no more, is of no use."""

from __future__ import annotations

import asyncio
import time


class Pulse:
    """Felt by whoever asks whether the worker does its work; beaten by its loop after every look that went well."""

    def __init__(self) -> None:
        self._at: float | None = None
        self.first = asyncio.Event()
        """Set from the first look on."""

    def beat(self) -> None:
        """The loop has looked."""
        self._at = time.monotonic()
        self.first.set()

    @property
    def silent_seconds(self) -> float | None:
        """For how long it has not looked; None, if it never has."""
        return None if self._at is None else time.monotonic() - self._at
