"""Servers of tests leave nothing open, whenever somebody comes in."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from tests.listening import listening


@pytest.mark.parametrize("turns", range(6))
def test_who_comes_in_while_it_shuts_is_thrown_out(turns: int) -> None:
    """So many turns of the event loop after somebody came: accepted, attached to the server, or let in."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def come_and_shut() -> None:
        async with listening(connect) as port:
            client = socket.create_connection(("127.0.0.1", port))
            for _ in range(turns):
                await asyncio.sleep(0)
        client.close()

    asyncio.run(come_and_shut())
    gc.collect()  # what is still open is told then, which fails the test
