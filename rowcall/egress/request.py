"""The `http` task: what its input_data may say, and the call that it stands for.

    {"url": "https://example.com/reports", "json": {"kind": "daily"}, "expected_status": ["2xx", 409]}

Only url is required. The receiver gets `Idempotency-Key` (the same for every attempt of an execution) and
`Fencing-Token` (higher at every attempt) with each call, so that it can act once, and turn away a late sender.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from rowcall.domain.errors import Fault, InvalidInput

from .client import HttpClient, Response
from .errors import EgressFailed, EgressRefused
from .headers import checked
from .redaction import Redactor
from .result import HttpResult, excerpt, result_of
from .url import parse_url

MAX_RESPONSE_BYTES = 65_536
LONGEST_TIMEOUT_SECONDS = 3_600
OURS = frozenset({"fencing-token", "idempotency-key"})
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")


def _callable_url(url: str) -> str:
    try:
        parse_url(url)
    except EgressRefused as refusal:
        raise ValueError(str(refusal)) from refusal
    return url


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    try:
        return checked(headers, reserved=OURS)
    except EgressRefused as refusal:
        raise ValueError(str(refusal)) from refusal


def _upper(method: object) -> object:
    return method.upper() if isinstance(method, str) else method


def _statuses(given: list[int | str]) -> list[int | str]:
    for status in given:
        if not _STATUS.fullmatch(str(status)):
            raise ValueError("each is a status such as 204, or a class of them such as '2xx'")
    return given


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class HttpRequest(BaseModel):
    """The input_data of the `http` task."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_callable_url)] = Field(
        description="An absolute http or https URL, without user name; redirects are not followed."
    )
    json_: JsonValue = Field(default=None, alias="json", description="Sent as application/json; null sends no body.")
    body: str | None = Field(default=None, description="Sent as UTF-8 text, in place of json.")
    method: Annotated[Method | None, BeforeValidator(_upper)] = Field(
        default=None, description="GET by default, POST where a body is given."
    )
    headers: Annotated[dict[str, str], AfterValidator(_sendable)] = Field(
        default_factory=dict, description="Further headers; those that frame the message are set by Rowcall alone."
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=LONGEST_TIMEOUT_SECONDS, allow_inf_nan=False, description="For the whole exchange."
    )
    expected_status: Annotated[list[int | str], AfterValidator(_statuses)] = Field(
        default=["2xx"],
        min_length=1,
        max_length=50,
        description="Statuses (204) or classes ('2xx') that are a success; any other is a failure.",
    )

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_ is not None and self.body is not None:
            raise ValueError("give json or body, not both")
        self.content()
        return self

    @classmethod
    def of(cls, input_data: Mapping[str, object]) -> HttpRequest:
        """Read an execution's input_data. Raises InvalidInput with a fault for each field, as `input_data.url`."""
        try:
            return cls.model_validate(dict(input_data))
        except ValidationError as invalid:
            raise InvalidInput(list(_faults(invalid))) from None  # the cause holds the input, which may hold secrets

    def content(self) -> bytes | None:
        """The bytes to send, or None for no body."""
        if self.json_ is not None:
            return json.dumps(self.json_, allow_nan=False, separators=(",", ":")).encode()
        return None if self.body is None else self.body.encode()

    @property
    def verb(self) -> Method:
        """The method to send."""
        return self.method or ("GET" if self.content() is None else "POST")

    def expects(self, status: int) -> bool:
        """Whether an answer of this status is a success."""
        return any(str(wanted) in {str(status), f"{status // 100}xx"} for wanted in self.expected_status)


async def call(
    client: HttpClient,
    request: HttpRequest,
    *,
    idempotency_key: str,
    fencing_token: str,
    context_headers: Mapping[str, str],
    max_response_bytes: int = MAX_RESPONSE_BYTES,
    redactor: Redactor | None = None,
) -> HttpResult:
    """Make the call and return what came back, for result_data.

    `context_headers` (what is running, and why) stand above the request's own. What the `redactor` knows is kept out of
    results and errors. Raises EgressRefused, or EgressFailed:
    for want of an answer, and for an answer whose status was not expected.
    """
    headers = _headers(request, context_headers)
    headers |= {"idempotency-key": idempotency_key, "fencing-token": fencing_token}
    response = await client.request(
        request.verb,
        request.url,
        headers=headers,
        body=request.content(),
        timeout_seconds=request.timeout_seconds,
        max_response_bytes=max_response_bytes,
    )
    if redactor is not None:
        response = redactor.response(response)
    if not request.expects(response.status):
        raise EgressFailed(_unexpected(request, response), status=response.status)
    result = result_of(response)
    if redactor is not None and "json" in result:  # read, it may spell what it did not before: JSON within JSON
        result["json"] = redactor.document(result["json"])
    return result


def _headers(request: HttpRequest, context_headers: Mapping[str, str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    if request.json_ is not None:
        headers["content-type"] = "application/json"
    elif request.body is not None:
        headers["content-type"] = "text/plain; charset=utf-8"
    return headers | request.headers | {name.lower(): value for name, value in context_headers.items()}


def _unexpected(request: HttpRequest, response: Response) -> str:
    wanted = " or ".join(str(status) for status in request.expected_status)
    said = f"{parse_url(request.url)}: answered {response.status}, expected {wanted}"
    if 300 <= response.status < 400:
        return f"{said}; redirects are not followed{_destination(response)}"
    text = excerpt(response)
    return f"{said}; it said: {text}" if text else said


def _destination(response: Response) -> str:
    try:
        return f": this one leads to {parse_url(response.headers.get('location', ''))}"
    except EgressRefused:
        return ""  # none, or a relative one


def _faults(invalid: ValidationError) -> Iterable[Fault]:
    for error in invalid.errors(include_input=False, include_context=False, include_url=False):
        path = ".".join(str(part)[:64] for part in ("input_data", *error["loc"]))
        yield Fault(path, error["msg"].removeprefix("Value error, "))
