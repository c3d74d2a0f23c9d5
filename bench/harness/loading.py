"""Load on an HTTP server: as fast as it answers, or at a pace that it has to keep."""

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
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent again and again; the number of the request is put in for `{n}`."""

    name: str
    path: str
    body: str | None = None
    method: str | None = None

    def bytes(self, number: int, key: str | None = None) -> bytes:
        """On the wire, with an API key if there is one."""
        path, body = self.path.replace("{n}", str(number)), (self.body or "").replace("{n}", str(number)).encode()
        lines = [f"{self.method or ('POST' if body else 'GET')} {path} HTTP/1.1", f"Host: {HOST}"]
        if key is not None:
            lines.append(f"X-API-Key: {key}")
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Answered:
    """How long each answer took, and how long all of them together."""

    spans: Sequence[float]
    seconds: float

    @property
    def per_second(self) -> float:
        """Throughput."""
        return len(self.spans) / self.seconds


class Connection:
    """One connection, with one request at a time on it; opened anew where it was closed."""

    def __init__(self, port: int, key: str | None = None) -> None:
        self._port = port
        self._key = key
        self._opened: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Request, number: int = 0) -> Answer:
        """Send it, and wait for the answer. Raises OSError or EOFError without one."""
        if self._opened is None or self._opened[0].at_eof():  # servers hang up where nothing comes for a while
            self.close()
            self._opened = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._opened
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                writer.write(request.bytes(number, self._key))
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
                body = await reader.readexactly(length)
        except BaseException:
            self.close()
            raise
        return Answer(int(head[9:12]), body)

    def close(self) -> None:
        """Hang up."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None


async def load(
    port: int, request: Request, connections: int, seconds: float, number: Callable[[], int], key: str | None = None
) -> Answered:
    """Send requests for so long, as fast as they are answered. Raises RuntimeError for an answer that is no success."""
    until_moment = time.perf_counter() + seconds
    began = time.perf_counter()
    spans = await asyncio.gather(*(_keep_asking(port, request, until_moment, number, key) for _ in range(connections)))
    return Answered([span for each in spans for span in each], time.perf_counter() - began)


async def _keep_asking(
    port: int, request: Request, until_moment: float, number: Callable[[], int], key: str | None
) -> list[float]:
    connection = Connection(port, key)
    spans: list[float] = []
    while (asked := time.perf_counter()) < until_moment:
        answer = await connection.ask(request, number())
        spans.append(time.perf_counter() - asked)
        if not answer.is_success:
            raise RuntimeError(f"{request.path} was answered {answer.status}: {answer.body.decode('utf-8', 'replace')}")
    connection.close()
    return spans


# ── servers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def serving(
    command: Sequence[str], port: int, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[int]:
    """A server process that accepts connections on the port: its id. Raises RuntimeError, with its log, if it ends."""
    log = folder / f"api-{port}.log"
    process = start(command, environment, log)

    async def accepts() -> bool:
        check_alive(process, log)
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    try:
        await until(accepts, f"an answer on port {port}", within=START_SECONDS, look=0.05)
        yield process.pid
    finally:
        await asyncio.to_thread(end, [process])
