"""Between JSON and PostgreSQL: parameters of a named statement by the types it takes, and its rows as JSON again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg.types import Type

from rowcall.domain.errors import Fault, InvalidInput

ROWS_KEPT = 100


def arguments_for(values: Mapping[str, object], types: Sequence[Type]) -> list[Any]:
    """The first values, one for each type that the statement takes, as the driver wants them.

    Raises InvalidInput with a fault for each that does not fit, and when the statement takes more than there are.
    """
    if len(types) > len(values):
        raise InvalidInput.of("statement", f"it uses ${len(types)}, but only {len(values)} parameters are written down")
    arguments, faults = [], []
    for (name, value), wanted in zip(values.items(), types, strict=False):
        try:
            arguments.append(_argument(value, wanted.name))
        except (ValueError, TypeError, InvalidOperation):
            found = json.dumps(value, default=str)[:80]
            faults.append(Fault(f"parameters.{name}", f"{_expected(wanted.name)} is expected; found {found}"))
    if faults:
        raise InvalidInput(faults)
    return arguments


def _argument(value: Any, wanted: str) -> Any:
    if value is None:
        return None
    if wanted.endswith("[]"):
        if not isinstance(value, list):
            raise ValueError("no list")
        return [_argument(item, wanted[:-2]) for item in value]
    read = _READERS.get(wanted)
    return value if read is None else read(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise ValueError("no whole number")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("no number")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("no text")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _decimal(value: object) -> Decimal:
    return Decimal(value) if isinstance(value, str) else Decimal(str(_number(value)))


def _aware(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _naive(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is not None:
        raise ValueError("an offset that would be lost")
    return moment


_READERS: Mapping[str, Callable[[Any], object]] = {
    "int2": _whole,
    "int4": _whole,
    "int8": _whole,
    "float4": _number,
    "float8": _number,
    "numeric": _decimal,
    "bool": _truth,
    "text": _text,
    "varchar": _text,
    "bpchar": _text,
    "date": lambda value: date.fromisoformat(_text(value)),
    "time": lambda value: time.fromisoformat(_text(value)),
    "timestamptz": _aware,
    "timestamp": _naive,
    "interval": lambda value: timedelta(seconds=_number(value)),
    "uuid": lambda value: UUID(_text(value)),
    "json": json.dumps,
    "jsonb": json.dumps,
}

_EXPECTED = {
    "date": "a date such as 2026-11-27",
    "time": "a time such as 09:30",
    "timestamptz": "a moment with its offset, such as 2026-11-27T09:30:00Z,",
    "timestamp": "a moment without offset, such as 2026-11-27T09:30:00,",
    "interval": "a number of seconds",
    "bool": "true or false",
    "text": "text",
    "varchar": "text",
}


def _expected(wanted: str) -> str:
    return _EXPECTED.get(wanted) or (
        f"a list ({wanted})" if wanted.endswith("[]") else f"what PostgreSQL reads as {wanted}"
    )


def kept(record: asyncpg.Record) -> dict[str, object]:
    """A row by its columns, in values that JSON has."""
    return {name: _kept(value) for name, value in record.items()}


def _kept(value: Any) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case list() | tuple():
            return [_kept(item) for item in value]
        case asyncpg.Record():
            return kept(value)
        case bytes():
            return value.hex()
        case _:
            return str(value)
