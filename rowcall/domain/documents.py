"""What is wrong with a JSON document as a whole, before its fields mean anything: what PostgreSQL could not keep.

jsonb has no NUL and no half of a surrogate pair, and numbers beyond 64 bits or a double would come back as others. What
stands in code may hold values that JSON does not have at all; a field that is a moment may, and judges that itself.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from .errors import Fault
from .faults import M, read_partly, shown

MAX_DEPTH = 64
MAX_DEPTH_TOLD = 180
"""How deep a value in an answer is nested at most, and so what a run may leave: readers of JSON end at 200 or so, and
something stands around it."""
TOO_DEEP = "… nested too deeply to be told"
SMALLEST, LARGEST = -(2**63), 2**63 - 1
LARGEST_DOUBLE = int(sys.float_info.max)
_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
"""A text, or what opens or closes an object or a list."""


def read_document(model: type[M], given: Mapping[str, Any]) -> tuple[M | None, list[Fault]]:
    """The model of what can be used among what was given, and every fault of the rest; see `faults.read_partly`."""
    faults = document_faults(given)
    unkept = {fault.field.partition(".")[0] for fault in faults}
    usable = {name: value for name, value in given.items() if name not in unkept and text_fault(name) is None}
    read, misfits = read_partly(model, usable)
    return read, faults + misfits


def depth_of(document: object, limit: int = MAX_DEPTH) -> int:
    """How deep objects and lists are nested; counting ends just above the limit."""
    depth, level = 0, [document]
    while level and depth <= limit:
        containers = [value for value in level if isinstance(value, (dict, list))]
        depth += bool(containers)
        level = [inner for value in containers for inner in (value.values() if isinstance(value, dict) else value)]
    return depth


def is_text_deeper(text: str, levels: int) -> bool:
    """Whether objects and lists are nested deeper than so many levels in a JSON text: its reader would have a stack."""
    if text.count("[") + text.count("{") <= levels:
        return False
    depth = 0
    for mark in _MARKS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark[0], 0)
        if depth > levels:
            return True
    return False


def told(document: Any, levels: int = MAX_DEPTH_TOLD) -> Any:
    """The document down to so many levels; what is nested deeper is said to be."""
    return document if depth_of(document, levels) <= levels else _cut(document, levels)


def document_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Every text and number in it that can't be kept; and what is nested too deeply, one fault a field."""
    faults: list[Fault] = []
    for name, value in document.items():
        inner = dict(value) if isinstance(value, Mapping) else value
        if isinstance(inner, (dict, list)) and depth_of(inner) > MAX_DEPTH:
            faults.append(Fault(name, f"is nested more than {MAX_DEPTH} deep"))
        elif not isinstance(inner, datetime):
            faults += [Fault(field, message) for field, message in _within(name, inner)]
    return faults


def as_kept(value: Any) -> Any:
    """A document with doubles in the place of the whole numbers that jsonb gives back for them: 1e30 comes in digits.

    A whole number beyond 64 bits that no double is written as stays what it is, and so does what is nested too deeply.
    """
    return _as_kept(value) if depth_of(value, MAX_DEPTH_TOLD) <= MAX_DEPTH_TOLD else value


def text_fault(text: str) -> str | None:
    """Why PostgreSQL could not keep this text, or None."""
    if "\0" in text:
        return "contains a NUL character (\\u0000), which PostgreSQL can't keep"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "contains half of a surrogate pair, which is no character"
    return None


def _as_kept(value: Any) -> Any:
    match value:
        case Mapping():
            return {name: _as_kept(inner) for name, inner in value.items()}
        case list():
            return [_as_kept(inner) for inner in value]
        case int() if not SMALLEST <= value <= LARGEST and abs(value) <= LARGEST_DOUBLE:
            double = float(value)
            return double if Decimal(repr(double)) == value else value
    return value


def _cut(value: Any, levels: int) -> Any:
    match value:
        case dict() | list() if not levels:
            return TOO_DEEP
        case dict():
            return {name: _cut(inner, levels - 1) for name, inner in value.items()}
        case list():
            return [_cut(inner, levels - 1) for inner in value]
    return value


def _within(path: str, value: object) -> Iterator[tuple[str, str]]:
    """(field, message) for all that can't be kept in a value, and in the name it stands under."""
    if (named := text_fault(path)) is not None:
        yield path.encode("ascii", "backslashreplace").decode("ascii").replace("\0", "\\x00"), f"the name {named}"
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(name, str):
                yield from _within(f"{path}.{name}", inner)
            else:
                yield path, f"holds a name that is {shown(name)}; names are text"
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from _within(f"{path}.{position}", inner)
    elif (fault := _scalar_fault(value)) is not None:
        yield path, fault


def _scalar_fault(value: object) -> str | None:
    match value:
        case str():
            return text_fault(value)
        case int() if not SMALLEST <= value <= LARGEST:
            return f"must fit into 64 bits, which {shown(value)} does not; send it as text"
        case float() if not math.isfinite(value):
            return "is beyond what a double holds; send it as text"
        case None | int() | float():
            return None
    return f"is {shown(value)}, which JSON does not have; write it as text"
