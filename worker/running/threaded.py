"""Plain functions, in threads of our own.

Not `concurrent.futures`: its threads hold up the interpreter's exit, and a thread that nothing can stop would do so for
ever. These are daemons. A thread whose attempt was closed without it keeps its place until it returns, so that stuck
tasks can never pile up threads without end; how many there are can be seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue

from rowcall.domain.executions import Outcome

from .attempts import Attempt, Means
from .calling import Limits, call_task
from .endings import End, EndKind
from .places import Places


class ThreadPool:
    """At most `count` threads, started when needed and used again."""

    def __init__(self, count: int, limits: Limits) -> None:
        self.places = Places(count)
        self.stuck = 0
        self._limits = limits
        self._started = 0
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    async def run(self, attempt: Attempt) -> Outcome:
        """Run one attempt in a thread; waiting for one counts as time of the attempt."""
        place = self.places.ask()
        if not await self._turn(attempt, place):
            told = f"it never started: no thread came free ({self.stuck} of {self.places.count} are stuck)"
            return attempt.close(End(EndKind.NEVER_STARTED, told))
        try:
            work = ThreadWork(attempt, self)
        except RuntimeError as fault:  # the system has no thread to give
            self.places.release(place)
            return attempt.close(End(EndKind.RAISED, f"no thread could be started: {fault}"))
        work.done.add_done_callback(lambda _: self.places.release(place))
        outcome = await attempt.supervise(work)
        if not work.done.done():
            self.stuck += 1
            work.done.add_done_callback(self._came_back)
        return outcome

    def submit(self, job: Callable[[], None]) -> None:
        """Have a thread do this. The caller holds a place: one is idle, unless fewer were started than are taken."""
        if self._started < self.places.taken:
            threading.Thread(target=self._serve, name=f"rowcall-task-{self._started + 1}", daemon=True).start()
            self._started += 1
        self._jobs.put(job)

    def perform(self, attempt: Attempt) -> End:
        """The task itself; in the thread."""
        definition = attempt.definition
        return call_task(definition.function, attempt.run, takes_run=definition.takes_run, limits=self._limits)

    def close(self) -> None:
        """Let idle threads end. Stuck ones end with the process."""
        for _ in range(self._started):
            self._jobs.put(None)

    async def _turn(self, attempt: Attempt, place: asyncio.Future[None]) -> bool:
        """Whether the attempt got its place before it was asked to stop."""
        came = False
        try:
            came = await attempt.turn(place)
        finally:
            if not came:
                self.places.release(place)
        return came

    def _came_back(self, _done: asyncio.Future[End]) -> None:
        self.stuck -= 1

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class ThreadWork:
    """A function that runs in a thread. There is no means to stop it but its own consent."""

    means: tuple[Means, ...] = ()
    beyond_reach = "a thread can't be killed, and this one runs on; it keeps its place until the task returns"

    def __init__(self, attempt: Attempt, pool: ThreadPool) -> None:
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[End] = self._loop.create_future()
        self._attempt = attempt
        self._pool = pool
        self._context = copy_context()
        pool.submit(self._perform)

    def _perform(self) -> None:
        """In the thread."""
        end = self._context.run(self._pool.perform, self._attempt)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the worker is gone, and nobody waits any more
            self._loop.call_soon_threadsafe(self._finish, end)

    def _finish(self, end: End) -> None:
        if not self.done.done():
            self.done.set_result(end)
