"""Coroutine functions, on the worker's own event loop."""

from __future__ import annotations

import asyncio

from .attempts import Means
from .endings import End


class Coroutine:
    """A coroutine that runs as a task of its own, so that it can be left behind if it swallows its cancellation."""

    beyond_reach = "the task ignored its cancellation and runs on"

    def __init__(self, task: asyncio.Task[End]) -> None:
        self.done = task
        self.means = (Means("its coroutine was cancelled", task.cancel),)
