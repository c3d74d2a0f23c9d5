"""Real servers on this machine, and a client that may call them. Nothing here ever leaves the loopback interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from rowcall.egress import HttpClient, Policy, Response
from tests.listening import listening


@dataclass
class Seen:
    """A request as it stood on the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """A server of a test: what it answers, what it has seen, and how often it was connected to."""

    answer: Answer
    port: int = 0
    connections: int = 0
    seen: list[Seen] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the client may leave whenever it likes
            while True:
                request = await read_request(reader)
                self.seen.append(request)
                await self.answer(request, writer)
                await writer.drain()
        writer.close()


async def read_request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Seen(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def reply(body: bytes = b"", *, status: int = 200, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} So", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


Serve = Callable[[bytes | Answer], Awaitable[Site]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server on 127.0.0.1 that gives these bytes, or what a function writes, to every request."""
    async with AsyncExitStack() as stack:

        async def start(answer: bytes | Answer) -> Site:
            async def fixed(seen: Seen, writer: asyncio.StreamWriter) -> None:
                assert isinstance(answer, bytes)
                writer.write(answer)

            site = Site(fixed if isinstance(answer, bytes) else answer)
            site.port = await stack.enter_async_context(listening(site.serve))
            stack.push_async_callback(stop, site)
            return site

        yield start


async def stop(site: Site) -> None:
    for writer in site.writers:
        writer.transport.abort()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        await asyncio.wait(tasks, timeout=5)


Get = Callable[..., Awaitable[Response]]


@pytest.fixture
async def get() -> AsyncIterator[Get]:
    """GET a URL with a client whose allow list is this machine, unless the test names another one."""
    async with AsyncExitStack() as stack:

        async def send(
            url: str, *, allow: str = "127.0.0.1", timeout_seconds: float = 30.0, most: int = 65_536, **more: Any
        ) -> Response:
            client = await stack.enter_async_context(HttpClient(Policy.parse(allow), **more))
            return await client.request(
                "GET", url, headers={}, body=None, timeout_seconds=timeout_seconds, max_response_bytes=most
            )

        yield send


Replying = Callable[..., bytes]


@pytest.fixture
def replying() -> Replying:
    """Write an answer with its length: replying(b"body", status=404, content_type="text/plain")."""
    return reply


class Names:
    """A resolver that answers from a script, and counts: the last answer of a name is repeated."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(answer) for name, answer in answers.items()}
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        script = self.answers.get(host)
        if not script:
            raise OSError(f"{host} is unknown")
        return script.pop(0) if len(script) > 1 else script[0]


@pytest.fixture
def names() -> type[Names]:
    """The scripted resolver: names(good_example=[["127.0.0.1"], ["127.0.0.2"]])."""
    return Names
