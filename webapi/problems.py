"""Problem details (RFC 9457): the one shape of every error, and the one table from errors to statuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from rowcall.domain.errors import Conflict, Fault, Forbidden, InvalidInput, NotFound, RowcallError, StoreUnavailable
from rowcall.domain.faults import MOST_TOLD

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

STATUS: Mapping[type[RowcallError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    Conflict: 409,
    Forbidden: 403,
    StoreUnavailable: 503,
}
"""What every error of the domain means to a client. A lost lease is not among them: only workers meet it."""

SLUGS: Mapping[int, str] = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    412: "precondition-failed",
    413: "too-large",
    415: "unsupported-media-type",
    421: "unknown-host",
    422: "invalid-input",
    429: "too-many-requests",
    500: "internal-error",
    503: "unavailable",
}
"""The last part of a problem's `type`, by status: stable, for programs to tell problems apart."""

_RENAMED: Mapping[int, str] = {413: "Content Too Large", 422: "Unprocessable Content"}
"""What RFC 9110 calls them; Python does from 3.13 on, and a title must not depend on it."""


@dataclass
class Problem(Exception):
    """An error of HTTP's own, raised to end a request."""

    status: int
    detail: str
    kind: str | None = None
    headers: Mapping[str, str] | None = None


class InvalidParameters(InvalidInput):
    """Faults in the query or the path, where a JSON pointer would point at nothing."""


def title_of(status: int) -> str:
    """The words for a status, for people."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def respond(problem: Problem, errors: Sequence[Mapping[str, Any]] | None = None) -> Response:
    """The answer that tells of a problem."""
    content: dict[str, Any] = {
        "type": f"urn:rowcall:problem:{problem.kind or SLUGS.get(problem.status, 'error')}",
        "title": title_of(problem.status),
        "status": problem.status,
        "detail": problem.detail,
    }
    if errors is not None:
        content["errors"] = errors
    # Escaped to ASCII: a message may repeat half of a surrogate pair, which has no encoding.
    return Response(json.dumps(content), problem.status, problem.headers, MEDIA_TYPE)


def respond_to(error: RowcallError) -> Response:
    """The answer that tells of an error of the domain."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else None
    if not isinstance(error, InvalidInput):
        return respond(Problem(status, str(error), headers=headers))
    in_body = not isinstance(error, InvalidParameters)
    count = len(error.faults)
    which = "them all" if count <= MOST_TOLD + 1 else f"the first {MOST_TOLD + 1}"
    detail = str(error) if count == 1 else f"{count} faults; `errors` names {which}"
    return respond(Problem(status, detail), [_item(fault, in_body=in_body) for fault in error.faults[: MOST_TOLD + 1]])


def _item(fault: Fault, *, in_body: bool) -> dict[str, Any]:
    parts = fault.field.split(".") if fault.field else []  # "" is all of the body
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
    return {"field": fault.field, "pointer": pointer if in_body else None, "message": fault.message}
