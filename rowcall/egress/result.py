"""An answer as data: what of it is kept in the ledger, in a form that PostgreSQL's jsonb can hold."""

from __future__ import annotations

import base64
import codecs
import json
from typing import Any, NotRequired, TypedDict

from rowcall.domain.documents import MAX_DEPTH_TOLD, depth_of

from .client import Response

KEPT_HEADERS = (
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "x-request-id",
)
LONGEST_HEADER = 1_000
LONGEST_EXCERPT = 500


class HttpResult(TypedDict):
    """What the `http` task returns: exactly one of `json`, `body` (text) and `body_base64` (neither) is there."""

    status: int
    headers: dict[str, str]
    json: NotRequired[Any]
    body: NotRequired[str]
    body_base64: NotRequired[str]
    truncated: bool
    elapsed_seconds: float


def result_of(response: Response) -> HttpResult:
    """The answer as a result: JSON is parsed where it says so and is whole, text is text, all else is base64."""
    result = HttpResult(
        status=response.status,
        headers={name: response.headers[name][:LONGEST_HEADER] for name in KEPT_HEADERS if name in response.headers},
        truncated=response.truncated,
        elapsed_seconds=response.elapsed_seconds,
    )
    text = _text(response)
    if text is None:
        result["body_base64"] = base64.b64encode(response.body).decode()
    elif _says_json(response) and _is_storable(text):
        result["json"] = json.loads(text)
    else:
        result["body"] = text
    return result


def excerpt(response: Response) -> str:
    """The beginning of the answer on one line, for an error message; empty where it is not text."""
    text = " ".join((_text(response) or "").split())
    text = "".join(sign if sign.isprintable() else "�" for sign in text)
    return text if len(text) <= LONGEST_EXCERPT else f"{text[:LONGEST_EXCERPT]}…"


def _text(response: Response) -> str | None:
    """The body as text, a character cut in two by the limit left out; NUL, which PostgreSQL can't hold, is replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        return decoder.decode(response.body, final=not response.truncated).replace("\x00", "�")
    except UnicodeDecodeError:
        return None


def _says_json(response: Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return not response.truncated and (kind == "application/json" or kind.endswith("+json"))


def _is_storable(text: str) -> bool:
    """Whether this is JSON that jsonb takes, no deeper than results are kept.

    jsonb has no NaN, no infinite number, no NUL, no half of a surrogate pair.
    """
    try:
        value = json.loads(text)
        again = json.dumps(value, allow_nan=False, ensure_ascii=False)
        again.encode()
    except (ValueError, RecursionError):
        return False
    deepest = MAX_DEPTH_TOLD - 1  # it stands in the result
    return "\\u0000" not in again and depth_of(value, deepest) <= deepest
