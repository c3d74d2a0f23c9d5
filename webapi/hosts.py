"""Which requests may come in at all: those sent to a name this API knows, and not sent by a page of somebody else.

Where this machine's own people need no key, what protects the service from pages in their browsers is the Host and the
Origin, about which a browser can't be made to lie. A page that resolves its own name to 127.0.0.1 (DNS rebinding)
still says that name; a form posted across sites still names its origin.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import Problem, respond

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def known_hosts(allowed: Iterable[str], bound: str) -> frozenset[str]:
    """The Host names that requests may carry: those of the settings, of this machine, and the address listened on."""
    own = f"[{bound}]" if ":" in bound and not bound.startswith("[") else bound
    return frozenset(name.lower() for name in (*allowed, *LOOPBACK_NAMES, own))


FORWARDED = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)


def comes_straight(request: Request) -> bool:
    """Whether a request names this machine as itself, and passed no proxy that can be told.

    A proxy may tell nothing, and name this machine as it knows it. HTTP/1.0 gives many away: nginx speaks it unless it
    is told otherwise, and hardly anybody else does.
    """
    named = _name(request.headers.get("host", "")) in LOOPBACK_NAMES
    is_old = request.scope.get("http_version") == "1.0"
    return named and not is_old and FORWARDED.isdisjoint(name for name, _ in request.scope["headers"])


class KnownHosts:
    """Middleware that answers 421 for a Host it doesn't know, and 403 for what another site's page sends."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer."""
        problem = self._objection(scope) if scope["type"] == "http" else None
        if problem is None:
            await self.app(scope, receive, send)
        else:
            await respond(problem)(scope, receive, send)

    def _objection(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) > 1 or _name(host) not in self.hosts:
            return Problem(
                421, f"this API does not answer to the host {host[:100]!r}; ROWCALL_ALLOWED_HOSTS names those it does"
            )
        origin = headers.get("origin")
        if origin is None or scope["method"] in SAFE_METHODS or _host_of(origin) == host.lower():
            return None
        return Problem(403, "another site's page may not change anything here", "cross-origin")


def _host_of(origin: str) -> str:
    """The host of an origin with its port, in lower case; an origin is no more than scheme and host, or "null"."""
    return origin.lower().partition("://")[2]


def _name(host: str) -> str:
    """The host without its port, in lower case; "" for what is none."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, "0"
    return name.lower() if port.isascii() and port.isdigit() else ""
