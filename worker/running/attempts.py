"""One attempt under way, and the steps by which it is brought to an end.

the task runs ──▶ it ends by itself
    │
    ▼ timeout, cancel, give back
the signal is set; a task that looks at it stops by itself
    │
    ▼ after a grace, by the means its isolation has
its coroutine is cancelled · its process gets SIGTERM, then SIGKILL · a thread has to be left alone
    │
    ▼ after a grace
it runs on: the attempt is closed without it, and a log line tells when it ended after all
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from rowcall.app import Run, TaskDefinition
from rowcall.domain.executions import Outcome

from .endings import End, EndKind, Stop, StopKind, judge

log: FilteringBoundLogger = structlog.get_logger("rowcall.worker.running")

_HURRY_SECONDS = 1.0
LONGEST_SECONDS = 366 * 86400.0  # event loops can't count to infinity


@dataclass(frozen=True, slots=True)
class Graces:
    """How long a task is waited for: after the signal while there are stronger means, and after each last resort."""

    cancel_seconds: float
    kill_seconds: float


@dataclass(frozen=True, slots=True)
class Means:
    """A way to stop a task that needs no consent; `told` says afterwards what was done."""

    told: str
    apply: Callable[[], object]


class Work(Protocol):
    """A task that was started: how it will end, and by which means it can be ended, from mild to hard."""

    @property
    def done(self) -> asyncio.Future[End]:
        """Resolves with how the task ended; never with an exception."""

    @property
    def means(self) -> Sequence[Means]:
        """By which means it can be ended, from mild to hard."""

    @property
    def beyond_reach(self) -> str:
        """What to say when none of the means worked."""


class Attempt:
    """An attempt of a run, from its start to its outcome, and what was asked of it. Lives on one event loop."""

    def __init__(self, run: Run, definition: TaskDefinition, timeout_seconds: float, graces: Graces) -> None:
        self.run = run
        self.definition = definition
        self.stop: Stop | None = None
        self._graces = graces
        self._hurry = False
        self._forced: str | None = None
        self._loop = asyncio.get_running_loop()
        self._change: asyncio.Future[None] | None = None
        late = Stop(StopKind.TIMED_OUT, f"timed out after {timeout_seconds:g} s")
        self._timer = self._loop.call_later(min(timeout_seconds, LONGEST_SECONDS), self.ask, late)

    def ask(self, stop: Stop) -> None:
        """Ask the task to stop. The first reason counts; a request to give back also cuts all graces short."""
        self._hurry = self._hurry or stop.kind is StopKind.GIVEN_BACK
        if self.stop is None:
            self.stop = stop
            self._timer.cancel()
            self.run.signal.request(stop.reason)
        self._wake()

    async def turn(self, place: asyncio.Future[None]) -> bool:
        """Wait for a place to run in; False if a request to stop came first."""
        while not (place.done() or self.stop):
            await self._wait(place)
        return place.done() and self.stop is None

    async def supervise(self, work: Work) -> Outcome:
        """Wait for the work's end, and bring it about where that is asked for."""
        try:
            end = await self._end_of(work)
        except (
            asyncio.CancelledError
        ):  # whoever waited for this outcome went away: nothing may run on without a watcher
            self.run.signal.request("the worker gave it up")
            for means in work.means:
                means.apply()
            raise
        return self.close(end)

    def close(self, end: End) -> Outcome:
        """The outcome, given how the task ended."""
        return judge(end, self.stop, seen=self.run.signal.seen, forced=self._forced)

    def end(self) -> None:
        """Nothing more is asked of the task."""
        self._timer.cancel()

    async def _end_of(self, work: Work) -> End:
        while not (work.done.done() or self.stop):
            await self._wait(work.done)
        if not work.done.done():
            await self._force(work)
        if work.done.done():
            return work.done.result()
        self._watch(work)
        return End(EndKind.RUNS_ON, work.beyond_reach)

    async def _force(self, work: Work) -> None:
        """Wait for the task's consent, then use one means after the other, until one has worked or all are used up."""
        assert self.stop is not None
        if not work.means:
            await self._ends_within(work.done, self._graces.kill_seconds)
        elif self.stop.kind is StopKind.CANCELLED and not self._hurry:
            await self._ends_within(work.done, self._graces.cancel_seconds)
        for means in work.means:
            if work.done.done():
                return
            means.apply()
            self._forced = means.told
            await self._ends_within(work.done, self._graces.kill_seconds)

    async def _ends_within(self, done: asyncio.Future[End], seconds: float) -> None:
        """Wait for so long; a second at most, from when there is a hurry."""
        since = self._loop.time()
        while not done.done():
            grace = min(seconds, _HURRY_SECONDS) if self._hurry else seconds
            left = since + grace - self._loop.time()
            if left <= 0:
                return
            timer = self._loop.call_later(left, self._wake)
            try:
                await self._wait(done)
            finally:
                timer.cancel()

    async def _wait(self, done: asyncio.Future[Any]) -> None:
        """Sleep until this is done or something else has changed: cheap, because every run passes here."""
        self._change = self._loop.create_future()
        done.add_done_callback(self._wake)
        try:
            await self._change
        finally:
            self._change = None
            done.remove_done_callback(self._wake)

    def _wake(self, _done: object = None) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)

    def _watch(self, work: Work) -> None:
        """Nothing stops this task; at least say so, and say when it ended after all."""
        logger = log.bind(**self.run.identity)
        logger.warning("task_runs_on", reason=work.beyond_reach)
        since = self._loop.time()

        def ended(done: asyncio.Future[End]) -> None:
            logger.warning(
                "task_ended_after_all", kind=done.result().kind.value, seconds=round(self._loop.time() - since, 3)
            )

        work.done.add_done_callback(ended)
