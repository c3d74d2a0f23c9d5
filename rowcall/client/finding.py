"""Which server, and which key: what is given, else the environment, else this machine's own server and its key."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from rowcall.domain.errors import InvalidInput
from rowcall.domain.keys import read_key
from rowcall.settings import Settings


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


def key_of(given: str | None, server: str, settings: Settings) -> str | None:
    """The key to send; the one in the file only to this machine. Raises InvalidInput for text that is no key."""
    key = given or settings.api_key
    if key is None:
        return own_key(settings) if _is_here(server) else None
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
