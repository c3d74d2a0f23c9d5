"""Both faces of the client behind one, servers to talk to, and a line on which answers get lost."""

from __future__ import annotations

import asyncio
import inspect
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import rowcall
from rowcall.domain.access import Scope
from rowcall.store.database import Database
from rowcall.store.keys import create_key
from tests.programs import DEADLINE_SECONDS, PAUSE_SECONDS, ROWCALL, Program, running, url_of

ROOT = Path(__file__).parents[2]
ONCE_A_DAY = f"30 {(datetime.now(UTC).hour + 12) % 24} * * *"
"""Half a day from now: of days gone by, none is within its grace and runs."""

SERVE = (*ROWCALL, "serve", "--app", "tests.client.tasks:app")
API = (*ROWCALL, "api")


class Awaited:
    """`AsyncClient`, or a part of it, used like `Client`: each method is awaited on a loop of its own."""

    def __init__(self, part: Any, runner: asyncio.Runner) -> None:
        self._part, self._runner = part, runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._awaiting(found) if inspect.ismethod(found) else Awaited(found, self._runner)

    def _awaiting(self, method: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            begun = method(*arguments, **options)
            return self._runner.run(_listed(begun) if hasattr(begun, "__aiter__") else _awaited(begun))

        return call


async def _awaited(begun: Any) -> Any:
    return await begun


async def _listed(begun: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in begun]


@contextmanager
def a_client(face: str, *arguments: Any, **options: Any) -> Iterator[Any]:
    """A client with this face, "Client" or "AsyncClient"."""
    if face == "Client":
        with rowcall.Client(*arguments, **options) as client:
            yield client
        return
    with asyncio.Runner() as runner:
        awaited = Awaited(rowcall.AsyncClient(*arguments, **options), runner)
        try:
            yield awaited
        finally:
            awaited.close()


@contextmanager
def a_server(command: tuple[str, ...], output: Path, dsn: str, **settings: str) -> Iterator[Program]:
    """A server of this database, as a process of its own."""
    environment = {"DATABASE_URL": dsn, "ROWCALL_PORT": "0", "ROWCALL_DATABASE_POOL_SIZE": "4", **settings}
    with running(command, output, cwd=ROOT, environment=environment) as program:
        url_of(program)
        yield program


def make_key(dsn: str, scope: Scope, client_id: str = "default") -> str:
    """A new key, as its bearer has it."""

    async def make() -> str:
        async with Database.open(dsn, size=1) as database, database.transaction() as transaction:
            made = await create_key(transaction, scopes=[scope], client_id=client_id)
            return made.text

    return asyncio.run(make())


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that a worker does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(PAUSE_SECONDS)


class Lossy:
    """A line to a server that cuts a connection as soon as the answer on it begins, so many times."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 0)
        self.to_lose = 0
        self.lost = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # shut down
                return
            self._threads.append(threading.Thread(target=self._carry, args=(client,)))
            self._threads[-1].start()

    def _carry(self, client: socket.socket) -> None:
        """Carry both ways until one end closes, or an answer is to be lost."""
        with client, socket.create_connection(self._server) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if data and source is server and self.to_lose:
                        self.to_lose -= 1
                        self.lost += 1
                        return
                    if not data:
                        return
                    (client if source is server else server).sendall(data)
