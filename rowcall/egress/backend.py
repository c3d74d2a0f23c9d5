"""Connecting to what was checked: one look-up, every address judged, then a connection to the literal address.

A name that is looked up twice can answer differently the second time; that gap is all that DNS rebinding needs. Here
the addresses that were judged are the addresses that are connected to. The name stays in the Host header and in TLS.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from ipaddress import IPv4Address, ip_address
from typing import Any

import httpcore2

from .addresses import Address, plain
from .errors import EgressRefused
from .policy import Policy
from .url import literal

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Answers a host and port with IP addresses as text, best first; raises OSError where there are none."""


LONGEST_HEAD = 2**18
"""Bytes that may come until a body begins: h11 takes heads of 100 KiB, and a read may hold the beginning of a body."""
_LOOK_UPS = ThreadPoolExecutor(64, "rowcall-look-up")
"""Not the event loop's own few threads: a name whose server keeps silent holds one for long, though nobody waits any
more, and the database could not be looked up."""
_until_the_body: ContextVar[_Head | None] = ContextVar("until_the_body", default=None)


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the operating system, as every other program here does: hosts file, search domains, DNS."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, ask)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@contextmanager
def until_the_body() -> Iterator[None]:
    """Count what this task reads: without end to `100 Continue`, an answer would keep the event loop busy for good."""
    before = _until_the_body.set(_Head())
    try:
        yield
    finally:
        _until_the_body.reset(before)


class _Head:
    """What came of an answer before its body."""

    def __init__(self) -> None:
        self._bytes = 0

    def came(self, count: int) -> None:
        self._bytes += count
        if self._bytes > LONGEST_HEAD:
            raise httpcore2.RemoteProtocolError(f"{LONGEST_HEAD} bytes came, and no answer among them")


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection that is closed when its TLS handshake is cut off; httpcore2's own would stay open for good.

    Nor does it read on and on for a body that does not begin.
    """

    def __init__(self, wire: httpcore2.AsyncNetworkStream) -> None:
        self._wire = wire

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore2's signature)
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return _Stream(await self._wire.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            await self._wire.aclose()
            raise

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        data = await self._wire.read(max_bytes, timeout)
        head = _until_the_body.get()
        if head is not None:
            head.came(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._wire.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._wire.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._wire.get_extra_info(info)


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """The network as httpcore2 sees it. A pool that was given this one has no other way out."""

    def __init__(self, policy: Policy, resolve: Resolver) -> None:
        self._policy = policy
        self._resolve = resolve
        self._wire = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore2's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers, if all of them may be called. `timeout` holds for each."""
        faults: list[str] = []
        timed_out = False
        for address in await self._allowed(host, port):
            try:
                stream = await self._wire.connect_tcp(str(address), port, timeout, local_address, socket_options)
                return _Stream(stream)
            except httpcore2.ConnectTimeout:
                timed_out = True
                faults.append(f"{address} did not answer in time")
            except httpcore2.ConnectError as fault:
                faults.append(f"{address}: {_reason(fault)}")
        kind = httpcore2.ConnectTimeout if timed_out else httpcore2.ConnectError
        raise kind(f"no connection: {', '.join(faults)}")

    async def _allowed(self, host: str, port: int) -> list[Address]:
        address = literal(host)
        addresses = await self._look_up(host, port) if address is None else [address]
        objection = self._policy.objection(host, port, addresses, await self._own(port, addresses))
        if objection is not None:
            raise EgressRefused(objection)
        return addresses

    async def _look_up(self, host: str, port: int) -> list[Address]:
        """Raises ConnectError where the name is unknown: it may be known later."""
        try:
            found = await self._resolve(host, port)
        except OSError as fault:
            raise httpcore2.ConnectError(f"no address was found for {host}: {fault.strerror or fault}") from fault
        if not found:
            raise httpcore2.ConnectError(f"no address was found for {host}")
        return [ip_address(text) for text in found]

    async def _own(self, port: int, addresses: Iterable[Address]) -> set[Address]:
        """Rowcall's own addresses that only a look-up, or the machine itself, can tell."""
        own = {plain(found) for name in self._policy.own_names(port) for found in await self._look_up(name, port)}
        if self._policy.denies_this_machine(port):
            own |= {plain(address) for address in addresses if _is_of_this_machine(plain(address))}
        return own


def _reason(fault: BaseException) -> str:
    """What the operating system said, at the bottom of the chain."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    return os.strerror(fault.errno) if isinstance(fault, OSError) and fault.errno else str(fault)


def _is_of_this_machine(address: Address) -> bool:
    """A socket can be bound to an address only on the machine that has it; nothing is sent."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
        return True
