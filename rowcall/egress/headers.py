"""Which headers a caller may set: well-formed ones that don't change where a request ends or whom it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import EgressRefused

MOST_HEADERS = 64
"""What a caller may set."""

MOST_WITH_OURS = MOST_HEADERS + 7
"""With what the `http` task adds: two keys, four of what is running, and the kind of the body."""

LONGEST_VALUE = 8_192
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_VALUE = re.compile(r"[\t\x20-\x7e]*")

WIRE = frozenset(
    {
        "accept-encoding",  # answers are taken as they are: nothing unpacks, so nothing explodes
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Set by the client alone, as is everything that begins with `proxy-`."""


def checked(
    headers: Mapping[str, str], *, reserved: frozenset[str] = frozenset(), most: int = MOST_HEADERS
) -> dict[str, str]:
    """The headers under lower-case names, values stripped. Raises EgressRefused, naming the header, never its value."""
    if len(headers) > most:
        raise EgressRefused(f"{len(headers)} headers were given; at most {most} are sent")
    kept: dict[str, str] = {}
    for given, value in headers.items():
        name = given.lower()
        fault = _fault(name, value, reserved)
        if fault is None and name in kept:
            fault = "is given twice"
        if fault is not None:
            raise EgressRefused(f"the header {given[:64]!r} {fault}")
        kept[name] = value.strip(" \t")
    return kept


def _fault(name: str, value: str, reserved: frozenset[str]) -> str | None:
    if not _NAME.fullmatch(name):
        return "has a name that HTTP does not allow"
    if name in WIRE or name in reserved or name.startswith("proxy-"):
        return "is set by Rowcall and can't be given"
    if len(value) > LONGEST_VALUE:
        return f"is longer than {LONGEST_VALUE} characters"
    if not _VALUE.fullmatch(value):
        return "contains a line break, a control character or a sign outside ASCII"
    return None
