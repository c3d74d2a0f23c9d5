"""A server of a test that leaves nothing open: it knows each connection from the first moment, and throws all out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

Connect: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Door(asyncio.StreamReaderProtocol):
    """Tells of a connection as soon as it is made: a task that is cancelled before its first step closes nothing."""

    def __init__(self, connect: Connect, entered: Callable[[asyncio.WriteTransport], object]) -> None:
        super().__init__(asyncio.StreamReader(), connect)
        self._entered = entered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.WriteTransport)
        self._entered(transport)


async def close(server: asyncio.Server) -> None:
    """Take nobody in any more. Who was let in a moment ago gets to the door first: before Python 3.12 asyncio forgets,
    and leaves open, a connection that it has accepted and not yet attached to its server when that is closed.
    """
    for place in server.sockets:
        asyncio.get_running_loop().remove_reader(place)
    await asyncio.sleep(0)
    server.close()


@asynccontextmanager
async def listening(connect: Connect, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve on this address of this machine, at this port or any that is free; gives the port."""
    entered: set[asyncio.WriteTransport] = set()
    shut = False

    def enter(transport: asyncio.WriteTransport) -> None:
        entered.add(transport)
        if shut:  # it was at the door already
            transport.abort()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Door(connect, enter), host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        shut = True
        await close(server)
        for transport in entered:
            transport.abort()
