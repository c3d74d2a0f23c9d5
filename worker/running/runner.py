"""Runner: carries out one attempt and answers with its outcome, whatever the task does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self

import structlog
from structlog.typing import FilteringBoundLogger

from rowcall.app import Isolation, Run, TaskDefinition
from rowcall.domain.executions import Outcome

from .attempts import Attempt, Graces
from .calling import Limits
from .endings import Stop, StopKind
from .errors import cut, describe_error
from .exits import contain_exits
from .processes import ProcessPool
from .quick import QuickRun, Surroundings, Then, Timers
from .threaded import ThreadPool

log: FilteringBoundLogger = structlog.get_logger(__name__)


class Runner:
    """Runs attempts of tasks; an async context manager, entered on the event loop that they run on.

    `tasks` is looked at for each run, so that it may grow. `threads` and `processes` are the most there will be of
    each; they are started when needed. `cancel_grace_seconds` is how long a task has to notice a cancellation by
    itself, `kill_grace_seconds` how long it then has to clean up before the next means, or before it is left alone.
    """

    def __init__(
        self,
        tasks: Mapping[str, TaskDefinition],
        *,
        result_max_bytes: int,
        error_max_bytes: int,
        threads: int,
        processes: int,
        cancel_grace_seconds: float = 2.0,
        kill_grace_seconds: float = 5.0,
    ) -> None:
        self._tasks = tasks
        self._limits = Limits(result_max_bytes, error_max_bytes)
        self._graces = Graces(cancel_grace_seconds, kill_grace_seconds)
        self._threads = ThreadPool(threads, self._limits)
        self._processes = ProcessPool(processes, self._limits)
        self._attempts: dict[int, tuple[Attempt | QuickRun, ...]] = {}
        self._timers = Timers(self._attempts)
        self._carriers: set[asyncio.Task[Outcome]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._surroundings: Surroundings | None = None
        self._thread = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        contain_exits(loop)
        self._surroundings = Surroundings(loop, self._graces, self._limits, self._ended)
        self._thread = threading.get_ident()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what is still under way, then end all child processes, and the threads that are not stuck."""
        for execution_id in self.running:
            self.give_back(execution_id)
        await self._empty.wait()
        self._threads.close()
        await self._processes.close()

    @property
    def running(self) -> frozenset[int]:
        """The ids of the executions under way."""
        return frozenset(self._attempts)

    @property
    def free_threads(self) -> int:
        """How many more threaded tasks could start at once."""
        return self._threads.places.free

    @property
    def free_processes(self) -> int:
        """How many more tasks could start at once in child processes."""
        return self._processes.places.free

    @property
    def stuck_threads(self) -> int:
        """How many threads are held by tasks whose attempt was closed without them."""
        return self._threads.stuck

    async def run(self, run: Run, *, timeout_seconds: float) -> Outcome:
        """Carry out one attempt. Never raises, but for the cancellation of the awaiting task itself.

        The outcome's texts are cut to their limits, and hold nothing that PostgreSQL can't.
        """
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def tell(_run: Run, outcome: Outcome) -> None:
            if not ended.done():
                ended.set_result(outcome)

        self.start(run, timeout_seconds=timeout_seconds, then=tell)
        try:
            return await ended
        except asyncio.CancelledError:  # whoever waited went away: nothing may run on without a watcher
            self.give_back(run.execution_id)
            raise

    def start(self, run: Run, *, timeout_seconds: float, then: Then) -> None:
        """Start one attempt, and call `then` once with it and its outcome, as `run` would return it. Never raises."""
        try:
            self._start(run, timeout_seconds, then)
        except Exception as fault:
            log.exception("run_not_carried_out", **run.identity)
            then(run, Outcome.failed(describe_error(fault, self._limits.error_max_bytes)))

    def _start(self, run: Run, timeout_seconds: float, then: Then) -> None:
        definition = self._tasks.get(run.task_type)
        if definition is None:
            known = ", ".join(sorted(self._tasks)) or "none"
            then(run, self._kept(Outcome.failed(f"this worker has no task {run.task_type!r}; it has: {known}")))
        elif definition.isolation is Isolation.ASYNC:
            assert self._surroundings is not None, "enter the runner before using it"
            quick = QuickRun(self._surroundings, run, definition, timeout_seconds, then)
            self._register(quick)
            self._timers.see_to(quick, timeout_seconds)
        else:
            carrier = asyncio.get_running_loop().create_task(self._carried_out(run, definition, timeout_seconds))
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)
            carrier.add_done_callback(lambda task: None if task.cancelled() else then(run, task.result()))

    def _ended(self, quick: QuickRun, outcome: Outcome) -> None:
        self._forget(quick)
        quick.then(quick.run, self._kept(outcome))

    def cancel(self, execution_id: int, reason: str) -> bool:
        """Have an execution end as CANCELLED; False if it is not under way. From any thread, any number of times.

        First by the signal that the task may look at, then by the means its isolation has, from mild to hard. The
        outcome's error text tells by which it ended. A task that returned without having noticed has SUCCEEDED.
        """
        return self._ask(execution_id, Stop(StopKind.CANCELLED, reason))

    def give_back(self, execution_id: int) -> bool:
        """Have an execution end quickly and be given back; False if it is not under way. From any thread.

        What has ended by itself in the meantime keeps its own outcome.
        """
        return self._ask(execution_id, Stop(StopKind.GIVEN_BACK, "the worker stops"))

    async def _carried_out(self, run: Run, definition: TaskDefinition, timeout_seconds: float) -> Outcome:
        try:
            return self._kept(await self._carry_out(run, definition, timeout_seconds))
        except Exception as fault:
            log.exception("run_not_carried_out", **run.identity)
            return Outcome.failed(describe_error(fault, self._limits.error_max_bytes))

    async def _carry_out(self, run: Run, definition: TaskDefinition, timeout_seconds: float) -> Outcome:
        """Carry out an attempt in a thread or in a child process."""
        attempt = Attempt(run, definition, timeout_seconds, self._graces)
        self._register(attempt)
        pool = self._threads if definition.isolation is Isolation.THREAD else self._processes
        try:
            return await pool.run(attempt)
        finally:
            attempt.end()
            self._forget(attempt)

    def _register(self, attempt: Attempt | QuickRun) -> None:
        # Several: an execution that was given up can come back to this worker while its old attempt still ends.
        execution_id = attempt.run.execution_id
        if not self._attempts:
            self._empty.clear()
        siblings = self._attempts.get(execution_id)
        self._attempts[execution_id] = (attempt,) if siblings is None else (*siblings, attempt)

    def _forget(self, attempt: Attempt | QuickRun) -> None:
        execution_id = attempt.run.execution_id
        siblings = self._attempts[execution_id]
        if len(siblings) > 1:
            self._attempts[execution_id] = tuple(each for each in siblings if each is not attempt)
            return
        del self._attempts[execution_id]
        if not self._attempts:
            self._empty.set()

    def _ask(self, execution_id: int, stop: Stop) -> bool:
        attempts = self._attempts.get(execution_id, ())
        for attempt in attempts:
            if threading.get_ident() == self._thread:
                attempt.ask(stop)
            else:
                assert self._surroundings is not None, "enter the runner before using it"
                self._surroundings.loop.call_soon_threadsafe(attempt.ask, stop)
        return bool(attempts)

    def _kept(self, outcome: Outcome) -> Outcome:
        if outcome.error is None:
            return outcome
        return replace(outcome, error=cut(outcome.error, self._limits.error_max_bytes))
