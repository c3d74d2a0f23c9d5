"""jsonb between PostgreSQL and Python: the driver hands it over as text.

Numbers there are of any size, documents are nested to any depth, and rows may be written by anybody. What no reader of
JSON could hold becomes text.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from rowcall.domain.documents import is_text_deeper

MOST_DIGITS = 400
MOST_NESTED = 400
"""What is nested so deep can be read, and written again, from any place of the program."""


def read_jsonb(text: str | None) -> Any:
    """The value of a jsonb column; None for NULL."""
    if text is None:
        return None
    if len(text) <= MOST_DIGITS:
        return _READER_OF_SHORT_ONES.raw_decode(text)[0]  # nothing stands around it, as PostgreSQL writes it
    return text if is_text_deeper(text, MOST_NESTED) else _READER.raw_decode(text)[0]


def write_jsonb(value: Any) -> str:
    """A value as text for a jsonb parameter; moments become ISO 8601."""
    return _WRITER.encode(value)


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MOST_DIGITS else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"jsonb holds no {type(value).__name__}")


_READER = json.JSONDecoder(parse_int=_whole, parse_float=_real)
_READER_OF_SHORT_ONES = json.JSONDecoder(parse_float=_real)
"""Where no number is too long, none is looked at: that takes as long as all the rest."""
_WRITER = json.JSONEncoder(default=_moment, allow_nan=False)
"""Made once: each run reads its input, and each change writes one."""
