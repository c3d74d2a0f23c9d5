"""A process that stays: API, worker, or both, on one database; started in order, and ended in order.

start   the port first, because a taken one is told at once; then PostgreSQL, schema, API and worker
end     the API accepts no more, the worker drains while open requests are answered, the connections close, and the
        embedded PostgreSQL stops last
fault   whichever part ends takes the others along, in the same order
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace

import structlog

from rowcall import __version__
from rowcall.app import App
from rowcall.domain.errors import StoreUnavailable
from rowcall.metrics.tallies import Tallies
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.diagnosis import lanes_of_schedules, server_facts
from rowcall.store.zone_data import PIN, Standing, compare_zone_data
from rowcall.worker import Pulse, serve_worker

from .access import Place, Schema, a_database
from .announcing import Keys, greeting
from .demonstrating import make_demonstration
from .exits import ExitCode
from .first_key import check_reachable, make_first_key, needs_key
from .garbage import seldom_from_here_on
from .http_server import listen, serve_http, url_of
from .output import say
from .run_lines import TOLD_IN_LINES, RunLines, leave_out_of_the_log
from .stopping import Stopping, stopping_on_signals

log = structlog.get_logger("rowcall.api")

LOOKS_MISSED = 2
PROBES = ("/livez", "/readyz", "/metrics")
"""What a worker without an API answers, where it is given a port for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which parts a process has."""

    api: bool
    worker: bool
    demo: bool = False
    run_lines: bool = False
    as_json: bool = False
    schema: Schema = Schema.CHECK

    @property
    def purpose(self) -> str:
        """What the process calls itself."""
        return "serve" if self.api and self.worker else "api" if self.api else "worker"


async def serve(settings: Settings, apps: Sequence[App], wanted: Wanted) -> ExitCode:
    """Serve until a signal says to stop. A signal while starting ends it there."""
    if wanted.run_lines and not wanted.as_json:
        leave_out_of_the_log(TOLD_IN_LINES)
    async with stopping_on_signals(say) as stopping:
        serving = asyncio.create_task(_start_and_serve(settings, apps, wanted, stopping))
        stopping.while_starting(serving)
        try:
            await serving
        except asyncio.CancelledError:
            if not stopping.stop.is_set():
                raise
        return ExitCode.INTERRUPTED if stopping.abort.is_set() else ExitCode.OK


async def _start_and_serve(settings: Settings, apps: Sequence[App], wanted: Wanted, stopping: Stopping) -> None:
    async with AsyncExitStack() as stack:
        port = settings.port if wanted.api else settings.probe_port
        listener = None if port is None else stack.enter_context(listen(settings.host, port))
        if listener is not None:  # a port that was asked for as 0 is known now
            settings = replace(settings, **{"port" if wanted.api else "probe_port": listener.getsockname()[1]})
        place = await stack.enter_async_context(
            a_database(
                settings,
                purpose=wanted.purpose,
                size=settings.database_pool_size,
                schema=wanted.schema,
                stays=True,
                say=lambda news: say(f"PostgreSQL: {news} …"),
            )
        )
        key_file = None
        if wanted.api:
            key_file = await make_first_key(place, settings)
            await check_reachable(place.database, settings)
            if not wanted.worker:
                await _warn_of_older_data(place.database)
        if wanted.demo:
            await make_demonstration(place.database, settings)
        text = await _greeting(apps, wanted, place, listener, Keys(needs_key(settings), key_file))
        stopping.started()
        await Parts(settings, apps, wanted, place.database, stopping).run(listener, text)


async def _warn_of_older_data(database: Database) -> None:
    """A worker sees to newer time zone data, and warns by itself. An API plans what it creates, by what it has."""
    data = await compare_zone_data(database)
    if data.standing is Standing.OLDER:
        log.warning("zone_data_is_older", own=data.own, noted=data.noted, to_do=PIN)


async def _greeting(
    apps: Sequence[App], wanted: Wanted, place: Place, listener: socket.socket | None, keys: Keys
) -> str:
    facts = await server_facts(place.database)
    if listener is None or not wanted.api:
        tasks = sorted({"http", *(task_type for app in apps for task_type in app.tasks)})
        probes = "" if listener is None else f" Probes are answered at {url_of(listener)}."
        told = f"Rowcall {__version__}: a worker for {', '.join(tasks)}. Ctrl-C stops it; what runs may finish first."
        return told + probes
    return greeting(__version__, url_of(listener), place, facts.version, apps if wanted.worker else (), keys)


class Parts:
    """What runs in this process. Its runs are told of after the greeting, and that waits until all parts are there."""

    def __init__(
        self, settings: Settings, apps: Sequence[App], wanted: Wanted, database: Database, stopping: Stopping
    ) -> None:
        self._settings = settings
        self._apps = apps
        self._wanted = wanted
        self._database = database
        self._stopping = stopping
        self._answering = asyncio.Event()
        self._drained = asyncio.Event()
        self._pulse = Pulse()
        self._tallies = Tallies()
        self._lines = RunLines(as_json=wanted.as_json)

    async def run(self, listener: socket.socket | None, text: str) -> None:
        """Run all parts; one that ends, however it ends, asks the others to stop. The first fault is raised."""
        parts = [self._worker()] if self._wanted.worker else [self._nothing_to_drain()]
        if listener is not None:
            parts.append(self._api(listener))
        else:
            self._answering.set()
        tasks = [asyncio.create_task(part) for part in parts]
        for task in tasks:
            task.add_done_callback(lambda _: self._stopping.stop.set())
        tasks[0].add_done_callback(lambda _: self._drained.set())
        greeting = asyncio.create_task(self._greet(text))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        greeting.cancel()
        self._lines.flush()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _greet(self, text: str) -> None:
        await self._answering.wait()
        if self._wanted.worker:
            await self._pulse.first.wait()  # by then the tasks are there, and the schedules that stand in the code
        seldom_from_here_on()
        say(text)
        await self._tell_what_nobody_runs()
        self._lines.open()

    async def _tell_what_nobody_runs(self) -> None:
        """Schedules that were made for another app would silently wait: better said now than found out tomorrow."""
        with suppress(StoreUnavailable):
            missing = [lane.route for lane in await lanes_of_schedules(self._database) if not lane.routable]
            if missing and self._wanted.worker:
                say(
                    f"No worker runs {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}: what needs it waits. "
                    "--app brings the tasks of an app, --demo those of the demonstration.\n"
                )

    async def _api(self, listener: socket.socket) -> None:
        """Answers until the worker has drained, so that what still runs can be watched; `/readyz` says it goes away."""
        from rowcall.webapi import create_app

        app = create_app(
            self._database,
            self._settings,
            objection=self._objection,
            tallies=self._tallies,
            paths=None if self._wanted.api else PROBES,
        )
        await serve_http(app, listener, stop=self._drained, abort=self._stopping.abort, on_ready=self._answering.set)

    def _objection(self) -> str | None:
        """Why this process is not ready for requests, whatever its database says; None if it is."""
        if self._stopping.stop.is_set():
            return "this process is stopping"
        if not self._wanted.worker:
            return None
        silent = self._pulse.silent_seconds
        if silent is None:
            return "its worker has not looked for work yet"
        if silent > LOOKS_MISSED * self._settings.poll_interval_seconds + self._settings.database_timeout_seconds:
            return f"its worker has not looked for work for {silent:.0f} s"
        return None

    async def _nothing_to_drain(self) -> None:
        await self._stopping.stop.wait()

    async def _worker(self) -> None:
        await serve_worker(
            self._database,
            self._settings,
            self._apps,
            stop=self._stopping.stop,
            abort=self._stopping.abort,
            events=self._lines if self._wanted.run_lines else None,
            pulse=self._pulse,
            tallies=self._tallies,
        )
