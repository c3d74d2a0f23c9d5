"""Time zones by IANA name, from the pinned `tzdata` package and nowhere else.

A replica on a host with an old `/usr/share/zoneinfo` must not name other instants than its neighbour, so the host's
files are never looked at. A name counts only if it stands in tzdata's own list: no folders, no `localtime`, no tricks.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module, resources
from zoneinfo import ZoneInfo

from .errors import InvalidInput

LONGEST_NAME = 64


def zone(name: object) -> ZoneInfo:
    """The zone of that exact IANA name (`Europe/London`, `UTC`). Raises InvalidInput for the field `timezone`."""
    if not isinstance(name, str):
        raise InvalidInput.of("timezone", f"an IANA name is needed, such as Europe/London, not a {type(name).__name__}")
    if name not in zone_names():
        raise InvalidInput.of("timezone", _unknown(name))
    return _load(name)


@cache
def zone_names() -> frozenset[str]:
    """Every name that `zone` knows."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


UNKNOWN = "unknown"
"""The version of data that somebody had who did not say."""


def tzdata_version() -> str:
    """The version of the time zone data in use, as IANA names it: `2026a`."""
    return str(import_module("tzdata").IANA_VERSION)


def is_newer(version: str, than: str) -> bool:
    """Whether a version of the data comes after another; one that is not known comes before all."""
    return _order(version) > _order(than)


def _order(version: str) -> tuple[str, int, str]:
    year, letters = version[:4], version[4:]  # after 2026z would come 2026za
    return (year, len(letters), letters) if year.isdigit() else ("", 0, "")


@cache
def _load(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _unknown(name: str) -> str:
    if len(name) > LONGEST_NAME or not (name.isascii() and name.isprintable()):
        return f"not an IANA zone name, such as Europe/London ({len(name)} characters were given)"
    near = _nearest(name)
    hint = f"did you mean {near}?" if near else "an IANA name is needed, such as Europe/London"
    return f"no zone is called {name!r}; {hint}"


def _nearest(name: str) -> str | None:
    by_folded = {known.casefold(): known for known in sorted(zone_names())}
    near = get_close_matches(name.casefold().replace(" ", "_"), by_folded, n=1, cutoff=0.75)
    return by_folded[near[0]] if near else None
