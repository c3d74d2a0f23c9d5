"""One worker id from its registration to its end: its parts, how they are put together, and the two ways it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Self

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.settings import Settings
from rowcall.store.counting import fold_outcomes
from rowcall.store.database import Database
from rowcall.store.forgetting import Kept, forget
from rowcall.store.leases import set_worker_status
from rowcall.store.notifications import CANCEL, DELIVER
from rowcall.store.surveying import Survey, survey
from rowcall.store.unroutable import Walk

from .backfilling import Feeder
from .declarations import Declarations
from .events import Audience
from .foresight import Foresight
from .heartbeat import Heartbeat
from .holdings import Holdings
from .listening import keep_listening
from .loop import Loop
from .offers import Offers
from .pulse import Pulse
from .recorder import Recorder
from .releasing import Releaser
from .retention import keep_retention, retire
from .running.runner import Runner
from .settled import Settled
from .sweep import sweep
from .transactions import Transactions
from .waiting import any_of, first_of, within
from .webhooks.deliverer import Deliverer
from .webhooks.sending import Sender
from .work import Work
from .zone_data import go_over, keep_zone_data

log = structlog.get_logger("rowcall.worker")

ABORT_SECONDS = 2.0
FOLD_SECONDS = 1.0
LONGEST_FOLD_SECONDS = 9.0
"""Counting gives way to what is still to be claimed and written, so long: in a herd both want the same processor. A
steady stream never rests, and is counted so seldom: each schedule gets one new version for all its results since."""


class Session:
    """One worker id, from its registration to its end."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        worker_id: int,
        offers: Offers,
        audience: Audience,
        installation_id: str,
        for_tasks: Database,
        settled: Settled,
        declarations: Declarations,
        sender: Sender,
        leased_since: float,
    ) -> None:
        self.worker_id = worker_id
        self._database = database
        self._settings = settings
        self._routes = offers.routes
        self._audience = audience
        self._declarations = declarations
        self._random = Random()  # noqa: S311 - spreads retries and wake-ups, guards nothing
        self._lost = asyncio.Event()
        self._ending = asyncio.Event()
        self._walk = Walk()
        self._counted_since = 0
        self._kept = Kept(
            settings.audit_log_retention_days, settings.rollup_retention_days, settings.webhook_history_days
        )
        self._holdings = Holdings(settings.concurrency)
        self._foresight = Foresight(database, offers.routes, self._holdings, settings.poll_interval_seconds)
        self._feeder = Feeder(database, offers.routes, self._holdings)
        self._releaser = Releaser(database)
        self._recorder = Recorder(database, worker_id, self._holdings, audience, self._random)
        self._runner = Runner(
            offers.tasks,
            result_max_bytes=settings.result_max_bytes,
            error_max_bytes=settings.error_max_bytes,
            threads=settings.concurrency,
            processes=settings.processes,
        )
        transactions = Transactions(database, for_tasks, worker_id, settings.result_max_bytes, settled)
        work = Work(
            self._runner, offers.tasks, installation_id, self._holdings, self._recorder, audience, transactions, settled
        )  # fmt: skip
        self._work = work
        self._loop = Loop(database, worker_id, offers.routes, work, self._random, settings)
        self._deliverer = Deliverer(database, sender, settings, self._random, audience.tallies)
        self._loop.on_looked = self._foresight.hear
        work.on_recorded = self._deliverer.stir
        self._recorder.on_ended = self._feeder.hear
        self._recorder.on_queued = self._loop.wake
        self._recorder.on_busy = self._loop.on_busy = settled.on_busy = self._releaser.hear
        self._releaser.on_released = self._loop.wake
        self._recorder.on_told = self._deliverer.wake
        self._feeder.on_fed = self._loop.wake
        self._heartbeat = Heartbeat(
            database.dsn,
            worker_id,
            pooled=database.pooled,
            interval_seconds=settings.heartbeat_seconds,
            lease_seconds=settings.lease.total_seconds(),
            leased_since=leased_since,
            on_lost=self._lose,
            on_cancel=self._cancel,
            on_beat=self._loop.reconcile_soon,
            is_idle=lambda: not (self._holdings.any or self._loop.doubtful),
        )
        self._loop.on_work = self._heartbeat.quicken
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._heartbeat)
        await self._stack.enter_async_context(self._runner)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def serve(self, stop: asyncio.Event, abort: asyncio.Event, pulse: Pulse) -> None:
        """Loop until told to stop, or until the lease is lost; then end the work in the way that fits."""
        async with asyncio.TaskGroup() as group:
            duties = [self._recorder.run(), self._sweep_again_and_again(), self._count_results()]
            duties += [self._feeder.run(self._ending), self._deliverer.run(self._ending)]
            duties += [self._releaser.run(), self._foresight.run()]
            poll_seconds = self._settings.poll_interval_seconds
            duties.append(keep_retention(self._database, self._settings.retention_days, poll_seconds, self._random))
            duties.append(keep_zone_data(self._database, poll_seconds))
            if self._settings.notifications:
                duties.append(self._listen())
            helpers = [group.create_task(duty) for duty in (*duties, self._watch_for_the_end(stop))]
            await self._loop.run(self._ending, pulse)
            if self._lost.is_set():
                await self._give_up(stop)
            else:
                await self._drain(abort)
            for helper in helpers:
                helper.cancel()

    async def look_once(self) -> tuple[int, int]:
        """One sweep and one look, carried out to the end; how many were claimed, and how many recorded as not run."""
        recorder = asyncio.create_task(self._recorder.run())
        try:
            await go_over(self._database)
            await self._sweep()
            await self._feeder.feed_once()
            await retire(self._database, self._settings.retention_days)
            claimed, recorded = await self._loop.look_through()
            await self._wound_up()
            await self._deliverer.deliver_all()
            await set_worker_status(self._database, self.worker_id, "STOPPED")
        finally:
            recorder.cancel()
        return claimed, recorded

    async def _watch_for_the_end(self, stop: asyncio.Event) -> None:
        await first_of(stop, self._lost)
        self._ending.set()
        self._loop.wake()

    async def _count_results(self) -> None:
        """Fold results into the schedules' counters soon after they were written, and never once per result."""
        while True:
            await self._recorder.wrote.wait()
            self._recorder.wrote.clear()
            await asyncio.sleep(FOLD_SECONDS)
            await within(LONGEST_FOLD_SECONDS, self._loop.at_rest.wait(), self._recorder.flushed())
            await self._count()
            self._deliverer.stir()

    async def _count(self) -> None:
        try:
            counted = await fold_outcomes(self._database, since=self._counted_since)
            self._counted_since = counted.next_since
        except StoreUnavailable as fault:
            log.warning("results_not_counted_yet", error=str(fault))

    async def _sweep_again_and_again(self) -> None:
        while not self._lost.is_set():  # its own sweep would take away from it what it still has results for
            try:
                self._wake_duties(await self._sweep())
            except StoreUnavailable as fault:
                log.warning("sweep_failed", error=str(fault))
                self._loop.look_at_everything()
            await asyncio.sleep(self._settings.poll_interval_seconds * (0.9 + 0.2 * self._random.random()))

    async def _sweep(self) -> Survey:
        """Look around, and do what any replica does for all; what there is to do for the others."""
        found = await survey(
            self._database, self._routes, self._declarations.sources, self._kept, since=self._loop.since
        )
        await sweep(self._database, self.worker_id, self._routes, self._audience, self._walk, found)
        if found.past:
            await forget(self._database, self._kept)
        await self._declarations.look_again(gone=found.gone)
        return found

    def _wake_duties(self, found: Survey) -> None:
        """What has nothing to do does not ask by itself whether it has."""
        if found.behind:
            self._loop.look_at_everything()
        else:
            self._loop.wake()
        if found.backfills:
            self._feeder.wake()
        if found.deliveries:
            self._deliverer.wake()
        if found.dead or found.queued or found.waiting or found.foreign_due:
            self._deliverer.stir()  # the sweep may have ended what is to be told

    async def _listen(self) -> None:
        if self._database.direct_dsn is None:
            log.warning("not_listening", error="a pooler stands between, and ROWCALL_DIRECT_DATABASE_URL is not set")
            return
        await keep_listening(self._database.direct_dsn, self.worker_id, self._hear, self._random)

    def _hear(self, message: str) -> None:
        if message == CANCEL:
            self._heartbeat.beat_soon()
        elif message == DELIVER:
            self._deliverer.wake()
        else:
            self._loop.look_at_everything()
            self._feeder.wake()
            self._foresight.wake()
            self._deliverer.stir()

    def _cancel(self, execution_ids: Sequence[int]) -> None:
        for execution_id in execution_ids:
            self._runner.cancel(execution_id, "requested")

    def _lose(self, why: str) -> None:
        """The lease is gone: all work ends here and now, before another may take it over.

        It is given back, not cancelled: nobody asked for its end, and no grace is left to wait for its consent.
        """
        log.error("lease_lost", worker_id=self.worker_id, why=why, running=len(self._holdings.running))
        self._audience.tallies.leases_lost += 1
        self._give_back()
        self._lost.set()

    def _give_back(self) -> None:
        for execution_id in self._runner.running:
            self._runner.give_back(execution_id)

    async def _give_up(self, stop: asyncio.Event) -> None:
        """End what a look still brought, and report all that ended: what nobody took over meanwhile is accepted.

        While PostgreSQL is away there is nothing better to do than to keep the results for it.
        """
        self._give_back()
        await within(self._settings.lease.total_seconds(), self._work.ended())
        await any_of(self._recorder.flushed(), stop.wait())

    async def _drain(self, abort: asyncio.Event) -> None:
        """Let what runs finish; give back what does not in time; then say goodbye. The lease is renewed all along."""
        log.info("worker_drains", running=len(self._holdings.running))
        await self._say("DRAINING")
        await any_of(self._work.ended(), abort.wait(), self._lost.wait(), timeout=self._settings.drain_timeout_seconds)
        self._give_back()
        await any_of(self._wound_up(), _out_of_patience(abort), timeout=self._longest_end_seconds())
        await any_of(self._deliverer.idle(), abort.wait(), timeout=self._settings.webhook_timeout_seconds)
        await self._say("STOPPED")
        await self._count()

    def _longest_end_seconds(self) -> float:
        """How long a drain waits for ends and their results: these may be on their way for as long as a statement."""
        return max(self._settings.lease.total_seconds(), self._settings.database_timeout_seconds)

    async def _wound_up(self) -> None:
        """Wait until nothing runs, and then until every result of it is recorded."""
        await self._work.ended()
        await self._recorder.flushed()

    async def _say(self, status: str) -> None:
        try:
            await set_worker_status(self._database, self.worker_id, status)
        except StoreUnavailable as fault:
            log.warning("goodbye_not_heard", status=status, error=str(fault))


async def _out_of_patience(abort: asyncio.Event) -> None:
    """Wait until the end is wanted at once, and a moment longer."""
    await abort.wait()
    await asyncio.sleep(ABORT_SECONDS)
