"""The one door through which Rowcall calls out.

`HttpClient` sends one request and reads one answer, within a deadline and a size. It knows no proxies, no redirects, no
cookies, no compression and no retries: each is either a way around the policy or somebody else's decision. httpcore2
does the protocol; the checks stand in `backend`, where connections are made, so that no path leads past them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpcore2

from .backend import CheckedBackend, Resolver, system_resolver, until_the_body
from .errors import EgressFailed, EgressRefused
from .headers import MOST_WITH_OURS, checked
from .policy import Policy
from .url import Target, parse_url

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
USER_AGENT = f"rowcall/{version('rowcall')}"
KEEPALIVE_SECONDS = 5.0
"""How long an idle connection is kept: short, because servers close theirs without a word."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Header names are in lower case, repeated ones joined by a comma; `body` is never unpacked."""

    status: int
    headers: dict[str, str]
    body: bytes
    truncated: bool
    elapsed_seconds: float


class HttpClient:
    """An HTTP client that calls only what its policy allows. Use it as an async context manager, in one event loop.

    `resolve` replaces the operating system's look-up; `connect_timeout_seconds` holds for each address of a host,
    inside the deadline of the request.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        resolve: Resolver = system_resolver,
        connect_timeout_seconds: float = 10.0,
        max_connections: int = 100,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._connect_timeout_seconds = connect_timeout_seconds
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context or httpcore2.default_ssl_context(),
            max_connections=max_connections,
            max_keepalive_connections=20,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=CheckedBackend(policy, resolve),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_seconds: float,
        max_response_bytes: int,
    ) -> Response:
        """Send one request, follow nothing, and return the answer whatever its status.

        The whole of it, look-up and last byte included, takes at most `timeout_seconds`. Of the body no more than
        `max_response_bytes` are read; `truncated` says that there was more. Raises EgressRefused before anything is
        sent, EgressFailed where the network or the time did not allow an answer.
        """
        if method not in METHODS:
            raise EgressRefused(f"the method {method[:20]!r} is not sent; use one of {', '.join(sorted(METHODS))}")
        target = parse_url(url)
        request = self._request(method, target, checked(headers, most=MOST_WITH_OURS), body)
        exchange = _Exchange(target, max_response_bytes)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await exchange.run(self._pool, request)
        except TimeoutError as fault:
            raise exchange.late(timeout_seconds) from fault
        except httpcore2.TimeoutException as fault:
            raise exchange.failed(str(fault) or "TLS could not be agreed on in time", timed_out=True) from fault
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as fault:
            raise exchange.failed(_root(fault)) from fault

    def _request(self, method: str, target: Target, headers: dict[str, str], body: bytes | None) -> httpcore2.Request:
        head = {"host": target.authority, "accept": "*/*", "accept-encoding": "identity", "user-agent": USER_AGENT}
        head |= headers
        if body is not None or method in {"POST", "PUT", "PATCH"}:
            head["content-length"] = str(len(body or b""))
        return httpcore2.Request(
            method,
            httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
            headers=list(head.items()),
            content=body,
            extensions={"timeout": {"connect": self._connect_timeout_seconds}},
        )


class _Exchange:
    """One request and its answer: remembers how far it got, for the message if it does not get further."""

    def __init__(self, target: Target, max_response_bytes: int) -> None:
        self._target = target
        self._limit = max_response_bytes
        self._status: int | None = None
        self._body = bytearray()
        self._truncated = False

    async def run(self, pool: httpcore2.AsyncConnectionPool, request: httpcore2.Request) -> Response:
        clock = asyncio.get_running_loop().time
        began = clock()
        with until_the_body():
            answer = await pool.handle_async_request(request)
        self._status = answer.status
        try:
            await self._read(answer)
        finally:
            await answer.aclose()
        return Response(
            answer.status, _folded(answer.headers), bytes(self._body), self._truncated, round(clock() - began, 6)
        )

    async def _read(self, answer: httpcore2.Response) -> None:
        """Stop at the limit: what is left unread closes the connection, so the sender stops too."""
        async with aclosing(answer.aiter_stream()) as chunks:
            async for chunk in chunks:
                room = self._limit - len(self._body)
                self._body += chunk[:room]
                self._truncated = len(chunk) > room
                if self._truncated:
                    return

    def late(self, timeout_seconds: float) -> EgressFailed:
        if self._status is None:
            return self.failed(f"no answer within {timeout_seconds:g} s", timed_out=True)
        return self.failed(
            f"answered {self._status}, but did not end within {timeout_seconds:g} s ({len(self._body)} bytes came)",
            timed_out=True,
        )

    def failed(self, why: str, *, timed_out: bool = False) -> EgressFailed:
        return EgressFailed(f"{self._target}: {why}", why=why, status=self._status, timed_out=timed_out)


def _folded(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    folded: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        folded[name] = f"{folded[name]}, {value}" if name in folded else value
    return folded


def _root(fault: BaseException) -> str:
    """The bottom of a chain of errors: httpcore2 keeps it as cause or, where it cut the chain, as argument."""
    inner = fault.__cause__ or next((part for part in fault.args if isinstance(part, BaseException)), None)
    return _root(inner) if inner is not None else str(fault) or "the connection broke off"
