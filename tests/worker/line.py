"""A line between a worker and PostgreSQL that can be cut, fall silent, or lose an answer: what networks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import asyncpg

from tests.listening import Door, close


class Line:
    """Forwards bytes both ways. `dsn` is the database at its other end, as seen through it."""

    def __init__(self, dsn: str, address: str | tuple[str, int]) -> None:
        self.dsn = dsn
        self._address = address
        self._up = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._stranded: list[asyncio.Event] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._entered: set[asyncio.WriteTransport] = set()
        self._forwarding: set[asyncio.Task[None]] = set()
        self._deadly: list[bytes] = []
        self.answers_lost = 0
        self._server: asyncio.Server | None = None

    def cut(self) -> None:
        """Close all connections, and each new one as soon as it is made."""
        self._up = False
        for transport in (*self._entered, *(writer.transport for writer in self._writers)):
            transport.abort()

    def fall_silent(self) -> None:
        """Take everything and forward nothing: the connections stand, and nobody answers."""
        self._flowing.clear()

    def strand(self) -> None:
        """Take everything on the connections that stand, and forward nothing; new ones are as ever."""
        self._flowing.clear()
        self._stranded.append(self._flowing)
        self._flowing = asyncio.Event()
        self._flowing.set()

    def lose_the_answer(self, to: bytes, *, after: bytes) -> None:
        """Once: forward the request that holds `to`, on a connection that sent `after`, and cut at its answer."""
        self._deadly = [after, to]

    def restore(self) -> None:
        """Go on; what was held back is forwarded now, late as it is."""
        self._up = True
        self._flowing.set()

    async def open(self) -> None:
        """Start to listen on this machine."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Door(self._connect, self._enter), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        login = urlsplit(self.dsn)
        host = f"{login.username}:{login.password}@127.0.0.1:{port}" if login.password else f"127.0.0.1:{port}"
        self.dsn = login._replace(netloc=host, query="").geturl()

    async def close(self) -> None:
        """Hang up, and wait until all connections are gone."""
        assert self._server is not None
        self.cut()
        await close(self._server)
        for flowing in (self._flowing, *self._stranded):
            flowing.set()
        while self._forwarding:
            await asyncio.wait(self._forwarding)

    def _enter(self, transport: asyncio.WriteTransport) -> None:
        self._entered.add(transport)
        if not self._up:
            transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._forwarding.add(task)
        try:
            if self._up:
                await self._forward(reader, writer)
        finally:
            await _closed(writer)
            self._forwarding.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._address, str):
            there, to_there = await asyncio.open_unix_connection(self._address)
        else:
            there, to_there = await asyncio.open_connection(*self._address)
        self._writers.add(to_there)
        doomed, flowing = asyncio.Event(), self._flowing
        try:
            if self._up:
                await asyncio.gather(
                    self._ask(reader, to_there, doomed, flowing), self._answer(there, writer, doomed, flowing)
                )
        finally:
            await _closed(to_there)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event, flowing: asyncio.Event
    ) -> None:
        marked = False
        with suppress(ConnectionError):  # either end may hang up whenever it likes
            while data := await reader.read(65536):
                await flowing.wait()
                marked = marked or self._is(data, 0)
                if marked and self._is(data, 1):
                    self._deadly = []
                    doomed.set()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event, flowing: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await flowing.wait()
                if doomed.is_set():
                    self.answers_lost += 1
                    writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()
        writer.close()

    def _is(self, data: bytes, which: int) -> bool:
        """Whether this holds what was named as deadly."""
        return bool(self._deadly) and self._deadly[which] in data


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until it is: a transport that is still open when the event loop ends is a fault of its test."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def line_to(dsn: str, db: asyncpg.Connection[asyncpg.Record]) -> AsyncIterator[Line]:
    """A line to the database of `dsn`; `db` is a connection to the same server."""
    line = Line(dsn, db._addr)  # type: ignore[attr-defined] # what a URL without a host stands for, only asyncpg knows
    await line.open()
    try:
        yield line
    finally:
        await line.close()
