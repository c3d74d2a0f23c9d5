"""A call, without anybody who makes it: what is sent, how the answer is read, and when it is sent again.

`steps` is a generator that asks for one thing after the other, a request or a pause, and never does either itself. So
the rules stand here once, and both faces only carry them out.

A request is sent again where that is safe: nothing was connected to; the server said to come back later; or the answer
was lost, and the request is one that does no harm twice. A POST is such a one by the Idempotency-Key that it carries.
Any other that names a state (`if_match`) is not: its own first success would make the second one fail. Nor is one that
takes the name away that it goes by: the second one would find nothing, or what somebody has made under it meanwhile.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from rowcall.domain.errors import InvalidInput

from .errors import ApiError, RateLimited, Unavailable, error_of

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=BaseModel)
Page = TypeVar("Page", bound=BaseModel)

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
LARGEST_PAGE = 500
NEVER_ARRIVED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Send:
    """A request to send; the answer to it is sent back in. It has to be there `within` so many seconds."""

    method: str
    path: str
    params: Mapping[str, Any]
    content: bytes | None
    headers: Mapping[str, str]
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """So many seconds in which to do nothing."""

    seconds: float


Steps: TypeAlias = Generator[Send | Pause, httpx2.Response | None, T]


class Procedure(Protocol[T_co]):
    """What takes steps, and ends with a result."""

    def steps(self, retries: int) -> Generator[Send | Pause, httpx2.Response | None, T_co]:
        """The steps, each request sent again at most so many times. Raises ApiError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request, and how its answer is read. Parameters and headers that are None are left out.

    `frees_name` is said of a request after which the name in its path may be another's. `within` is in seconds, where
    that is less than the client's own limit.
    """

    method: str
    path: str
    read: Callable[[httpx2.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    frees_name: bool = False
    within: float | None = None

    def steps(self, retries: int) -> Steps[T]:
        """Send it, and send it again where that is safe, after longer and longer pauses."""
        request = self._request()
        error: ApiError
        for attempt in range(retries + 1):
            try:
                response = yield request
            except httpx2.TransportError as fault:
                error, again = _no_answer(request, fault), self._is_safe_after(fault)
            else:
                assert response is not None
                if response.is_success:
                    return self._result(response)
                error = error_of(response)
                again = self._is_repeatable if isinstance(error, Unavailable) else isinstance(error, RateLimited)
            pause = _pause(attempt, error.retry_after)
            if not again or attempt == retries or pause > LONGEST_PAUSE_SECONDS:
                raise error
            yield Pause(pause)
        raise AssertionError(retries)

    @property
    def _is_repeatable(self) -> bool:
        """Whether the same request, done twice, leaves what it leaves when done once."""
        return self.method == "POST" or not (self.frees_name or any(self.headers.values()))

    def _is_safe_after(self, fault: httpx2.TransportError) -> bool:
        return isinstance(fault, NEVER_ARRIVED) or self._is_repeatable

    def _request(self) -> Send:
        headers = {name: value for name, value in self.headers.items() if value is not None}
        content = None
        if self.method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        if self.body is not None:
            headers["Content-Type"] = "application/json"
            content = _as_json(self.body)
        params = {name: value for name, value in self.params.items() if value is not None}
        return Send(self.method, self.path, _as_query(params), content, headers, self.within)

    def _result(self, response: httpx2.Response) -> T:
        try:
            return self.read(response)
        except ValidationError as fault:
            raise ApiError(
                f"{response.request.method} {response.request.url} was answered with something that this client can't "
                f"read: {fault.errors(include_url=False)[0]['msg']}; is it a Rowcall, and of the same version?",
                status=response.status_code,
            ) from fault


@dataclass(frozen=True, slots=True)
class Pages(Generic[Page, T]):
    """A list that comes in pages: the call of the first, and what stands on each. `limit` None takes all of them."""

    first: Call[Page]
    items: Callable[[Page], Sequence[T]]
    limit: int | None

    def call(self, before: Page | None, taken: int) -> Call[Page] | None:
        """The call of the next page, after this one and so many items; None where nothing is left to take."""
        left = LARGEST_PAGE if self.limit is None else self.limit - taken
        cursor = None if before is None else getattr(before, "next_cursor", None)
        if left <= 0 or (before is not None and cursor is None):
            return None
        return replace(self.first, params={**self.first.params, "limit": min(left, LARGEST_PAGE), "cursor": cursor})


def reader(model: type[M]) -> Callable[[httpx2.Response], M]:
    """Reads an answer as this model; fields that a newer server adds are left alone."""
    return lambda response: model.model_validate_json(response.content)


def nothing(_response: httpx2.Response) -> None:
    """Reads an answer without content."""


def _no_answer(request: Send, fault: httpx2.TransportError) -> Unavailable:
    why = str(fault) or type(fault).__name__
    if isinstance(fault, httpx2.TimeoutException):
        why = "it took too long"
    return Unavailable(f"the server gave no answer to {request.method} {request.path}: {why}", kind="no-answer")


def _pause(attempt: int, asked_for: float | None) -> float:
    """What the server asked for, or twice as long each time; jittered, so that many clients don't come back at once."""
    longest: float = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
    doubled = longest * random.uniform(0.5, 1)  # noqa: S311 - it need not be unpredictable
    return doubled if asked_for is None else asked_for + doubled / 4


def _as_json(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, default=_jsonable, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as fault:
        raise InvalidInput.of("body", f"can't be told in JSON: {fault}") from fault


def _as_query(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in params.items()}


def _jsonable(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Mapping():
            return dict(value)
    raise TypeError(f"a {type(value).__name__} is none of JSON's types")
