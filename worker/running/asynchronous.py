"""Coroutine functions, on the worker's own event loop."""

from __future__ import annotations

import asyncio

from rowcall.domain.executions import Outcome

from .attempts import Attempt, Means
from .calling import Limits, await_task


class Coroutine:
    """A coroutine that runs as a task of its own, so that it can be left behind if it swallows its cancellation."""

    beyond_reach = "the task ignored its cancellation and runs on"

    def __init__(self, attempt: Attempt, limits: Limits) -> None:
        definition = attempt.definition
        self.done = asyncio.get_running_loop().create_task(
            await_task(definition.function, attempt.run, takes_run=definition.takes_run, limits=limits),
            name=f"{definition.task_type} {attempt.run.execution_id}",
        )
        self.means = (Means("its coroutine was cancelled", self.done.cancel),)


async def run_coroutine(attempt: Attempt, limits: Limits) -> Outcome:
    """Run one attempt on this event loop."""
    return await attempt.supervise(Coroutine(attempt, limits))
