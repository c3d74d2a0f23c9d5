"""What the API refused, or could not do, as errors. Each is also the error of Rowcall that it tells of.

RowcallError
└── ApiError                anything but a good answer; carries status, kind and detail
    ├── Invalid             422: an InvalidInput, with every fault
    ├── NotFound            404
    ├── Conflict            409
    ├── PreconditionFailed  412: a Conflict; somebody else changed it meanwhile
    ├── Unauthorized        401: a Forbidden; no key, or none that is valid
    ├── Forbidden           403
    ├── RateLimited         429: a StoreUnavailable; `retry_after` says for how long
    └── Unavailable         502, 503, 504, no connection, no answer in time: a StoreUnavailable
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from http import HTTPStatus

import httpx2
from pydantic import ValidationError

from rowcall.domain import errors
from rowcall.domain.errors import Fault, RowcallError
from rowcall.wire.problems import ProblemDetails

SHOWN = 200


class ApiError(RowcallError):
    """The API did not do what was asked for.

    `status` is HTTP's, None where there was no answer; `kind` the last part of the problem's type, as in `not-found`;
    `detail` what the API said about it; `retry_after` for how many seconds it asked to wait, if it did.
    """

    def __init__(
        self, detail: str, *, status: int | None = None, kind: str = "error", retry_after: float | None = None
    ) -> None:
        RowcallError.__init__(self, detail)  # an Invalid is also made from faults, which are told later
        self.detail, self.status, self.kind, self.retry_after = detail, status, kind, retry_after


class Invalid(ApiError, errors.InvalidInput):
    """What was given can't be used; `faults` is all that is wrong with it."""

    faults: tuple[Fault, ...] = ()


class NotFound(ApiError, errors.NotFound):
    """Nothing of that name or id is there, for this key's client."""


class Conflict(ApiError, errors.Conflict):
    """Right in itself, but not in the present state."""


class PreconditionFailed(ApiError, errors.Conflict):
    """It is not in the state that `if_match` names: read it again."""


class Unauthorized(ApiError, errors.Forbidden):
    """A key is needed, or this one is not valid."""


class Forbidden(ApiError, errors.Forbidden):
    """The key is valid, and not for this."""


class Unavailable(ApiError, errors.StoreUnavailable):
    """No answer, or one that says to come back later. What was asked for may have been done, unless it is refused."""


class RateLimited(ApiError, errors.StoreUnavailable):
    """This key has sent too many requests."""


KINDS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    422: Invalid,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def error_of(response: httpx2.Response) -> ApiError:
    """The error that an answer tells of, whoever it came from: proxies know nothing of problem details."""
    told = _problem(response)
    error = KINDS.get(response.status_code, ApiError)(
        _foreign(response) if told is None else told.detail,
        status=response.status_code,
        kind="error" if told is None else told.type.rpartition(":")[2],
        retry_after=_retry_after(response),
    )
    if isinstance(error, Invalid):
        error.faults = _faults(told, error)
    return error


def _problem(response: httpx2.Response) -> ProblemDetails | None:
    try:
        return ProblemDetails.model_validate_json(response.content)
    except ValidationError:
        return None


def _foreign(response: httpx2.Response) -> str:
    """What to say of an answer that is none of Rowcall's."""
    where = f"{response.request.method} {response.request.url}"
    if response.is_redirect:
        return f"{where} leads on to {response.headers.get('location', '')[:SHOWN]!r}: name that server instead"
    try:
        phrase = HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = "?"
    return f"{where} was answered {response.status_code} {phrase}, and not by Rowcall"


def _faults(told: ProblemDetails | None, error: ApiError) -> tuple[Fault, ...]:
    found: Sequence[Fault] = [] if told is None else [Fault(item.field, item.message) for item in told.errors or ()]
    return tuple(found) or (Fault("request", error.detail),)


def _retry_after(response: httpx2.Response) -> float | None:
    """The seconds that the header says; a date in it, which Rowcall never sends, is taken for none."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
