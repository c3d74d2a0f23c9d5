"""Sending one request, and having its whole answer in time: by itself, httpx2 counts the time of each read anew."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator

import httpx2

from .calls import Send

TOO_LATE = "the whole answer was not there in time"


def send(http: httpx2.Client, step: Send, longest: float | None) -> httpx2.Response:
    """The answer, read. Raises TransportError; ReadTimeout once a part comes later than `longest` seconds from now."""
    seconds = _least(longest, step.within)
    until = None if seconds is None else time.monotonic() + seconds
    response = http.send(_request(http, step, seconds), stream=True)
    if until is not None:
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Until(response.stream, until)
    try:
        response.read()
    finally:
        response.close()
    return response


async def send_async(http: httpx2.AsyncClient, step: Send, longest: float | None) -> httpx2.Response:
    """The answer, read. Raises TransportError; ReadTimeout where it is not whole after `longest` seconds."""
    seconds = _least(longest, step.within)
    try:
        async with asyncio.timeout(seconds) as limit:
            return await http.send(_request(http, step, seconds))
    except TimeoutError as fault:
        if not limit.expired():
            raise
        raise httpx2.ReadTimeout(TOO_LATE) from fault


class _Until(httpx2.SyncByteStream):
    """A stream whose parts have to be there until a moment of the monotonic clock."""

    def __init__(self, stream: httpx2.SyncByteStream, until: float) -> None:
        self._stream, self._until = stream, until

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            yield part
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout(TOO_LATE)

    def close(self) -> None:
        self._stream.close()


def _request(http: httpx2.Client | httpx2.AsyncClient, step: Send, seconds: float | None) -> httpx2.Request:
    """The request. Connecting may take half of the time, so that it is told apart from an answer that is late."""
    part = None if seconds is None else seconds / 2
    return http.build_request(
        step.method,
        step.path,
        params=step.params,
        content=step.content,
        headers=dict(step.headers),
        timeout=httpx2.Timeout(seconds, connect=part, pool=part),
    )


def _least(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None and math.isfinite(limit)), default=None)
