"""The HTTP server inside our own event loop: it takes no signals, and tells when it is ready."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from rowcall.domain.errors import Conflict, InvalidInput

from .http_protocol import BoundedProtocol

if TYPE_CHECKING:
    from starlette.applications import Starlette

OPEN_REQUESTS_SECONDS = 5
"""How long a request may take that is being answered when the server stops."""

DATE_SECONDS = 1.0
"""How old the Date of an answer may be."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Port 0 takes a free one.

    Raises InvalidInput for what is no address, Conflict where the port is taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as fault:
        raise InvalidInput.of("host", f"{host!r} is no address to listen on: {fault.strerror}") from fault
    except UnicodeError as fault:
        why = "a part of the name is empty, or longer than 63 letters"
        raise InvalidInput.of("host", f"{host!r} is no address to listen on: {why}") from fault
    family, _, _, _, address = found[0]
    try:
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as fault:
        raise Conflict(
            f"Port {port} of {host} can't be listened on ({fault.strerror}): choose another with --port."
        ) from fault


def url_of(listener: socket.socket) -> str:
    """Where the API is to be found."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve_http(
    app: Starlette,
    listener: socket.socket,
    *,
    stop: asyncio.Event,
    abort: asyncio.Event,
    on_ready: Callable[[], None],
) -> None:
    """Answer requests until `stop`; then accept none, and let end those that are being answered: until `abort`."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_config=None,
        log_level="warning",  # what it does when all is well is told by us
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=OPEN_REQUESTS_SECONDS,
    )
    server = _Server(config, on_ready, stop)
    obeying = asyncio.create_task(_obey(server, abort))
    try:
        await server.serve(sockets=[listener])
    finally:
        obeying.cancel()


async def _obey(server: uvicorn.Server, abort: asyncio.Event) -> None:
    await abort.wait()
    server.force_exit = True


class _Server(uvicorn.Server):
    """Leaves the signals to us, tells when it answers, and is told when to end instead of looking."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], stop: asyncio.Event) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """Wait for the end; once a second the Date of all answers is made anew. uvicorn wakes ten times as often."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), DATE_SECONDS)
                self.should_exit = True
