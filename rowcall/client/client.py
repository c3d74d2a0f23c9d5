"""The two faces: `Client` waits, `AsyncClient` is awaited. What they do is said once, in the modules of calls."""

from __future__ import annotations

import asyncio
import time
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from rowcall.settings import Settings

from . import overview
from .calls import Pause, Procedure
from .faces import does, does_async, iterates, iterates_async
from .finding import server_of, showing, way_to
from .parts import (
    AsyncBackfills,
    AsyncExecutions,
    AsyncSchedules,
    AsyncWebhooks,
    Backfills,
    Executions,
    Schedules,
    Webhooks,
)
from .sending import send, send_async

T = TypeVar("T")
TIMEOUT_SECONDS = 30.0
RETRIES = 6
SETTINGS = ("server", "api_key", "port", "data_dir")
"""What a client reads of the environment; the rest, DATABASE_URL above all, may be that of the program around it."""


class Client:
    """Talks to the API of a Rowcall, and is closed after use, best by `with`. Threads may share one.

    `server` is by default ROWCALL_SERVER, else this machine's; `key` is ROWCALL_API_KEY, else, for a server on this
    machine, the one that `rowcall serve` left for this account. An answer is read for at most `timeout` seconds, with
    None for ever; one that falls silent in the middle may be waited for as long again. What got no answer, or was told
    to come back later, is sent again up to `retries` times where that is safe. `transport` sends requests by another
    way: a proxy, certificates of one's own. Raises InvalidInput for what can't be used.
    """

    def __init__(
        self,
        server: str | None = None,
        key: str | None = None,
        *,
        timeout: float | None = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        options = _options(server, key)
        self.server: str = options["base_url"]
        self._timeout, self._retries = timeout, retries
        self._http = httpx2.Client(**options, transport=transport)

    preview = does(overview.preview)
    tasks = does(overview.tasks)
    workers = does(overview.workers)
    stats = does(overview.stats)
    audit_log = iterates(overview.audit_log)

    @cached_property
    def schedules(self) -> Schedules:
        """Schedules: what there is, and what is done to them."""
        return Schedules(self)

    @cached_property
    def executions(self) -> Executions:
        """The ledger."""
        return Executions(self)

    @cached_property
    def backfills(self) -> Backfills:
        """Ranges of the past that are run."""
        return Backfills(self)

    @cached_property
    def webhooks(self) -> Webhooks:
        """What callback URLs are told."""
        return Webhooks(self)

    def carry_out(self, procedure: Procedure[T]) -> T:
        """Take each step of it, and return its result. Raises ApiError."""
        steps = procedure.steps(self._retries)
        answer: httpx2.Response | None = None
        fault: httpx2.TransportError | None = None
        while True:
            try:
                step = steps.send(answer) if fault is None else steps.throw(fault)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = fault = None
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                continue
            try:
                answer = send(self._http, step, self._timeout)
            except httpx2.TransportError as lost:
                fault = lost

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """`Client` for an event loop: every method is awaited, lists are read with `async for`, `async with` closes it.

    A request takes at most `timeout` seconds, whatever its server does.
    """

    def __init__(
        self,
        server: str | None = None,
        key: str | None = None,
        *,
        timeout: float | None = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        options = _options(server, key)
        self.server: str = options["base_url"]
        self._timeout, self._retries = timeout, retries
        self._http = httpx2.AsyncClient(**options, transport=transport)

    preview = does_async(overview.preview)
    tasks = does_async(overview.tasks)
    workers = does_async(overview.workers)
    stats = does_async(overview.stats)
    audit_log = iterates_async(overview.audit_log)

    @cached_property
    def schedules(self) -> AsyncSchedules:
        """Schedules: what there is, and what is done to them."""
        return AsyncSchedules(self)

    @cached_property
    def executions(self) -> AsyncExecutions:
        """The ledger."""
        return AsyncExecutions(self)

    @cached_property
    def backfills(self) -> AsyncBackfills:
        """Ranges of the past that are run."""
        return AsyncBackfills(self)

    @cached_property
    def webhooks(self) -> AsyncWebhooks:
        """What callback URLs are told."""
        return AsyncWebhooks(self)

    async def carry_out(self, procedure: Procedure[T]) -> T:
        """Take each step of it, and return its result. Raises ApiError."""
        steps = procedure.steps(self._retries)
        answer: httpx2.Response | None = None
        fault: httpx2.TransportError | None = None
        while True:
            try:
                step = steps.send(answer) if fault is None else steps.throw(fault)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = fault = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                continue
            try:
                answer = await send_async(self._http, step, self._timeout)
            except httpx2.TransportError as lost:
                fault = lost

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _options(server: str | None, key: str | None) -> dict[str, Any]:
    settings = Settings.from_environment(only=SETTINGS)
    address = server_of(server, settings)
    shown = showing(key, address, settings)
    headers = {"Accept": "application/json"} | shown.pop("headers", {})
    return {"base_url": address, "headers": headers} | shown | way_to(address)
