"""The common case, cheaply: a coroutine that nobody asks to stop is one task and one timer.

When it is asked to (a time limit, a cancellation, a drain), an `Attempt` takes it over where it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rowcall.app import Run, TaskDefinition
from rowcall.domain.executions import Outcome

from .asynchronous import Coroutine
from .attempts import LONGEST_SECONDS, Attempt, Graces
from .calling import Limits, await_task
from .endings import End, Stop, StopKind, judge

Then = Callable[["QuickRun", Outcome], None]


class QuickRun:
    """A coroutine under way on this event loop. `then` is called once, with its outcome."""

    __slots__ = ("_attempt", "_definition", "_graces", "_task", "_then", "_timeout_seconds", "_timer", "run")

    def __init__(
        self, run: Run, definition: TaskDefinition, timeout_seconds: float, graces: Graces, limits: Limits, then: Then
    ) -> None:
        self.run = run
        self._definition = definition
        self._timeout_seconds = timeout_seconds
        self._graces = graces
        self._then = then
        self._attempt: Attempt | None = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(min(timeout_seconds, LONGEST_SECONDS), self._late)
        self._task: asyncio.Task[End] = loop.create_task(
            await_task(definition.function, run, takes_run=definition.takes_run, limits=limits)
        )
        self._task.add_done_callback(self._ended)

    def ask(self, stop: Stop) -> None:
        """Ask the task to stop: from now on an attempt watches over its end."""
        if self._attempt is None:
            self._timer.cancel()
            self._task.remove_done_callback(self._ended)
            self._attempt = Attempt(self.run, self._definition, self._timeout_seconds, self._graces)
            supervision = asyncio.get_running_loop().create_task(
                self._attempt.supervise(Coroutine(self._task)), name=f"the end of {self.run.execution_id}"
            )
            supervision.add_done_callback(self._supervised)
        self._attempt.ask(stop)

    def _late(self) -> None:
        self.ask(Stop(StopKind.TIMED_OUT, f"timed out after {self._timeout_seconds:g} s"))

    def _ended(self, task: asyncio.Task[End]) -> None:
        self._timer.cancel()
        if not task.cancelled():  # only the end of the whole loop cancels it from outside
            self._then(self, judge(task.result(), None, seen=False, forced=None))

    def _supervised(self, supervision: asyncio.Task[Outcome]) -> None:
        assert self._attempt is not None
        self._attempt.end()
        if not supervision.cancelled():
            self._then(self, supervision.result())
