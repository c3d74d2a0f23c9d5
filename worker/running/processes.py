"""Tasks in child processes: started when first needed, kept warm, killed when they don't end.

The only isolation that can end a task without its consent, and that survives one that takes its process down.
"""

from __future__ import annotations

import asyncio

from rowcall.domain.executions import Outcome

from .attempts import Attempt, Means
from .calling import Limits
from .children import ChildProcess
from .endings import End, EndKind
from .places import Places


class ProcessPool:
    """At most `count` child processes, each of them running one attempt at a time."""

    def __init__(self, count: int, limits: Limits) -> None:
        self.places = Places(count)
        self._limits = limits
        self._idle: list[ChildProcess] = []
        self._children: set[ChildProcess] = set()

    async def run(self, attempt: Attempt) -> Outcome:
        """Run one attempt in a child process; waiting for one counts as time of the attempt."""
        place = self.places.ask()
        taken = False
        try:
            if not await attempt.turn(place):
                told = f"it never started: none of the {self.places.count} processes came free"
                return attempt.close(End(EndKind.NEVER_STARTED, told))
            try:
                work = await self._start(attempt)
            except (OSError, TypeError, ValueError) as fault:
                return attempt.close(End(EndKind.RAISED, f"no process could be given the task: {fault}"))
            taken = True
        finally:
            if not taken:
                self.places.release(place)
        work.done.add_done_callback(lambda _: self._ended(work.child, place))
        return await attempt.supervise(work)

    async def close(self) -> None:
        """End all children, and wait until they are gone."""
        children, self._children = self._children, set()
        await asyncio.gather(*(child.close() for child in children))

    async def _start(self, attempt: Attempt) -> ProcessWork:
        child = await self._child()
        try:
            return ProcessWork(attempt, child)
        except BaseException:
            self._idle.append(child)
            raise

    async def _child(self) -> ChildProcess:
        """A warm child, the latest used first; or a new one."""
        while self._idle:
            child = self._idle.pop()
            if child.is_alive():
                return child
            self._drop(child)
        child = await ChildProcess.start(self._limits)
        self._children.add(child)
        return child

    def _ended(self, child: ChildProcess, place: asyncio.Future[None]) -> None:
        if child.usable:
            self._idle.append(child)
        else:
            self._drop(child)
        self.places.release(place)

    def _drop(self, child: ChildProcess) -> None:
        child.kill()
        child.gone.add_done_callback(lambda _: self._children.discard(child))


class ProcessWork:
    """A function that runs in a child process."""

    def __init__(self, attempt: Attempt, child: ChildProcess) -> None:
        self.child = child
        self.done = child.begin(attempt.run, attempt.definition.reference)
        self.means = (
            Means("its process was ended with SIGTERM", child.terminate),
            Means("its process was ended with SIGKILL", child.kill),
        )
        self.beyond_reach = f"the process {child.process_id} did not end, not even by SIGKILL"
