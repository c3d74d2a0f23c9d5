"""From the text of an environment variable to a value: each reader raises ValueError with what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from rowcall.domain.errors import InvalidInput
from rowcall.domain.zones import zone as find_zone

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

MOST_DAYS = 36_500
"""A hundred years: for longer nothing is kept."""

ENCODED = "in a name or a password @ is written %40, # %23, / %2F, : %3A, ? %3F, [ %5B and ] %5D"


def text(value: str) -> str:
    """Any one line."""
    if not value.isprintable():
        raise ValueError("one line of printable text is expected")
    return value


def words(value: str) -> tuple[str, ...]:
    """A list, separated by commas or spaces."""
    return tuple(text(value).replace(",", " ").split())


def boolean(value: str) -> bool:
    """On or off, in the usual spellings."""
    try:
        return _WORDS[value.lower()]
    except KeyError:
        raise ValueError("on or off is expected (also true, yes, 1; false, no, 0)") from None


def choice(*known: str) -> Callable[[str], str]:
    """One of these words."""

    def read(value: str) -> str:
        if value.lower() not in known:
            raise ValueError(f"one of {', '.join(known)} is expected")
        return value.lower()

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number in this range."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) <= 20 and least <= int(value) <= most):
            raise ValueError(f"a whole number from {least} to {most} is expected")
        return int(value)

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """A number in this range."""

    def read(value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if not least <= found <= most:
            raise ValueError(f"a number from {least:g} to {most:g} is expected")
        return found

    return read


def folder(value: str) -> Path:
    """A folder; it need not exist yet."""
    path = Path(text(value))
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        account = path.parts[0][1:]
        why = f"there is no account {account}" if account else "~ is nobody's home: this account has none"
        raise ValueError(f"{why}; write the path out") from None


def zone(value: str) -> str:
    """The name of a time zone that the pinned data knows."""
    try:
        find_zone(value)
    except InvalidInput as fault:
        raise ValueError(fault.faults[0].message) from fault
    return value


def url(*schemes: str) -> Callable[[str], str]:
    """A URL with one of these schemes. Its password never gets into a message."""

    def read(value: str) -> str:
        try:
            found = urlsplit(value)
        except ValueError:
            raise ValueError(f"the URL can't be read: {ENCODED}") from None  # its own words may be the password
        if found.scheme not in schemes:
            raise ValueError(f"a URL is expected that begins with {schemes[0]}://")
        if found.netloc.count("@") > 1:
            raise ValueError(f"the URL has two @: {ENCODED}")
        return value

    return read
