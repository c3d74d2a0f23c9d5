"""The answers of an operation as OpenAPI tells them: each with its headers, an example, and where to go from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openapi_pydantic import Example, Header, Link, MediaType, Reference, Response
from openapi_pydantic.util import PydanticSchema
from pydantic import BaseModel

from rowcall.wire.problems import ProblemDetails
from rowcall.wire.schedules import ScheduleView

from .examples import ANSWERS
from .once import REPLAYED
from .problems import MEDIA_TYPE, SLUGS, title_of
from .registry import Operation

ALWAYS = (400, 421, 500)
"""Problems that any operation can meet."""
WITH_A_KEY = (401, 403, 429)
"""Problems of operations that a key is asked for."""

PROBLEMS: Mapping[int, str] = {
    400: "the body is no JSON: Expecting value (line 1, column 1)",
    401: "this key is not known here, or its secret is another",
    403: "POST /v1/schedules needs the scope write; this key has read",
    404: "client 'default' has no schedule 'nighty'; GET /v1/schedules lists those it has",
    409: "client 'default' has a schedule 'nightly-report' already",
    412: 'the schedule has changed meanwhile: its ETag is "2-1895997600000000"; read it again',
    413: "the body is larger than 1048576 bytes",
    415: "send the body as Content-Type: application/json, in UTF-8",
    421: "this API does not answer to the host 'evil.example'; ROWCALL_ALLOWED_HOSTS names those it does",
    422: "priority: must be at most 10, not 11",
    429: "a key may send 6000 requests a minute here (ROWCALL_REQUESTS_PER_MINUTE)",
    500: "something went wrong here that is no fault of the request; the log says what",
    503: "PostgreSQL can't be reached",
}
"""A detail for each status, to show what an error looks like."""

MEANINGS: Mapping[int, str] = {
    400: "No JSON object, a header that can't be read, or a key in the address.",
    401: "No key, or none that is valid.",
    403: "The key may not do this, or nobody may do it here.",
    404: "Nothing of that name or id, for this key.",
    409: "Not in the present state.",
    412: "It is not in the state that If-Match or If-None-Match names.",
    413: "The body is larger than ROWCALL_MAX_BODY_BYTES.",
    415: "The body is not sent as application/json, in UTF-8.",
    421: "The Host is none of ROWCALL_ALLOWED_HOSTS.",
    422: "The input can't be used; `errors` names every fault.",
    429: "The key has sent more than ROWCALL_REQUESTS_PER_MINUTE.",
    500: "A fault of Rowcall's; its log says which.",
    503: "The database is away, schedules are switched off, or the process stops.",
}
GOOD: Mapping[int, str] = {201: "Created.", 202: "Accepted; it is done soon.", 204: "Done."}

HEADERS: Mapping[str, str] = {
    "Location": "Where it is found.",
    "ETag": "The state of the schedule, for If-Match.",
    "Link": 'The next page, where there is one: `rel="next"`.',
    REPLAYED: "`true` where this is the answer that the same Idempotency-Key got before.",
    "WWW-Authenticate": "What kind of key is needed.",
    "Retry-After": "In so many seconds.",
}

LINKS: Mapping[str, tuple[str, Sequence[str]]] = {
    "schedules_create": (
        "schedule_id",
        (
            "schedules_read", "schedules_change", "schedules_replace", "schedules_remove", "actions_pause",
            "actions_resume", "actions_execute", "actions_upcoming", "explain_explain", "executions_list_of_schedule",
            "backfills_start",
        ),
    ),
    "actions_execute": ("execution_id", ("executions_read", "executions_cancel")),
    "backfills_start": ("backfill_id", ("backfills_read", "backfills_cancel")),
}  # fmt: skip
"""What can be done with what was created: the field that names it, and the operations that take it as their id."""


def responses_of(operation: Operation) -> dict[str, Response | Reference]:
    """All answers of an operation, by status."""
    answers: dict[str, Response | Reference] = {
        str(status): _answer(operation, status, model) for status, model in operation.answers.items()
    }
    return answers | {
        str(status): Reference.model_validate({"$ref": f"#/components/responses/{_problem_name(status)}"})
        for status in _problems_of(operation)
    }


def problem_responses() -> dict[str, Response | Reference]:
    """What operations refer to: an answer for each status that tells of an error."""
    return {_problem_name(status): _problem(status) for status in sorted(PROBLEMS)}


def content_of(model: type[BaseModel], examples: Mapping[str, Any]) -> MediaType:
    """A body of this model, shown by examples; a single one needs no name."""
    described: dict[str, Any] = {"schema": PydanticSchema.model_validate({"schema_class": model})}
    if len(examples) == 1:
        [described["example"]] = examples.values()
    elif examples:
        described["examples"] = {name: Example(value=value) for name, value in examples.items()}
    return MediaType.model_validate(described)


def _problems_of(operation: Operation) -> list[int]:
    may_be_unavailable = () if operation.path == "/livez" else (503,)
    with_a_key = () if operation.scope is None else WITH_A_KEY
    validated = (413, 415, 422) if operation.body is not None else (422,)
    return sorted({*operation.problems, *ALWAYS, *with_a_key, *may_be_unavailable, *validated})


def _answer(operation: Operation, status: int, model: type[BaseModel | str] | None) -> Response:
    described: dict[str, Any] = {"description": GOOD.get(status, "As asked.")}
    if model is str:
        described["content"] = {"text/plain": MediaType.model_validate({"schema": {"type": "string"}})}
    elif model is not None and issubclass(model, BaseModel):
        described["content"] = {"application/json": content_of(model, {"example": ANSWERS[model]})}
    headers = [
        *(["Location"] if status == 201 else []),
        *(["ETag"] if model is ScheduleView else []),
        *(["Link"] if model is not None and "next_cursor" in getattr(model, "model_fields", {}) else []),
        *([REPLAYED] if operation.takes_key else []),
    ]
    if headers:
        described["headers"] = {name: _header(name) for name in headers}
    if status == 201 and operation.name in LINKS:
        described["links"] = _links(*LINKS[operation.name])
    return Response(**described)


def _problem_name(status: int) -> str:
    return "".join(word.capitalize() for word in SLUGS[status].split("-"))


def _problem(status: int) -> Response:
    title = title_of(status)
    example: dict[str, Any] = {
        "type": f"urn:rowcall:problem:{SLUGS[status]}",
        "title": title,
        "status": status,
        "detail": PROBLEMS[status],
    }
    if status == 422:
        field, _, message = PROBLEMS[status].partition(": ")
        example["errors"] = [{"field": field, "pointer": f"/{field}", "message": message}]
    described: dict[str, Any] = {
        "description": MEANINGS[status],
        "content": {MEDIA_TYPE: content_of(ProblemDetails, {"example": example})},
    }
    named = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if named:
        described["headers"] = {named: _header(named)}
    return Response(**described)


def _header(name: str) -> Header:
    return Header.model_validate({"description": HEADERS[name], "schema": {"type": "string"}})


def _links(field: str, operations: Sequence[str]) -> dict[str, Link | Reference]:
    parameters = {"id": f"$response.body#/{field}"}
    return {name: Link(operationId=name, parameters=parameters) for name in operations}
