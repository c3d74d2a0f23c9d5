"""A worker's life: register, beat, loop, drain. If its lease was lost it ends its work and begins anew, as another."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Self

import structlog

from rowcall import __version__
from rowcall.app import App
from rowcall.domain.errors import StoreUnavailable
from rowcall.egress.client import HttpClient
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.finishing import fold_outcomes
from rowcall.store.leases import WorkerCard, register_worker, set_worker_status
from rowcall.store.ledger import ensure_days_ahead
from rowcall.store.static_schedules import Declared, declare_schedules

from .events import Event, Watcher, tell_nobody, write_down
from .heartbeat import Heartbeat
from .holdings import Holdings
from .listening import keep_listening
from .loop import Loop
from .offers import Offers, egress_policy, http_task, offers_of
from .recorder import Recorder
from .running.runner import Runner
from .sweep import sweep
from .waiting import first_of, within
from .work import Work

log = structlog.get_logger("rowcall.worker")

ABORT_SECONDS = 2.0
RETRY_SECONDS = 1.0
FOLD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LookReport:
    """What `look_once` did: runs claimed and carried out, and occurrences recorded as not run."""

    claimed: int
    recorded: int


async def serve_worker(
    database: Database,
    settings: Settings,
    apps: Sequence[App],
    *,
    stop: asyncio.Event,
    abort: asyncio.Event,
    events: Watcher | None = None,
) -> None:
    """Work until `stop` is set, then drain: what runs may finish, its lease renewed, within the drain timeout.

    What is still running then is given back without burning its attempt. `abort` ends at once. `events` is called with
    every execution that starts, ends, or is recorded as not run.
    """
    while not stop.is_set():
        try:
            async with open_session(database, settings, apps, events or tell_nobody) as session:
                await session.serve(stop, abort)
        except StoreUnavailable as fault:
            log.warning("worker_waits_for_the_database", error=str(fault))
            await first_of(stop, timeout=RETRY_SECONDS)


async def look_once(database: Database, settings: Settings, apps: Sequence[App]) -> LookReport:
    """One sweep and one look: run what is due, wait for it, and stop. Raises StoreUnavailable."""
    seen: list[Event] = []
    async with open_session(database, settings, apps, seen.append) as session:
        claimed, recorded = await session.look_once()
    return LookReport(claimed, recorded)


@asynccontextmanager
async def open_session(
    database: Database, settings: Settings, apps: Sequence[App], watch: Watcher
) -> AsyncIterator[Session]:
    """A registered worker with its parts, from first to last: the heartbeat is entered first, so that it ends last."""

    def watch_and_log(event: Event) -> None:
        write_down(event)
        watch(event)

    async with HttpClient(egress_policy(settings)) as client:
        offers = offers_of(apps, [http_task(client, settings)], settings.capabilities)
        await ensure_days_ahead(database)
        worker_id = await register_worker(database, _card(settings, apps, offers.routes), offers.offered)
        installation_id = await database.fetchval("installation_id")
        await _declare(database, settings, apps)
        async with Session(database, settings, worker_id, offers, watch_and_log, installation_id) as session:
            log.info("scheduler_start", worker_id=worker_id, routes=offers.routes, slots=settings.concurrency)
            yield session
        log.info("scheduler_stop", worker_id=worker_id)


async def _declare(database: Database, settings: Settings, apps: Sequence[App]) -> None:
    """Write down the apps' static schedules. One that can't be is told of, and stops nothing."""
    declared = [Declared(each.source, each.name, each.fields) for app in apps for each in app.schedules]
    for declaration in await declare_schedules(database, declared, settings.schedule_defaults):
        if declaration.outcome == "refused":
            log.error("static_schedule_refused", schedule=declaration.name, reason=declaration.reason)
        elif declaration.outcome != "unchanged":
            event = "schedule_create" if declaration.outcome == "created" else "schedule_update"
            log.info(event, schedule=declaration.name, source="code")


def _card(settings: Settings, apps: Sequence[App], routes: Sequence[str]) -> WorkerCard:
    host = socket.gethostname()
    return WorkerCard(
        name=f"{host}:{os.getpid()}",
        host=host,
        pid=os.getpid(),
        version=__version__,
        apps=[app.name for app in apps],
        routes=routes,
        slots=settings.concurrency,
        lease_seconds=settings.lease.total_seconds(),
    )


class Session:
    """One worker id, from its registration to its end."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        worker_id: int,
        offers: Offers,
        watch: Watcher,
        installation_id: str,
    ) -> None:
        self.worker_id = worker_id
        self._database = database
        self._settings = settings
        self._routes = offers.routes
        self._watch = watch
        self._random = Random()  # noqa: S311 - spreads retries and wake-ups, guards nothing
        self._lost = asyncio.Event()
        self._ending = asyncio.Event()
        self._holdings = Holdings(settings.concurrency)
        self._recorder = Recorder(database, worker_id, self._holdings, watch, self._random)
        self._runner = Runner(
            offers.tasks,
            result_max_bytes=settings.result_max_bytes,
            error_max_bytes=settings.error_max_bytes,
            threads=settings.concurrency,
            processes=settings.processes,
        )
        work = Work(self._runner, offers.tasks, installation_id, self._holdings, self._recorder, watch)
        self._work = work
        self._loop = Loop(database, worker_id, offers.routes, work, self._random, settings.poll_interval_seconds)
        self._heartbeat = Heartbeat(
            database.dsn,
            worker_id,
            interval_seconds=settings.heartbeat_seconds,
            lease_seconds=settings.lease.total_seconds(),
            on_lost=self._lose,
            on_cancel=self._cancel,
            on_beat=self._loop.reconcile_soon,
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._heartbeat)
        await self._stack.enter_async_context(self._runner)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def serve(self, stop: asyncio.Event, abort: asyncio.Event) -> None:
        """Loop until told to stop, or until the lease is lost; then end the work in the way that fits."""
        async with asyncio.TaskGroup() as group:
            duties = [self._recorder.run(), self._sweep_again_and_again(), self._count_results()]
            if self._settings.notifications:
                duties.append(self._listen())
            helpers = [group.create_task(duty) for duty in (*duties, self._watch_for_the_end(stop))]
            await self._loop.run(self._ending)
            if self._lost.is_set():
                await self._give_up()
            else:
                await self._drain(abort)
            for helper in helpers:
                helper.cancel()

    async def look_once(self) -> tuple[int, int]:
        """One sweep and one look, carried out to the end; how many were claimed, and how many recorded as not run."""
        recorder = asyncio.create_task(self._recorder.run())
        try:
            await sweep(self._database, self._routes, self._watch)
            claimed, recorded = await self._loop.look_through()
            await self._work.ended()
            await self._recorder.flushed()
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
            await self._count()

    async def _count(self) -> None:
        try:
            await fold_outcomes(self._database)
        except StoreUnavailable as fault:
            log.warning("results_not_counted_yet", error=str(fault))

    async def _sweep_again_and_again(self) -> None:
        while True:
            try:
                await sweep(self._database, self._routes, self._watch)
                self._loop.wake()
            except StoreUnavailable as fault:
                log.warning("sweep_failed", error=str(fault))
            await asyncio.sleep(self._settings.poll_interval_seconds * (0.9 + 0.2 * self._random.random()))

    async def _listen(self) -> None:
        await keep_listening(self._database.dsn, self.worker_id, self._hear, self._random)

    def _hear(self, message: str) -> None:
        if message == "cancel":
            self._heartbeat.beat_soon()
        else:
            self._loop.wake()

    def _cancel(self, execution_ids: Sequence[int]) -> None:
        for execution_id in execution_ids:
            self._runner.cancel(execution_id, "requested")

    def _lose(self, why: str) -> None:
        log.error("lease_lost", worker_id=self.worker_id, why=why, running=len(self._holdings.running))
        self._lost.set()

    async def _give_up(self) -> None:
        """The lease is gone: end all work before, or as, others take it over. Its results would be refused."""
        for execution_id in self._runner.running:
            self._runner.cancel(execution_id, "the worker lost its lease")
        await within(self._settings.lease.total_seconds(), self._work.ended())

    async def _drain(self, abort: asyncio.Event) -> None:
        """Let what runs finish; give back what does not in time; then say goodbye. The lease is renewed all along."""
        log.info("worker_drains", running=len(self._holdings.running))
        await self._say("DRAINING")
        ended = asyncio.create_task(self._work.ended())
        aborted = asyncio.create_task(abort.wait())
        await asyncio.wait(
            {ended, aborted}, timeout=self._settings.drain_timeout_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        aborted.cancel()
        for execution_id in self._runner.running:
            self._runner.give_back(execution_id)
        limit = ABORT_SECONDS if abort.is_set() else self._settings.lease.total_seconds()
        await within(limit, ended, self._recorder.flushed())
        await self._say("STOPPED")
        await self._count()

    async def _say(self, status: str) -> None:
        try:
            await set_worker_status(self._database, self.worker_id, status)
        except StoreUnavailable as fault:
            log.warning("goodbye_not_heard", status=status, error=str(fault))
