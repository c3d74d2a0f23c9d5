"""Load at a pace that a server has to keep: each request is sent at its moment, whether or not it is done with others.

The load comes from the machine that is measured, so it has to cost little: what is sent is made before the clock starts
and connections are protocols, without streams and tasks.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

from .loading import HOST, PATIENCE_SECONDS, Request

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Paced:
    """One request that was to be sent at a moment: how long after that its answer was there, or what went wrong.

    `ended_at` counts from the moment of the first.
    """

    request: str
    span: float
    ended_at: float
    fault: str | None


async def keep_pace(
    ports: Sequence[int],
    each: Callable[[int], Request],
    *,
    per_second: float,
    seconds: float,
    connections: int,
    key: str | None = None,
) -> Sequence[Paced]:
    """Send `per_second` requests a second, the n-th being `each(n)`, whether or not the ones before are answered.

    The connections are dealt out to the ports in turn, and each carries one request at a time.

    An answer's time counts from the moment the request was to be sent: where all connections wait for answers, what is
    to be sent meanwhile is late, and that is the server's doing.
    """
    requests = [each(number) for number in range(round(per_second * seconds))]
    pace = _Pace([request.name for request in requests], [request.bytes(0, key) for request in requests], per_second)
    loop = asyncio.get_running_loop()
    for place in range(connections):
        port = ports[place % len(ports)]
        await loop.create_connection(partial(_Line, pace, port), HOST, port)
    return await pace.keep()


class _Pace:
    """What is to be sent when, the connections that are free, and what came of it."""

    def __init__(self, names: Sequence[str], contents: Sequence[bytes], per_second: float) -> None:
        self._names = names
        self._contents = contents
        self._per_second = per_second
        self._loop = asyncio.get_running_loop()
        self._began = float("inf")
        self._next = 0
        self._free: deque[_Line] = deque()
        self._lines: set[_Line] = set()
        self._found: list[Paced] = []
        self._over = asyncio.Event()

    async def keep(self) -> Sequence[Paced]:
        """Send all, and wait for the answers. One that does not come within a minute after the others is a fault."""
        self._began = time.perf_counter() + 0.1
        self._send_what_is_due()
        patience = len(self._contents) / self._per_second + PATIENCE_SECONDS
        try:
            while await self._goes_on_after(patience):
                patience = PATIENCE_SECONDS
        finally:
            for line in self._lines:
                line.hang_up()
        missing = [number for line in self._lines if (number := line.number) is not None]
        missing += range(self._next, len(self._contents))
        return [*self._found, *(self._paced(number, "no answer") for number in missing)]

    async def _goes_on_after(self, seconds: float) -> bool:
        """Whether there were answers for so long, and some are still missing."""
        before = len(self._found)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return before < len(self._found) < len(self._contents)

    def joins(self, line: _Line) -> None:
        """A connection is open."""
        self._lines.add(line)
        self.is_free(line)

    def leaves(self, line: _Line) -> None:
        """A connection is closed."""
        self._lines.discard(line)
        if line in self._free:
            self._free.remove(line)

    def is_free(self, line: _Line) -> None:
        """A connection can take the next request: at once, where one is late already."""
        if self._next < len(self._contents) and self._due(self._next) <= time.perf_counter():
            self._send(line)
        else:
            self._free.append(line)

    def ended(self, number: int, fault: str | None) -> None:
        """A request was answered, or will not be."""
        self._found.append(self._paced(number, fault))
        if len(self._found) == len(self._contents):
            self._over.set()

    def _paced(self, number: int, fault: str | None) -> Paced:
        now = time.perf_counter()
        return Paced(self._names[number], now - self._due(number), now - self._began, fault)

    def _due(self, number: int) -> float:
        return self._began + number / self._per_second

    def _send(self, line: _Line) -> None:
        number, self._next = self._next, self._next + 1
        line.send(number, self._contents[number])

    def _send_what_is_due(self) -> None:
        now = time.perf_counter()
        while self._free and self._next < len(self._contents) and self._due(self._next) <= now:
            self._send(self._free.popleft())
        if self._next < len(self._contents):
            # Where none is free, who becomes free goes on; this goes on with what comes after that.
            following = max(self._due(self._next), now + 1 / self._per_second) - now
            self._loop.call_later(following, self._send_what_is_due)


class _Line(asyncio.Protocol):
    """One connection, with one request at a time on it; opened anew where it was closed."""

    def __init__(self, pace: _Pace, port: int) -> None:
        self._pace = pace
        self._port = port
        self._answer = b""
        self._transport: asyncio.Transport | None = None
        self._is_over = False
        self._again: asyncio.Task[object] | None = None
        self.number: int | None = None

    def send(self, number: int, content: bytes) -> None:
        """Send the n-th request."""
        assert self._transport is not None  # it joined when it was opened
        self.number = number
        self._transport.write(content)

    def hang_up(self) -> None:
        """Close it for good."""
        self._is_over = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._pace.joins(self)

    def data_received(self, data: bytes) -> None:
        """A part of an answer, and mostly all of it."""
        self._answer += data
        end = self._answer.find(END_OF_HEAD)
        if end < 0:
            return
        head = self._answer[:end].lower()
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].partition(b"\r")[0]) if at >= 0 else 0
        if len(self._answer) < end + len(END_OF_HEAD) + length:
            return
        answer, self._answer = self._answer, b""
        is_success = answer[9:10] == b"2"
        self._end(None if is_success else answer[9:].decode("utf-8", "replace"))
        if self._transport is not None and not self._transport.is_closing():
            self._pace.is_free(self)

    def connection_lost(self, fault: Exception | None) -> None:
        """It is closed: a new one takes its place."""
        self._pace.leaves(self)
        self._transport, self._answer = None, b""
        if self._is_over:
            return
        self._end(f"no answer: {fault!r}")
        loop = asyncio.get_running_loop()
        again = loop.create_connection(partial(_Line, self._pace, self._port), HOST, self._port)
        self._again = loop.create_task(again)

    def _end(self, fault: str | None) -> None:
        if self.number is not None:
            number, self.number = self.number, None
            self._pace.ended(number, fault)
