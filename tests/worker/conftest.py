"""Workers for the tests: in the test's own event loop, or as real processes; and schedules that come as plain SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import asyncpg
import pytest

import rowcall
from rowcall.store.database import Database
from tests.worker.journal import JOURNAL, Journal
from tests.worker.processes import APP, WorkerProcess, worker_process
from tests.worker.schedules import Schedules
from tests.worker.serving import Served, quick_settings, serving

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Serve(Protocol):
    """Starts a worker in this event loop; settings are named as in `Settings`."""

    async def __call__(self, *apps: rowcall.App, **settings: Any) -> Served: ...


StartWorker: TypeAlias = Callable[..., WorkerProcess]
"""Starts a worker process; settings are named as in `Settings`, `database_url` included."""


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """The store, as a worker sees it."""
    async with Database.open(dsn) as opened:
        yield opened


@pytest.fixture
def schedules(db: Connection) -> Schedules:
    """The tables, for plain SQL."""
    return Schedules(db)


@pytest.fixture
async def another_connection(dsn: str) -> AsyncIterator[Connection]:
    """Someone else's session in the same database."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """What the tasks of tests.worker.apps write down, here and in all processes that are started from here."""
    path = tmp_path / "journal"
    monkeypatch.setenv(JOURNAL, str(path))
    return Journal(path)


@pytest.fixture
async def serve(dsn: str) -> AsyncIterator[Serve]:
    """Start workers in this event loop; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(*apps: rowcall.App, **settings: Any) -> Served:
            return await stack.enter_async_context(serving(quick_settings(**{"dsn": dsn} | settings), *apps))

        yield start


@pytest.fixture
def start_worker(dsn: str, journal: Journal, tmp_path: Path) -> Iterator[StartWorker]:
    """Start worker processes; they are gone when the test ends, however it ends."""
    started: list[WorkerProcess] = []
    with ExitStack() as stack:

        def start(app: str = APP, **changed: Any) -> WorkerProcess:
            settings = {
                "database_url": dsn, "heartbeat_seconds": 0.3, "heartbeats_missed": 5, "poll_interval_seconds": 0.5,
                "log_format": "json",
            } | changed  # fmt: skip
            environment = {
                name.upper() if name == "database_url" else f"ROWCALL_{name.upper()}": str(value)
                for name, value in settings.items()
            }
            log = tmp_path / f"worker-{len(started) + 1}.log"
            worker = stack.enter_context(worker_process(environment, log, app))
            started.append(worker)
            return worker

        yield start
    for worker in started:
        print(f"── the log of worker process {worker.pid} ──\n{worker.log}")  # shown with what failed
