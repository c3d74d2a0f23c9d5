"""OpenAPI 3.1 from the registry: the entries that validate requests are the entries that describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from openapi_pydantic import (
    Components,
    Header,
    Info,
    MediaType,
    OpenAPI,
    Parameter,
    ParameterLocation,
    PathItem,
    Reference,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
    Tag,
)
from openapi_pydantic import Operation as Described
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel

from rowcall.wire.problems import ProblemDetails

from .once import HEADER, MEANING
from .problems import MEDIA_TYPE
from .registry import Operation
from .webhook_events import webhooks

TAGS = {
    "schedules": "What to run, when, and under which policies.",
    "executions": "The ledger: every occurrence, and what became of it.",
    "backfills": "Ranges of the past, run at leisure.",
    "webhooks": "What callback URLs are told, and how that went.",
    "preview": "Rules, tried out.",
    "monitoring": "Tasks, workers, and how things stand.",
    "health": "For probes.",
}
LOCATION = {"description": "Where it is found.", "schema": {"type": "string"}}
ALWAYS = (400, 421, 500)
"""Problems that any operation can meet."""
WITH_A_KEY = (401, 403, 429)
"""Problems of operations that a key is asked for."""
KEYS = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key of `rowcall keys create`."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same key as Authorization: Bearer."},
}


def describe(operations: Sequence[Operation], *, is_open: bool = False) -> dict[str, Any]:
    """The document, as JSON data; `is_open` says that requests from this machine need no key."""
    paths: dict[str, dict[str, Described]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, is_open=is_open)
    document = OpenAPI(
        openapi="3.1.1",
        info=Info(
            title="Rowcall",
            version=version("rowcall"),
            description="Recurring work as rows in PostgreSQL, every occurrence answered for exactly once.",
        ),
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        components=Components(
            securitySchemes={name: SecurityScheme.model_validate(scheme) for name, scheme in KEYS.items()}
        ),
        paths={path: PathItem.model_validate(methods) for path, methods in paths.items()},
        webhooks=webhooks(),
    )
    whole = construct_open_api_with_schema_class(document, [ProblemDetails])
    return whole.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _operation(operation: Operation, *, is_open: bool) -> Described:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation),
        "security": _security(operation, is_open=is_open),
    }
    if operation.scope is not None:
        described["description"] = f"Needs a key with the scope `{operation.scope}`, or one that includes it."
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = RequestBody(
            required=operation.body_required, content={"application/json": _content(operation.body)}
        )
    return Described(**described)


def _security(operation: Operation, *, is_open: bool) -> list[dict[str, list[str]]]:
    if operation.scope is None:
        return []
    with_a_key: list[dict[str, list[str]]] = [{name: []} for name in KEYS]
    return [*with_a_key, {}] if is_open else with_a_key


def _parameters(operation: Operation) -> list[Parameter | Reference]:
    found: list[Parameter | Reference] = []
    if "{id}" in operation.path:
        found.append(
            _parameter("id", ParameterLocation.PATH, {"type": "string"}, _what_id_means(operation), required=True)
        )
    schema = operation.query.model_json_schema()
    for name, field in schema.get("properties", {}).items():
        text = field.pop("description", "")
        field.pop("title", None)
        found.append(_parameter(name, ParameterLocation.QUERY, field, text))
    keyed = {HEADER: MEANING} if operation.takes_key else {}
    for name, text in {**operation.headers, **keyed}.items():
        found.append(_parameter(name, ParameterLocation.HEADER, {"type": "string"}, text))
    return found


def _parameter(
    name: str, location: ParameterLocation, schema: Mapping[str, Any], description: str, *, required: bool = False
) -> Parameter:
    described: dict[str, Any] = {"name": name, "in": location, "schema": Schema.model_validate(schema)}
    if description:
        described["description"] = description
    if required:
        described["required"] = True
    return Parameter.model_validate(described)


def _what_id_means(operation: Operation) -> str:
    if "/schedules/" in operation.path:
        return "The schedule's id, or its name."
    whose = {"backfills": "backfill", "webhooks": "delivery"}.get(operation.path.split("/")[2], "execution")
    return f"The {whose}'s id."


def _responses(operation: Operation) -> dict[str, Response | Reference]:
    answers: dict[str, Response | Reference] = {}
    for status, model in operation.answers.items():
        answers[str(status)] = _answer(status, model, located=status == 201)
    may_be_unavailable = () if operation.path == "/livez" else (503,)
    with_a_key = () if operation.scope is None else WITH_A_KEY
    validated = (413, 415, 422) if operation.body is not None else (422,)
    for status in sorted({*operation.problems, *ALWAYS, *with_a_key, *may_be_unavailable, *validated}):
        described: dict[str, Any] = {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: _content(ProblemDetails)},
        }
        answers[str(status)] = Response(**described)
    return answers


def _answer(status: int, model: type[BaseModel] | None, *, located: bool) -> Response:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if model is not None:
        described["content"] = {"application/json": _content(model)}
    if located:
        described["headers"] = {"Location": Header.model_validate(LOCATION)}
    return Response(**described)


def _content(model: type[BaseModel]) -> MediaType:
    return MediaType.model_validate({"schema": PydanticSchema.model_validate({"schema_class": model})})
