"""What is kept of a task's result: JSON that PostgreSQL's jsonb takes, within a limit.

A result over the limit is kept as ``{"truncated": true, "bytes": n, "head": "…"}``. A value that has no place in JSON
is an error that says where it stands; what would be lost or changed silently (NaN, bytes) counts as such.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from rowcall.domain.documents import MAX_DEPTH_TOLD, is_text_deeper

from .errors import storable

_ESCAPES = re.compile(r"\\(?:u0000|.)")
_SURROGATES = re.compile("[\ud800-\udfff]")


class InvalidResult(Exception):
    """The task returned something that can't be kept; the message says what, and where in the result."""


def encode_result(value: object, max_bytes: int) -> str | None:
    """The result as JSON text of at most `max_bytes` of UTF-8, None for None. Raises InvalidResult."""
    if value is None:
        return None
    try:
        text = json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as fault:
        raise InvalidResult(_fault_of(value, fault)) from fault
    if "\\u0000" in text:  # jsonb refuses NUL; an escaped backslash before u0000 is another thing
        text = _ESCAPES.sub(lambda found: "\ufffd" if found[0] == "\\u0000" else found[0], text)
    text = _SURROGATES.sub("\ufffd", text)
    size = len(text) if text.isascii() else len(text.encode())
    if size > max_bytes:
        return _head_of(text, size, max_bytes)
    if is_text_deeper(text, MAX_DEPTH_TOLD):
        raise InvalidResult(f"the result is nested more than {MAX_DEPTH_TOLD} levels deep; return something flatter")
    return text


def _plain(value: object) -> object:
    """The JSON form of a type that JSON doesn't have. Raises TypeError, as json expects it."""
    for types, convert in _FORMS:
        if isinstance(value, types):
            return convert(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    pydantic = sys.modules.get("pydantic")  # whoever returns a model has imported it
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{_article(type(value).__name__)} has no form in JSON; {_advice(value)}")


_FORMS: list[tuple[type | tuple[type, ...], Callable[[Any], object]]] = [
    ((datetime, date, time), lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    ((UUID, Decimal, PurePath), str),
    (Enum, lambda value: value.value),
    (Mapping, dict),
    ((set, frozenset), list),
]


def _advice(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return "decode it, or encode it as base64 text"
    return "return dicts, lists, text, numbers, dates, dataclasses or pydantic models"


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _head_of(text: str, size: int, max_bytes: int) -> str:
    """The beginning of a JSON text that is too long, as JSON: escapes make it grow, so it is cut until it fits."""
    room = max_bytes
    while True:
        head = text.encode()[:room].decode(errors="ignore")
        kept = json.dumps({"truncated": True, "bytes": size, "head": head}, ensure_ascii=False, separators=(",", ":"))
        excess = len(kept.encode()) - max_bytes
        if excess <= 0 or not head:
            return kept
        room = max(0, min(room, len(head.encode())) - max(excess // 2, 1))


def _fault_of(value: object, fault: Exception) -> str:
    """What json could not take, and where it stands; json itself says neither."""
    if isinstance(fault, RecursionError):
        return "the result is nested too deeply, or contains itself"
    try:
        where = next(_faults_in(value, "result", frozenset()), None)
    except RecursionError:
        where = None
    return storable(where or f"the result has no form in JSON: {fault}")


def _faults_in(value: object, path: str, around: frozenset[int]) -> Iterator[str]:
    if id(value) in around:
        yield f"{path} contains itself"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str | int | float | None):
                yield f"{path} has a key that is {_article(type(key).__name__)}: {str(key)[:60]!r}; keys are text"
            yield from _faults_in(item, f"{path}.{str(key)[:60]}", around | {id(value)})
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield from _faults_in(item, f"{path}[{index}]", around | {id(value)})
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{path} is {value}, a number that JSON doesn't have; return None or text in its place"
    elif not isinstance(value, str | int | None):
        yield from _faults_in_form(value, path, around | {id(value)})


def _faults_in_form(value: object, path: str, around: frozenset[int]) -> Iterator[str]:
    try:
        plain = _plain(value)
    except (TypeError, ValueError) as fault:
        yield f"{path}: {fault}"
    else:
        yield from _faults_in(plain, path, around)
