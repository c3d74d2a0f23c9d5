"""The common case, cheaply: a coroutine that nobody asks to stop is one task, and one timer if it lasts.

When it is asked to (a time limit, a cancellation, a drain), an `Attempt` takes it over where it stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rowcall.app import Run, TaskDefinition
from rowcall.domain.executions import Outcome

from .asynchronous import Coroutine
from .attempts import LONGEST_SECONDS, Attempt, Graces
from .calling import Limits, await_task
from .endings import Stop, StopKind, by_itself

Then = Callable[[Run, Outcome], object]
"""Told of a run's outcome, once."""

ARMED_AFTER_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runs of an event loop share; `ended` is told of each, once."""

    loop: asyncio.AbstractEventLoop  # asking for the running one is a call of the system
    graces: Graces
    limits: Limits
    ended: Callable[[QuickRun, Outcome], None]


class QuickRun:
    """A coroutine under way on this event loop. `then` is for whoever started it; `arm` starts its timer."""

    __slots__ = (
        "_around",
        "_attempt",
        "_definition",
        "_lasts_at_most",
        "_task",
        "_timeout_seconds",
        "_timer",
        "_work",
        "run",
        "then",
    )

    def __init__(
        self, around: Surroundings, run: Run, definition: TaskDefinition, timeout_seconds: float, then: Then
    ) -> None:
        self.run = run
        self.then = then
        self._around = around
        self._definition = definition
        self._timeout_seconds = timeout_seconds
        self._attempt: Attempt | None = None
        self._work: Coroutine | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lasts_at_most = min(timeout_seconds, LONGEST_SECONDS)  # what is no number fails here, and starts nothing
        # Not by the loop's factory (`exits`): it contains by itself what it raises, and a herd feels the call.
        self._task: asyncio.Task[None] = asyncio.Task(self._carried_out(), loop=around.loop)

    def arm(self) -> None:
        """Watch the time limit from now on, unless that is done, the run has ended, or was asked to stop."""
        if self._timer is None and self._attempt is None and not self._task.done():
            left = self._lasts_at_most - (time.monotonic() - self.run.began)
            self._timer = self._around.loop.call_later(max(0.0, left), self._late)

    def ask(self, stop: Stop) -> None:
        """Ask the task to stop: from now on an attempt watches over its end."""
        if self._attempt is None:
            self._disarm()
            self._attempt = Attempt(self.run, self._definition, self._timeout_seconds, self._around.graces)
            self._work = Coroutine(self._task)
            supervision = self._around.loop.create_task(
                self._attempt.supervise(self._work), name=f"the end of {self.run.execution_id}"
            )
            supervision.add_done_callback(self._supervised)
        self._attempt.ask(stop)

    async def _carried_out(self) -> None:
        """The task, which tells of its end itself: a callback would cost each run another turn of the loop."""
        definition = self._definition
        around = self._around
        end = await await_task(definition.function, self.run, takes_run=definition.takes_run, limits=around.limits)
        if self._work is not None:
            self._work.finish(end)
            return
        self._disarm()
        around.ended(self, by_itself(end))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _late(self) -> None:
        self.ask(Stop(StopKind.TIMED_OUT, f"timed out after {self._timeout_seconds:g} s"))

    def _supervised(self, supervision: asyncio.Task[Outcome]) -> None:
        assert self._attempt is not None
        self._attempt.end()
        if not supervision.cancelled():
            self._around.ended(self, supervision.result())


class Timers:
    """Starts the timers of those runs that last: most end sooner, and a timer costs as much as a start.

    `under_way` are the attempts that have not ended, by the ids of their executions. Only ids are remembered here: what
    has ended is to be gone at once, while the processor still has it at hand. Who has begun since the last time is left
    until the next: of a herd there are always a thousand amid their work.
    """

    def __init__(self, under_way: Mapping[int, Sequence[Attempt | QuickRun]]) -> None:
        self._under_way = under_way
        self._begun: list[int] = []
        self._lasting: list[int] = []

    def see_to(self, run: QuickRun, timeout_seconds: float) -> None:
        """Have a run that has just begun end at its time limit."""
        if timeout_seconds <= 2 * ARMED_AFTER_SECONDS:
            run.arm()
            return
        if not (self._begun or self._lasting):
            self._look_soon()
        self._begun.append(run.run.execution_id)

    def _look_soon(self) -> None:
        asyncio.get_running_loop().call_later(ARMED_AFTER_SECONDS, self._arm)

    def _arm(self) -> None:
        lasting, self._lasting, self._begun = self._lasting, self._begun, []
        for execution_id in lasting:
            for attempt in self._under_way.get(execution_id, ()):
                if isinstance(attempt, QuickRun):
                    attempt.arm()
        if self._lasting:
            self._look_soon()
