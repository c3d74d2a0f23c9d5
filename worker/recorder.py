"""Results on their way to the ledger: gathered while one batch is being written, and then written as the next."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.domain.executions import ExecutionStatus, Outcome
from rowcall.metrics.tallies import Tallies
from rowcall.store.database import Database
from rowcall.store.finishing import Recorded, Result, record_results

from .events import Audience, ExecutionEnded
from .holdings import Holdings

log = structlog.get_logger("rowcall.worker")

BATCH = 1000
LONGEST_PAUSE_SECONDS = 5.0
PUT_ASIDE_SECONDS = 30.0
"""Until what the database refuses in any form is tried again."""


class Recorder:
    """Writes results back, in batches, however long it takes: while PostgreSQL is away they are kept.

    `on_queued` is called when there may be something new to claim: a retry, or one that waited for an end. Nothing else
    would tell before the next poll. `on_busy` is called with the schedules where that is still to be let go, `on_ended`
    with what ended, `on_told` when something was put into the outbox of webhooks. The audience's tallies are added to
    with each batch.
    """

    def __init__(
        self, database: Database, worker_id: int, holdings: Holdings, audience: Audience, random: Random
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._holdings = holdings
        self._audience = audience
        self._random = random
        self._results: list[Result] = []
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.wrote = asyncio.Event()
        self.on_ended: Callable[[Sequence[Result]], None] = lambda _: None
        self.on_queued: Callable[[], None] = lambda: None
        self.on_busy: Callable[[Sequence[int]], None] = lambda _: None
        self.on_told: Callable[[], None] = lambda: None

    def put(self, result: Result) -> None:
        """Take a result in; it is written as soon as the batch before it is."""
        if not self._results:
            self._empty.clear()
            self._filled.set()
        self._results.append(result)

    def already_recorded(self, result: Result) -> None:
        """Take note of a result that was written in the run's own transaction."""
        self._holdings.forget([result.claim])
        self.wrote.set()
        self.on_queued()
        if result.claim.tells:
            self.on_told()
        _count(self._audience.tallies, [result], [])
        self.on_ended([result])
        if self._audience.of_every_run:
            self._say(result, ExecutionStatus.SUCCEEDED)

    async def flushed(self) -> None:
        """Wait until everything taken in is recorded."""
        await self._empty.wait()

    async def run(self) -> None:
        """Write batches until cancelled."""
        failures = 0
        while True:
            await self._filled.wait()
            batch = self._results[:BATCH]
            try:
                aside = await self._write(batch)
            except StoreUnavailable as fault:
                failures += 1
                pause = min(LONGEST_PAUSE_SECONDS, 0.1 * 2**failures) * (0.5 + self._random.random() / 2)
                log.warning("results_wait", results=len(self._results), retry_in_seconds=pause, error=str(fault))
                await asyncio.sleep(pause)
                continue
            failures = 0
            self.wrote.set()
            self._holdings.forget(result.claim for result in batch if result not in aside)
            del self._results[: len(batch)]
            self._put_again_later(aside)
            if not self._results:
                self._filled.clear()
                self._empty.set()

    async def _write(self, batch: Sequence[Result]) -> list[Result]:
        """Write a batch; those that could not be stored in any form. If one can't, all the others still are."""
        fault = await self._refusal_of(batch)
        if fault is None:
            return []
        if len(batch) > 1:
            return [aside for result in batch for aside in await self._write([result])]
        failed = replace(batch[0], outcome=Outcome.failed(f"the outcome can't be stored: {type(fault).__name__}"))
        return [] if await self._refusal_of([failed]) is None else list(batch)

    async def _refusal_of(self, batch: Sequence[Result]) -> Exception | None:
        """Write a batch at once; why that can't be, whatever a value of a task's or the database can come up with."""
        try:
            self._tell(await record_results(self._database, self._worker_id, batch, self._random))
        except StoreUnavailable:
            raise
        except Exception as fault:
            if len(batch) == 1:
                log.exception("result_refused_by_the_database", execution_id=batch[0].claim.execution_id)
            return fault
        return None

    def _put_again_later(self, aside: Sequence[Result]) -> None:
        """Its row stays RUNNING, and is held: given back, it would run again and again."""
        for result in aside:
            log.error("result_put_aside", execution_id=result.claim.execution_id, retry_in_seconds=PUT_ASIDE_SECONDS)
            asyncio.get_running_loop().call_later(PUT_ASIDE_SECONDS, self.put, result)

    def _tell(self, recorded: Recorded) -> None:
        _count(self._audience.tallies, recorded.finished, recorded.requeued)
        self._audience.tallies.stale_results += len(recorded.refused)
        if recorded.requeued or recorded.released:
            self.on_queued()
        self.on_busy(recorded.busy)
        if any(result.claim.tells for result in recorded.finished):
            self.on_told()
        self.on_ended(recorded.finished)
        of_every_run = self._audience.of_every_run
        for result in recorded.finished:
            if of_every_run or result.outcome.status is not ExecutionStatus.SUCCEEDED:
                self._say(result, result.outcome.status or ExecutionStatus.CANCELLED)
        for result in recorded.requeued:
            self._say(result, ExecutionStatus.QUEUED)
        for result in recorded.refused:
            log.warning(
                "stale_result_refused", execution_id=result.claim.execution_id, fence=result.claim.fence,
                outcome=result.outcome.status,
            )  # fmt: skip

    def _say(self, result: Result, status: ExecutionStatus) -> None:
        self._audience.tell(_ended(result, status))


def _count(tallies: Tallies, finished: Sequence[Result], requeued: Sequence[Result]) -> None:
    """Add a batch to the tallies. The first claim of an occurrence, and no later one, tells how late it was; what a
    backfill ran was answered for before, as missed or skipped."""
    ended: dict[tuple[str, str | None], list[float]] = defaultdict(list)
    late: list[float] = []
    for results, as_what in ((finished, None), (requeued, "retried")):
        for result in results:
            claim = result.claim
            ended[claim.task_type, as_what or result.outcome.status].append(result.duration_seconds)
            if claim.fence == 1 and claim.trigger == "schedule" and not claim.backfilled:
                late.append((claim.executed_at - claim.scheduled_for).total_seconds())
    for (task_type, name), seconds in ended.items():
        tallies.ended(task_type, (name or ExecutionStatus.CANCELLED).lower(), *seconds)
    tallies.ran(*late)


def _ended(result: Result, status: ExecutionStatus) -> ExecutionEnded:
    claim = result.claim
    return ExecutionEnded(
        claim.execution_id, claim.schedule_id, claim.schedule_name, claim.client_id, claim.task_type,
        claim.scheduled_for, claim.executed_at, claim.attempt, status.value, result.duration_seconds,
        result.outcome.error,
    )  # fmt: skip
