"""Pages of a list by keyset: a cursor says after which row to go on, so that no page is slower than the first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

from pydantic import WithJsonSchema
from starlette.requests import Request

from rowcall.store.executions import Position

from .problems import InvalidParameters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


IdCursor = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,18}$"})]
"""The cursor of a list in order of ids."""
PositionCursor = Annotated[
    str,
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]{1,17}|-[0-9]{1,16})\.[0-9]{1,18}\.[01]$"}),
]
"""The cursor of a list in order of time."""


def encode(*parts: int) -> str:
    """A cursor of numbers. What they mean is nobody's business but ours."""
    return ".".join(map(str, parts))


def decode(cursor: str, count: int) -> Sequence[int]:
    """The numbers in a cursor that `encode` made. Raises InvalidParameters for any other text."""
    if re.fullmatch(rf"-?[0-9]{{1,18}}(\.[0-9]{{1,18}}){{{count - 1}}}", cursor, re.ASCII) is None:
        raise _no_cursor()
    return [int(part) for part in cursor.split(".")]


def encode_position(position: Position) -> str:
    """The cursor of a list of executions."""
    micros = (position.scheduled_for - EPOCH) // MICROSECOND
    return encode(micros, position.execution_id, int(position.is_manual))


def decode_position(cursor: str) -> Position:
    """The position in such a cursor. Raises InvalidParameters."""
    micros, execution_id, is_manual = decode(cursor, 3)
    try:
        return Position(EPOCH + micros * MICROSECOND, execution_id, bool(is_manual))
    except OverflowError:
        raise _no_cursor() from None


def link_to_next(request: Request, cursor: str | None) -> dict[str, str]:
    """The header `Link` for the next page; nothing on the last."""
    if cursor is None:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    path = quote(request.scope["path"], safe="/")  # it was decoded, and a name may have any character
    return {"Link": f'<{path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'}


def _no_cursor() -> InvalidParameters:
    return InvalidParameters.of("cursor", "is none that this list gave; start without one")
