"""Which server, and which key: what is given, else the environment, else this machine's own server and its key."""

from __future__ import annotations

import ipaddress
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

import httpx2

from rowcall.domain.errors import InvalidInput
from rowcall.domain.keys import read_key
from rowcall.settings import Settings

HEADER = "X-API-Key"


class FoundKey(httpx2.Auth):
    """Shows the key that was found on this machine, until a server does not know it: then it asks without.

    Several may run here, each with a database of its own, and only one of them left the key.
    """

    def __init__(self, key: str) -> None:
        self._key: str | None = key

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The request, and once more without a key where that may help."""
        if self._key is None:
            yield request
            return
        request.headers[HEADER] = self._key
        answer = yield request
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            self._key = None
            del request.headers[HEADER]
            yield request


def server_of(given: str | None, settings: Settings) -> str:
    """The address without what follows the host and its path. Raises InvalidInput for one that is none."""
    text = given or settings.server or f"http://127.0.0.1:{settings.port}"
    try:
        url = urlsplit(text)
        fits = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        fits = False
    if not fits or url.query or url.fragment or url.username is not None or not text.isprintable():
        raise InvalidInput.of("server", "must be the address of a Rowcall, such as https://rowcall.example.org")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/').removesuffix('/v1')}"


def showing(given: str | None, server: str, settings: Settings) -> dict[str, Any]:
    """How a client shows its key to this server, as options of httpx2. Raises InvalidInput for text that is none."""
    key = key_of(given, settings)
    if key is not None:
        return {"headers": {HEADER: key}}
    found = own_key(settings) if _is_here(server) else None
    return {} if found is None else {"auth": FoundKey(found)}


def way_to(server: str) -> dict[str, Any]:
    """How a client gets to this server, as options of httpx2: on this machine past the environment's proxies.

    A proxy would read the key of this machine, and look for the server on its own. The environment's certificates hold.
    """
    if not _is_here(server):
        return {}
    certificates = {"verify": httpx2.create_ssl_context()} if server.startswith("https:") else {}
    return {"trust_env": False} | certificates


def key_of(given: str | None, settings: Settings) -> str | None:
    """The key that was given, or None. Raises InvalidInput for text that is no key."""
    key = given or settings.api_key
    if key is None:
        return None
    if read_key(key.strip()) is None:
        raise InvalidInput.of("key", "must have the form rowcall_<id>_<secret>, as `rowcall keys create` writes it")
    return key.strip()


def own_key(settings: Settings) -> str | None:
    """The key that `rowcall serve` left for this account; None where there is none, or another account owns it."""
    try:
        text = settings.key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if read_key(text) is not None else None


def _is_here(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
