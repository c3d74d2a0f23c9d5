"""OpenAPI 3.1 from the registry: the entries that validate requests are the entries that describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from openapi_pydantic import (
    Components,
    Info,
    OpenAPI,
    Parameter,
    ParameterLocation,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
    Tag,
)
from openapi_pydantic import Operation as Described
from openapi_pydantic.util import construct_open_api_with_schema_class

from rowcall.store.schedules import LARGEST_ID
from rowcall.wire.problems import ProblemDetails

from .described import content_of, problem_responses, responses_of
from .examples import BODIES
from .once import HEADER, KEY_SCHEMA, MEANING
from .registry import Operation
from .webhook_events import webhooks

TAGS = {
    "schedules": "What to run, when, and under which policies.",
    "bulk": "The same done to many schedules.",
    "executions": "The ledger: every occurrence, and what became of it.",
    "backfills": "Ranges of the past, run at leisure.",
    "webhooks": "What callback URLs are told, and how that went.",
    "preview": "Rules, tried out.",
    "monitoring": "Tasks, workers, and how things stand.",
    "health": "For probes.",
}
TEXT = r"^[^\u0000]*$"
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
            responses=problem_responses(),
            securitySchemes={name: SecurityScheme.model_validate(scheme) for name, scheme in KEYS.items()},
        ),
        paths={path: PathItem.model_validate(methods) for path, methods in paths.items()},
        webhooks=webhooks(),
    )
    whole = construct_open_api_with_schema_class(document, [ProblemDetails])
    described: dict[str, Any] = _exact(whole.model_dump(mode="json", by_alias=True, exclude_unset=True))
    return described


def _exact(document: Any) -> Any:
    """The same with whole numbers as such: openapi-pydantic holds bounds as doubles, and 2**63 - 1 is none."""
    match document:
        case dict():
            return {name: _exact(inner) for name, inner in document.items()}
        case list():
            return [_exact(inner) for inner in document]
        case float() if document.is_integer():
            return int(document) - (document == LARGEST_ID + 1)
    return document


def _operation(operation: Operation, *, is_open: bool) -> Described:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": _description(operation),
        "tags": [operation.tag],
        "responses": responses_of(operation),
        "security": _security(operation, is_open=is_open),
    }
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = RequestBody(
            required=operation.body_required,
            content={"application/json": content_of(operation.body, BODIES[operation.body])},
        )
    return Described(**described)


def _description(operation: Operation) -> str:
    needed = "No key is asked for." if operation.scope is None else f"Needs a key with the scope `{operation.scope}`."
    return f"{operation.description} {needed}"


def _security(operation: Operation, *, is_open: bool) -> list[dict[str, list[str]]]:
    if operation.scope is None:
        return []
    with_a_key: list[dict[str, list[str]]] = [{name: []} for name in KEYS]
    return [*with_a_key, {}] if is_open else with_a_key


def _parameters(operation: Operation) -> list[Parameter | Reference]:
    found: list[Parameter | Reference] = []
    if "{id}" in operation.path:
        found.append(
            _parameter(
                "id",
                ParameterLocation.PATH,
                {"type": "string", "pattern": TEXT},
                _what_id_means(operation),
                required=True,
                example="nightly-report" if "/schedules/" in operation.path else "7",
            )
        )
    schema = operation.query.model_json_schema()
    for name, field in schema.get("properties", {}).items():
        text = field.pop("description", "")
        found.append(_parameter(name, ParameterLocation.QUERY, _in_a_query(field), text))
    for name, text in operation.headers.items():
        found.append(_parameter(name, ParameterLocation.HEADER, {"type": "string"}, text))
    if operation.takes_key:
        found.append(_parameter(HEADER, ParameterLocation.HEADER, KEY_SCHEMA, MEANING))
    return found


def _in_a_query(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without null: a parameter that is not meant is left out."""
    [given, *others] = [each for each in schema.get("anyOf", [{}]) if each != {"type": "null"}]
    assert not others, schema
    left = {name: value for name, value in schema.items() if name not in {"anyOf", "title"} and value is not None}
    return _of_text({**given, **left})


def _of_text(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what is true of every text: PostgreSQL keeps no NUL."""
    if schema.get("type") == "array":
        return {**schema, "items": _of_text(schema["items"])}
    is_free = schema.get("type") == "string" and not {"pattern", "enum", "format"} & set(schema)
    return {**schema, "pattern": TEXT} if is_free else schema


def _parameter(
    name: str,
    location: ParameterLocation,
    schema: Mapping[str, Any],
    description: str,
    *,
    required: bool = False,
    example: str | None = None,
) -> Parameter:
    described: dict[str, Any] = {"name": name, "in": location, "schema": Schema.model_validate(schema)}
    if description:
        described["description"] = description
    if required:
        described["required"] = True
    if example is not None:
        described["example"] = example
    return Parameter.model_validate(described)


def _what_id_means(operation: Operation) -> str:
    if "/schedules/" in operation.path:
        return "The schedule's id, or its name."
    whose = {"backfills": "backfill", "webhooks": "delivery"}.get(operation.path.split("/")[2], "execution")
    return f"The {whose}'s id."
