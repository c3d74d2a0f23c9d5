"""The work in hand: what was claimed runs here, and its results go to the recorder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog

from rowcall.app import Isolation, Run, TaskDefinition
from rowcall.app.cancellation import Cancellation
from rowcall.domain.errors import LeaseLost
from rowcall.domain.executions import Outcome
from rowcall.store.claiming import Look
from rowcall.store.claims import Claim
from rowcall.store.finishing import Result
from rowcall.store.jsonb import read_jsonb

from .events import Audience, ExecutionStarted, not_run, tell_completed
from .holdings import Holdings
from .recorder import Recorder
from .running.runner import Runner
from .settled import Settled
from .transactions import Transactions

log = structlog.get_logger("rowcall.worker")


class Work:
    """Carries out claims.

    `on_room` is called when a slot becomes free, and something may be waiting for one; `on_recorded` when a look may
    have written down what does not run.
    """

    def __init__(
        self,
        runner: Runner,
        tasks: Mapping[str, TaskDefinition],
        installation_id: str,
        holdings: Holdings,
        recorder: Recorder,
        audience: Audience,
        transactions: Transactions,
        settled: Settled,
    ) -> None:
        self._transactions = transactions
        self._settled = settled
        self.holdings = holdings
        self.on_room: Callable[[], None] = lambda: None
        self.on_recorded: Callable[[], None] = lambda: None
        self._runner = runner
        self._definitions = tasks
        self._installation_id = installation_id
        self._recorder = recorder
        self._audience = audience
        self._idle = asyncio.Event()
        self._idle.set()

    def take(self, found: Look) -> None:
        """Start what a look claimed, and tell of what it recorded as not run."""
        self.holdings.late |= found.late  # before the start, which may be the end
        self.holdings.late_waits = found.late_is_left
        for claim in found.claims:
            self._start(claim)
        for row in found.recorded:
            self._audience.tell(not_run(row))
        for completed in found.completed:
            tell_completed(completed)
        if found.recorded or found.planned:
            self.on_recorded()

    def cancel(self, execution_id: int, reason: str) -> None:
        """Have a run end."""
        self._runner.cancel(execution_id, reason)

    async def ended(self) -> None:
        """Wait until nothing runs any more."""
        await self._idle.wait()

    def _start(self, claim: Claim) -> None:
        if claim.execution_id in self.holdings.running:
            # A standby that lacked the last commits gave the id out again. What runs here ends first; then nobody holds
            # this claim, and it is given back.
            log.warning("execution_id_given_out_again", execution_id=claim.execution_id, schedule=claim.schedule_name)
            return
        if not self.holdings.running:
            self._idle.clear()
        self.holdings.start(claim)
        if self._audience.of_every_run:
            self._audience.tell(_started(claim))
        definition = self._definitions.get(claim.task_type)
        self._runner.start(self._run_of(claim, definition), timeout_seconds=_limit(claim, definition), then=self._end)

    def _end(self, run: Run, outcome: Outcome) -> None:
        holdings = self.holdings
        claim = holdings.running[run.execution_id]
        is_awaited = holdings.is_awaited(claim)
        holdings.end(claim)
        ended = self._settled.take(claim)
        if ended is None:
            self._recorder.put(Result(claim, outcome, time.monotonic() - run.began))
        else:
            self._recorder.already_recorded(ended)
        if not holdings.running:
            self._idle.set()
        if is_awaited:
            self.on_room()

    def _run_of(self, claim: Claim, definition: TaskDefinition | None) -> Run:
        # Transactions are for coroutines: another thread or process can't share the worker's connection.
        is_coroutine = definition is not None and definition.isolation is Isolation.ASYNC
        return Run.quickly(
            {
                "execution_id": claim.execution_id,
                "schedule_id": claim.schedule_id,
                "schedule_name": claim.schedule_name,
                "client_id": claim.client_id,
                "scheduled_for": claim.scheduled_for,
                "triggered_at": claim.executed_at,
                "attempt": claim.attempt,
                "fence": claim.fence,
                "task_type": claim.task_type,
                "trigger": claim.trigger,
                "written": claim.input_data,
                "read": read_jsonb,
                "installation_id": self._installation_id,
                "signal": Cancellation(),
                "opener": self._open if is_coroutine else None,
                "began": time.monotonic(),
            }
        )

    def _open(self, run: Run) -> AbstractAsyncContextManager[Any]:
        claim = self.holdings.running.get(run.execution_id)
        if claim is None or claim.fence != run.fence:  # code that a run left behind, maybe beside its next attempt
            raise LeaseLost(f"attempt {run.attempt} of execution {run.execution_id} has ended: it writes nothing more")
        limit_seconds = _limit(claim, self._definitions.get(claim.task_type))
        return self._transactions.open(claim, run.began, limit_seconds)


def _limit(claim: Claim, definition: TaskDefinition | None) -> float:
    """The schedule's time limit, or the task's own if that is shorter."""
    if definition is None or definition.timeout_seconds is None:
        return claim.timeout_seconds
    return min(claim.timeout_seconds, definition.timeout_seconds)


def _started(claim: Claim) -> ExecutionStarted:
    return ExecutionStarted(
        claim.execution_id, claim.schedule_id, claim.schedule_name, claim.client_id, claim.task_type,
        claim.scheduled_for, claim.executed_at, claim.attempt,
    )  # fmt: skip
