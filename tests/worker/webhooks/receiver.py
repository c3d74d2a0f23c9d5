"""A real receiver of webhooks: it verifies with the library of the standard, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.listening import listening

KEY = "whsec_" + "bWFkZSBmb3IgdGVzdHMsIGFuZCBmb3Igbm90aGluZyE="
OTHER_KEY = "whsec_" + "YW5vdGhlciBvbmUgdGhhdCBpcyBtYWRlIGZvciB0ZXN0cw=="


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: dict[str, str]
    body: str
    first_line: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data

    def is_signed_with(self, key: str) -> bool:
        try:
            Webhook(key).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Receiver:
    """What came in. `answers` are statuses, the last again and again; none is given while `answering` is not set.

    It promises `missing` bytes of a body and sends none: it hangs up then, or holds the line where it is `holding` it.
    """

    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=_set)
    missing: int = 0
    holding: bool = False
    port: int = 0
    open: dict[asyncio.StreamWriter, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open[writer] = asyncio.current_task()
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # senders are killed here
            await self._answer(reader, writer)
        writer.close()
        del self.open[writer]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.received.append(Received(headers, body.decode(), first))
        await self.answering.wait()
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        writer.write(
            f"HTTP/1.1 {status} So\r\n{more}content-length: {self.missing}\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        if self.holding:
            await reader.read()  # until the other side hangs up


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    """Serve on 127.0.0.1; at the port that it had before, if it had one."""
    async with listening(receiver.serve, receiver.port) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.answering.set()
            tasks = list(receiver.open.values())
            for writer in receiver.open:
                writer.transport.abort()
            if tasks:
                await asyncio.wait(tasks)
