"""Connecting to what was checked: one look-up, every address judged, then a connection to the literal address.

A name that is looked up twice can answer differently the second time; that gap is all that DNS rebinding needs. Here
the addresses that were judged are the addresses that are connected to. The name stays in the Host header and in TLS.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Any

import httpcore2

from .addresses import Address, plain
from .errors import EgressRefused
from .policy import Policy
from .url import literal

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Answers a host and port with IP addresses as text, best first; raises OSError where there are none."""


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the operating system, as every other program here does: hosts file, search domains, DNS."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection that is closed when its TLS handshake is cut off; httpcore2's own would stay open for good."""

    def __init__(self, wire: httpcore2.AsyncNetworkStream) -> None:
        self._wire = wire

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore2's signature)
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._wire.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self._wire.aclose()
            raise

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._wire.read(max_bytes, timeout)

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
