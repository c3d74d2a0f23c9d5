"""A small TCP proxy in front of PostgreSQL, through which connections can be made to suffer."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Self

from tests.listening import listening

CHUNK = 65536
COMMIT = b"COMMIT;"


@dataclass(eq=False, slots=True)
class Link:
    """One client's connection and the server's end of it; `place` is which of our hosts it came to."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    place: str

    def cut(self) -> None:
        """End both sides at once, without a goodbye."""
        for side in (self.client, self.server):
            side.transport.abort()


@dataclass(frozen=True, slots=True)
class Slowness:
    """What a bad line does to what goes over it: each way, each piece comes late, and then drips."""

    delay_seconds: float
    bytes_per_second: float

    def of(self, data: bytes) -> float:
        """How long this piece takes, in seconds."""
        return self.delay_seconds + len(data) / self.bytes_per_second


@dataclass(slots=True)
class Proxy:
    """Forwards TCP connections, to any of our `hosts`, to a Unix socket.

    What it is told holds for all connections, where no place is named.
    """

    upstream: str
    port: int = 0
    hosts: tuple[str, ...] = ("127.0.0.1",)
    commits_to_lose: int = 0
    commits_lost: int = 0
    _links: set[Link] = field(default_factory=set)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _slow: dict[str, Slowness] = field(default_factory=dict)
    _doors: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def __aenter__(self) -> Self:
        self._open.set()
        for host in self.hosts:  # all at the port that the first one found
            self.port = await self._doors.enter_async_context(listening(self._serve, self.port, host))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._doors.aclose()
        self._open.set()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> int:
        """Cut every connection; how many there were."""
        links = list(self._links)
        for link in links:
            link.cut()
        return len(links)

    async def stall(self, seconds: float) -> None:
        """Forward nothing for so long: connections stay open, and hang."""
        self._open.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._open.set()

    async def slow(self, seconds: float, slowness: Slowness, place: str | None = None) -> None:
        """Forward everything for so long, but slowly: to and from one of our hosts, or all of them."""
        places = self.hosts if place is None else (place,)
        self._slow |= dict.fromkeys(places, slowness)
        try:
            await asyncio.sleep(seconds)
        finally:
            for each in places:
                if self._slow.get(each) is slowness:  # and not a later one
                    del self._slow[each]

    async def _serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            server_reader, server = await asyncio.open_unix_connection(self.upstream)
        except OSError:
            client.transport.abort()
            return
        link = Link(client, server, client.get_extra_info("sockname")[0])
        self._links.add(link)
        forth = asyncio.create_task(self._forward(client_reader, server, link, watch=True))
        back = asyncio.create_task(self._forward(server_reader, client, link, watch=False))
        try:
            await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forth.cancel()
            back.cancel()
            link.cut()
            self._links.discard(link)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link, *, watch: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._open.wait()
                if slowness := self._slow.get(link.place):
                    await asyncio.sleep(slowness.of(data))
                writer.write(data)
                await writer.drain()
                if watch and self.commits_to_lose and COMMIT in data:
                    await self._lose_the_answer(link)
                    return

    async def _lose_the_answer(self, link: Link) -> None:
        """The server has been told to commit; cut the client off before it hears of it."""
        self.commits_to_lose -= 1
        self.commits_lost += 1
        link.client.transport.abort()
        await asyncio.sleep(0.2)  # the server reads the COMMIT before it sees that its client is gone
