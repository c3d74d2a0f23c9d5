"""Coroutine functions, on the worker's own event loop."""

from __future__ import annotations

import asyncio

from .attempts import Means
from .endings import End


class Coroutine:
    """A coroutine that runs as a task of its own, so that it can be left behind if it swallows its cancellation.

    It tells by `finish` how it ended. Its task does not: one that cancels itself as its last act counts as cancelled.
    """

    beyond_reach = "the task ignored its cancellation and runs on"

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.done: asyncio.Future[End] = task.get_loop().create_future()
        self.means = (Means("its coroutine was cancelled", task.cancel),)

    def finish(self, end: End) -> None:
        """It ended so."""
        self.done.set_result(end)
