"""A worker's life: register, beat, loop, drain. If its lease was lost it ends its work and begins anew, as another."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import structlog

from rowcall import __version__
from rowcall.app import App
from rowcall.domain.errors import StoreUnavailable
from rowcall.egress.client import HttpClient
from rowcall.metrics.tallies import Tallies
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.store.ledger import ensure_days_ahead
from rowcall.vault.file import SecretFile

from .builtin.http_task import egress_policy
from .builtin.offered import built_in_tasks
from .declarations import Declarations, sources_of
from .events import Audience, Event, Watcher
from .offers import offers_of
from .pulse import Pulse
from .session import ABORT_SECONDS, Session
from .settled import Settled
from .waiting import first_of
from .webhooks.sending import Sender

log = structlog.get_logger("rowcall.worker")

RETRY_SECONDS = 1.0


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
    pulse: Pulse | None = None,
    tallies: Tallies | None = None,
) -> None:
    """Work until `stop` is set, then drain: what runs may finish, its lease renewed, within the drain timeout.

    What is still running then is given back without burning its attempt. `abort` ends at once, and for that it cuts the
    connections of `database` if PostgreSQL is silent. `events` is called with every execution that starts, ends, or is
    recorded as not run; `pulse` beats with every look, and `tallies` are added to.
    """
    pulse, tallies = pulse or Pulse(), tallies or Tallies()
    log.info("schedule_service_init", version=__version__, apps=sources_of(apps))
    haste = asyncio.create_task(_cut_off(database, abort))
    try:
        while not stop.is_set():
            try:
                async with open_session(database, settings, apps, Audience.of(events, tallies)) as session:
                    await session.serve(stop, abort, pulse)
            except StoreUnavailable as fault:
                log.warning("worker_waits_for_the_database", error=str(fault))
                await first_of(stop, timeout=RETRY_SECONDS)
    finally:
        haste.cancel()


async def _cut_off(database: Database, abort: asyncio.Event) -> None:
    """End the wait for a silent PostgreSQL: a call that gets no answer lasts for a minute, and can't be cancelled."""
    await abort.wait()
    await asyncio.sleep(ABORT_SECONDS + 1)
    database.terminate()


async def look_once(database: Database, settings: Settings, apps: Sequence[App]) -> LookReport:
    """One sweep and one look: run what is due, wait for it, and stop. Raises StoreUnavailable."""
    seen: list[Event] = []
    async with open_session(database, settings, apps, Audience.of(seen.append, Tallies())) as session:
        claimed, recorded = await session.look_once()
    return LookReport(claimed, recorded)


@asynccontextmanager
async def open_session(
    database: Database, settings: Settings, apps: Sequence[App], audience: Audience
) -> AsyncIterator[Session]:
    """A registered worker with its parts, from first to last: the heartbeat is entered first, so that it ends last."""
    async with (
        HttpClient(egress_policy(settings)) as client,
        HttpClient(egress_policy(settings), max_connections=settings.webhook_concurrency) as for_webhooks,
        _for_tasks(database, settings) as for_tasks,
    ):
        settled = Settled()
        offers = offers_of(apps, built_in_tasks(settings, client, database, settled), settings.capabilities)
        await ensure_days_ahead(database)
        leased_since = time.monotonic()
        worker_id = await register_worker(database, _card(settings, apps, offers.routes), offers.offered)
        installation_id = await database.fetchval("installation_id")
        declarations = Declarations(database, worker_id, apps, settings.schedule_defaults)
        await declarations.declare()
        sender = Sender(
            for_webhooks, SecretFile(settings.secrets_path), installation_id, settings.webhook_timeout_seconds
        )
        session = Session(
            database, settings, worker_id, offers, audience, installation_id, for_tasks, settled,
            declarations, sender, leased_since,
        )  # fmt: skip
        async with session:
            log.info("scheduler_start", worker_id=worker_id, routes=offers.routes, slots=settings.concurrency)
            yield session
        log.info("scheduler_stop", worker_id=worker_id)


def _for_tasks(database: Database, settings: Settings) -> AbstractAsyncContextManager[Database]:
    """Connections for the transactions of tasks, made when needed: however long they take, the worker keeps its own.

    How long that may be, each transaction says by itself: it is the time of its run.
    """
    return Database.open(
        database.dsn,
        pooled=database.pooled,
        size=settings.database_pool_size,
        min_size=0,
        timeout_seconds=0,
        application_name="rowcall task",
        probes_only=False,
    )


def _card(settings: Settings, apps: Sequence[App], routes: Sequence[str]) -> WorkerCard:
    host = socket.gethostname()
    return WorkerCard(
        name=f"{host}:{os.getpid()}",
        host=host,
        pid=os.getpid(),
        version=__version__,
        apps=sources_of(apps),
        routes=routes,
        slots=settings.concurrency,
        lease_seconds=settings.lease.total_seconds(),
    )
