"""Pages of a list by keyset: a cursor says after which row to go on, so that no page is slower than the first."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request

from rowcall.store.executions import Position
from rowcall.store.schedules import LARGEST_ID

from .problems import InvalidParameters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def encode(*parts: int) -> str:
    """An opaque cursor of numbers."""
    return base64.urlsafe_b64encode(".".join(map(str, parts)).encode("ascii")).decode("ascii").rstrip("=")


def decode(cursor: str, count: int) -> Sequence[int]:
    """The numbers in a cursor that `encode` made. Raises InvalidParameters for any other text."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _no_cursor() from None
    if re.fullmatch(r"-?[0-9]{1,19}(\.-?[0-9]{1,19})*", text) is None:
        raise _no_cursor()
    parts = [int(part) for part in text.split(".")]
    if len(parts) != count or any(abs(part) > LARGEST_ID for part in parts):
        raise _no_cursor()
    return parts


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
    return {"Link": f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'}


def _no_cursor() -> InvalidParameters:
    return InvalidParameters.of("cursor", "is none that this list gave; start without one")
