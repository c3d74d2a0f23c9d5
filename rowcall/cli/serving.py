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
from contextlib import AsyncExitStack
from dataclasses import dataclass

from rowcall import __version__
from rowcall.app import App
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.diagnosis import server_facts
from rowcall.worker import serve_worker

from .access import Place, Schema, a_database
from .announcing import greeting
from .demonstrating import make_demonstration
from .exits import ExitCode
from .http_server import listen, serve_http, url_of
from .output import say
from .run_lines import RunLines
from .stopping import Stopping, first_of, stopping_on_signals


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
        listener = stack.enter_context(listen(settings.host, settings.port)) if wanted.api else None
        place = await stack.enter_async_context(
            a_database(
                settings,
                purpose=wanted.purpose,
                size=settings.database_pool_size,
                schema=wanted.schema,
                say=lambda news: say(f"PostgreSQL: {news} …"),
            )
        )
        if wanted.demo:
            await make_demonstration(place.database, settings)
        text = await _greeting(apps, wanted, place, listener)
        stopping.started()
        await Parts(settings, apps, wanted, place.database, stopping).run(listener, text)


async def _greeting(apps: Sequence[App], wanted: Wanted, place: Place, listener: socket.socket | None) -> str:
    facts = await server_facts(place.database)
    if listener is None:
        tasks = sorted({"http", *(task_type for app in apps for task_type in app.tasks)})
        return f"Rowcall {__version__}: a worker for {', '.join(tasks)}. Ctrl-C stops it; what runs may finish first."
    return greeting(__version__, url_of(listener), place, facts.version, apps if wanted.worker else ())


class Parts:
    """What runs in this process."""

    def __init__(
        self, settings: Settings, apps: Sequence[App], wanted: Wanted, database: Database, stopping: Stopping
    ) -> None:
        self._settings = settings
        self._apps = apps
        self._wanted = wanted
        self._database = database
        self._stopping = stopping
        self._announced = asyncio.Event()

    async def run(self, listener: socket.socket | None, text: str) -> None:
        """Run all parts; one that ends, however it ends, asks the others to stop. The first fault is raised."""
        tasks: list[asyncio.Task[None]] = []
        if listener is not None:
            tasks.append(asyncio.create_task(self._api(listener, text)))
        else:
            self._announce(text)
        if self._wanted.worker:
            tasks.append(asyncio.create_task(self._worker()))
        for task in tasks:
            task.add_done_callback(lambda _: self._stopping.stop.set())
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def _announce(self, text: str) -> None:
        say(text)
        self._announced.set()

    async def _api(self, listener: socket.socket, text: str) -> None:
        from rowcall.webapi import create_app

        app = create_app(self._database, self._settings)
        await serve_http(app, listener, self._stopping, on_ready=lambda: self._announce(text))

    async def _worker(self) -> None:
        await first_of(self._announced, self._stopping.stop)
        lines = RunLines(as_json=self._wanted.as_json) if self._wanted.run_lines else None
        await serve_worker(
            self._database,
            self._settings,
            self._apps,
            stop=self._stopping.stop,
            abort=self._stopping.abort,
            events=lines,
        )
        if lines is not None:
            lines.flush()
