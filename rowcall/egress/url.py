"""Reading a URL once, strictly, so that what was checked is what is called, and what is shown holds no secret.

Tools disagree about unusual URLs, and every disagreement has been a way around some check. So what is unusual is
refused (user information, backslashes, blanks, unencoded hosts), and an IPv4 address in decimal, hex or octal is turned
into the four numbers that the operating system would call.
"""

from __future__ import annotations

import re
import socket
import string
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, urlsplit

from .addresses import Address
from .errors import EgressRefused

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 8_192
LONGEST_SHOWN = 200
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_VISIBLE = string.ascii_letters + string.digits + string.punctuation
_TOKEN_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `host` is in lower case without trailing dot or brackets; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """The URL as it may be shown: no query, and no part of the path that looks like a token."""
        path, _, query = self.path.partition("?")
        shown = "/".join("…" if _looks_secret(part) else part for part in path.split("/"))
        shown = f"{self.scheme}://{self.authority}{shown}"
        shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
        return f"{shown}?…" if query else shown


def parse_url(url: str) -> Target:
    """Read an absolute http or https URL. Raises EgressRefused, without repeating the URL: it may hold secrets."""
    if len(url) > LONGEST_URL:
        raise _refused(f"it is longer than {LONGEST_URL} characters")
    if _FORBIDDEN.search(url):
        raise _refused("it contains a blank, a control character or a backslash: encode it with %")
    try:
        url.encode()
        parts = urlsplit(url)
    except ValueError:
        raise _refused("it can't be read") from None  # the cause would repeat the URL
    if parts.scheme not in DEFAULT_PORTS:
        raise _refused("it does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise _refused("it carries a user name before an @: put credentials into a header")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise _refused("its host or port can't be read")
    path, query = quote(parts.path or "/", safe=_VISIBLE), quote(parts.query, safe=_VISIBLE)
    return Target(
        scheme=parts.scheme,
        host=_name(authority["name"]) if authority["ipv6"] is None else _ipv6(authority["ipv6"]),
        port=DEFAULT_PORTS[parts.scheme] if authority["port"] is None else _port(authority["port"]),
        path=f"{path}?{query}" if query else path,
    )


def _port(digits: str) -> int:
    if not 1 <= int(digits) <= 65535:
        raise _refused("its port does not lie between 1 and 65535")
    return int(digits)


def _name(text: str) -> str:
    if not text.isascii():
        raise _refused("its host is not written in ASCII: write its xn-- form")
    host = text.lower().removesuffix(".")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _ipv4(host)
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise _refused("its host is not a valid name")
    return host


def _ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        raise _refused("its host in brackets is not an IPv6 address") from None
    if address.scope_id is not None:
        raise _refused("its IPv6 address names a network interface (%)")
    return str(address)


def _ipv4(host: str) -> str:
    try:
        return str(IPv4Address(socket.inet_aton(host)))
    except (OSError, ValueError):
        raise _refused("its host ends in a number and is not an IPv4 address") from None


def literal(host: str) -> Address | None:
    """The address that a Target's host is, or None where it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _looks_secret(part: str) -> bool:
    return len(part) >= _TOKEN_LENGTH and any(sign.isdigit() or sign.isupper() for sign in part)


def _refused(why: str) -> EgressRefused:
    return EgressRefused(f"the URL can't be called: {why}")
