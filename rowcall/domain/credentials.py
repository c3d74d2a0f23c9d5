"""Literals that look like credentials, where a reference such as ``{"$secret": "name"}`` belongs. A guess, to warn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

REFERENCE = "$secret"

_NAMES = re.compile(
    r"pass(word|wd|phrase)?|pwd|secret|token|api_?key|access_?key|private_?key|authorization|credentials?|cookie"
)
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\b(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|sk_live_|rk_live_|pypi-|npm_|whsec_)[0-9A-Za-z_-]{16,}"
    r"|\beyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\."
    r"|^(Bearer|Basic) [0-9A-Za-z+/=._~-]{8,}$"
)


def credentials_in(value: object, path: str = "input_data") -> list[str]:
    """The paths at which text stands that looks like a credential: ``input_data.headers.Authorization``."""
    return list(_found(value, path, named=False))


def _found(value: object, path: str, *, named: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        if REFERENCE in value:
            return
        for name, inner in value.items():
            yield from _found(inner, f"{path}.{name}", named=_is_named(str(name)))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _found(inner, f"{path}.{position}", named=named)
    elif isinstance(value, str) and value and (named or _has_the_shape(value)):
        yield path


def _is_named(name: str) -> bool:
    """Whether a field of this name holds a credential: ``api_key``, ``X-Auth-Token``, ``dbPassword``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower()
    return any(re.search(rf"(^|_)({_NAMES.pattern})$", part) for part in (words, words.removesuffix("s")))


def _has_the_shape(text: str) -> bool:
    return _SHAPES.search(text) is not None or _is_an_address_with_one(text)


def _is_an_address_with_one(text: str) -> bool:
    """Whether it is an address with a password in it, or with a token among its parameters."""
    if "://" not in text:
        return False
    try:
        address = urlsplit(text)
        return bool(address.password) or any(_is_named(name) for name, _ in parse_qsl(address.query))
    except ValueError:
        return False


def hidden(differences: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Differences by path, without the values that look like credentials; of a `callback_url` its host alone."""
    return {path: _shown(path, before, after) for path, (before, after) in differences.items()}


def _shown(path: str, before: Any, after: Any) -> tuple[Any, Any]:
    if path == "callback_url":  # of some receivers the path is the secret
        return _host_of(before), _host_of(after)
    return _covered(before, after) if _tells(path, before, after) else (before, after)


def _host_of(url: str | None) -> str | None:
    """The address as the log of changes tells it."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(hidden)"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/(hidden)"


def _covered(*values: Any) -> tuple[Any, Any]:
    before, after = ("(hidden)" if value else value for value in values)
    return before, after


def _tells(path: str, *values: Any) -> bool:
    parts = path.split(".")[1:]
    named = any(map(_is_named, parts)) and REFERENCE not in parts
    return any(list(_found(value, path, named=named)) for value in values)
