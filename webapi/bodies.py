"""Reading a body: its type, its size, and strict JSON. What the object means is judged elsewhere."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Sequence
from email.message import Message
from functools import lru_cache
from typing import Any, NoReturn

from starlette.requests import Request

from rowcall.domain.documents import MAX_DEPTH, depth_of

from .problems import Problem

MOST_DIGITS = 400
MOST_DISCARDED_BYTES = 2**23
JSON = "application/json"
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})


async def read_object(request: Request, max_bytes: int, *, required: bool) -> dict[str, Any]:
    """The JSON object in the request's body; {} for an empty body that need not be there.

    Raises Problem: 415 for another type, 413 above the limit, 400 for what is no JSON object.
    """
    raw = await _read_bytes(request, max_bytes)
    if not raw and not required:
        return {}
    if not raw:
        raise Problem(400, "a body is needed here: a JSON object, sent as Content-Type: application/json")
    _check_type(request)
    try:
        document = _READER.decode(raw.decode("utf-8"))
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError as fault:
        raise Problem(400, f"the body is not UTF-8: byte {fault.start} is out of place") from None
    except json.JSONDecodeError as fault:
        told = "it begins with a byte order mark" if raw.startswith(BOM_UTF8) else fault.msg
        raise Problem(400, f"the body is no JSON: {told} (line {fault.lineno}, column {fault.colno})") from None
    if not isinstance(document, dict):
        raise Problem(400, "the body must be a JSON object: {…}")
    if depth_of(document) > MAX_DEPTH:
        raise _too_deep()
    return document


async def _read_bytes(request: Request, max_bytes: int) -> bytes:
    """The body as it is; no more of it is kept than the limit."""
    announced = request.headers.get("content-length", "0")
    too_large = announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > max_bytes)
    if too_large and request.headers.get("expect", "").lower() == "100-continue":
        raise _too_large(max_bytes)  # who waits to be told to go on is told to stop
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        too_large = too_large or size > max_bytes
        # A client that is still sending would not see the answer, so some more is taken in, and thrown away.
        if size > max_bytes + MOST_DISCARDED_BYTES:
            break
        if not too_large:
            chunks.append(chunk)
    if too_large:
        raise _too_large(max_bytes)
    return b"".join(chunks)


def _check_type(request: Request) -> None:
    """JSON in UTF-8, not compressed."""
    if not _is_json(request.headers.get("content-type", "")):
        accepted = {"Accept": JSON, "Accept-Patch": JSON} if request.method == "PATCH" else {"Accept": JSON}
        raise Problem(415, "send the body as Content-Type: application/json, in UTF-8", headers=accepted)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        told = {"Accept-Encoding": "identity"}
        raise Problem(415, "send the body without a Content-Encoding", headers=told)


@lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    """Whether that is JSON in UTF-8; parameters besides charset are nobody's business."""
    header = Message()
    header["content-type"] = content_type
    try:
        charset = header.get_param("charset", "utf-8")
    except TypeError:  # it is given in parts, and as a whole too
        return False
    given = content_type.partition(";")[0].strip().lower()
    return given == JSON and isinstance(charset, str) and charset.lower() in CHARSETS


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Readers disagree on which of two equal names counts, so there must not be two."""
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise Problem(400, f"the body names {twice[:80]!r} twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise Problem(400, f"the body is no JSON: it has no {name}")


def _whole(digits: str) -> int | float:
    """Python refuses to read thousands of digits; as infinity they are refused by name."""
    return int(digits) if len(digits) <= MOST_DIGITS else float("inf")


_READER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole)


def _too_large(max_bytes: int) -> Problem:
    """What was not taken in would be mistaken for the next request, so the connection ends."""
    return Problem(413, f"the body is larger than {max_bytes} bytes", headers={"Connection": "close"})


def _too_deep() -> Problem:
    return Problem(400, f"the body is nested more than {MAX_DEPTH} deep")
