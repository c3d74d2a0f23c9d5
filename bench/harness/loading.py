"""Load on an HTTP server: so many connections, each sending the next request as soon as it has its answer."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from .children import check_alive, end, start
from .waiting import until

HOST = "127.0.0.1"
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent again and again; the number of the request is put in for `{n}`."""

    name: str
    path: str
    body: str | None = None

    def bytes(self, number: int) -> bytes:
        """On the wire."""
        path, body = self.path.replace("{n}", str(number)), (self.body or "").replace("{n}", str(number)).encode()
        lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", f"Host: {HOST}"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Answered:
    """How long each answer took, and how long all of them together."""

    spans: Sequence[float]
    seconds: float

    @property
    def per_second(self) -> float:
        """Throughput."""
        return len(self.spans) / self.seconds


async def load(port: int, request: Request, connections: int, seconds: float, number: Callable[[], int]) -> Answered:
    """Send requests for so long. Raises RuntimeError for an answer that is no success."""
    until_moment = time.perf_counter() + seconds
    began = time.perf_counter()
    spans = await asyncio.gather(*(_keep_asking(port, request, until_moment, number) for _ in range(connections)))
    return Answered([span for each in spans for span in each], time.perf_counter() - began)


async def _keep_asking(port: int, request: Request, until_moment: float, number: Callable[[], int]) -> list[float]:
    reader, writer = await asyncio.open_connection(HOST, port)
    spans: list[float] = []
    while (asked := time.perf_counter()) < until_moment:
        writer.write(request.bytes(number()))
        await _read_answer(reader, request)
        spans.append(time.perf_counter() - asked)
    writer.close()
    return spans


async def _read_answer(reader: asyncio.StreamReader, request: Request) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith("http/1.1 2"):
        raise RuntimeError(f"{request.path} was answered:\n{head}{body.decode('utf-8', 'replace')}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def serving(
    command: Sequence[str], port: int, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[None]:
    """A server process that accepts connections on the port. Raises RuntimeError, with its log, where it ends."""
    log = folder / f"api-{port}.log"
    process = start(command, environment, log)

    async def accepts() -> bool:
        check_alive(process, log)
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    try:
        await until(accepts, f"an answer on port {port}", within=START_SECONDS, look=0.05)
        yield
    finally:
        await asyncio.to_thread(end, [process])
