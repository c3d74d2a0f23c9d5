"""/openapi.json: whole, valid in its references, and the same as the routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import openapi_spec_validator
import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from rowcall.domain.fields import ScheduleFields
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.webapi import create_app
from rowcall.webapi.examples import ANSWERS, BODIES
from rowcall.webapi.openapi import describe
from rowcall.webapi.registry import read_body
from rowcall.webapi.resources import OPERATIONS
from rowcall.wire.executions import ExecutionView
from rowcall.wire.schedules import ScheduleView


@pytest.fixture
def dsn(unchanged_dsn: str) -> str:
    return unchanged_dsn


@pytest.fixture
async def document(client: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


async def test_every_route_is_described_and_nothing_else(document: dict[str, Any], database: Database) -> None:
    routes = {
        (method, route.path)
        for route in create_app(database, Settings()).routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    described = {(method, path) for method, path, _ in operations(document)}
    assert described == routes - {("GET", "/openapi.json"), ("GET", "/docs")}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}


async def test_it_is_valid(document: dict[str, Any]) -> None:
    openapi_spec_validator.validate(document)


async def test_every_operation_has_a_summary_a_description_a_name_of_its_own_and_answers(
    document: dict[str, Any],
) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        assert operation["description"].endswith("."), (method, path)
        assert {"500", "421", "422"} <= set(operation["responses"])
        assert any(status.startswith("2") for status in operation["responses"])
        for status, given in operation["responses"].items():
            answer = resolved(document, given)
            if status[0] in "45":
                assert list(answer["content"]) == ["application/problem+json"]
                assert answer["content"]["application/problem+json"]["example"]["status"] == int(status)
            assert answer["description"]


async def test_every_body_is_shown_by_an_example_that_fits_it(document: dict[str, Any]) -> None:
    shown = 0
    for _, _, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for body in (*bodies, *(resolved(document, answer) for answer in operation["responses"].values())):
            for media_type, content in body.get("content", {}).items():
                if media_type == "text/plain":
                    continue
                examples = [each["value"] for each in content.get("examples", {}).values()] or [content["example"]]
                validator = Draft202012Validator({**content["schema"], "components": document["components"]})
                assert [fault.message for example in examples for fault in validator.iter_errors(example)] == []
                shown += len(examples)
    assert shown > 100


def test_every_operation_of_the_registry_is_explained() -> None:
    assert [operation.name for operation in OPERATIONS if len(operation.description) < 20] == []


def test_examples_are_what_the_models_read_and_write() -> None:
    for model, examples in BODIES.items():
        for example in examples.values():
            assert isinstance(read_body(model, example), model)
    for view, example in ANSWERS.items():
        written = view.model_validate(example).model_dump(mode="json")
        assert view.model_validate(written) == view.model_validate(example)
        assert set(written) == set(example)


async def test_an_operation_that_asks_for_a_key_says_so(document: dict[str, Any], database: Database) -> None:
    closed = describe(OPERATIONS, is_open=False)
    for operation in OPERATIONS:
        described = closed["paths"][operation.path][operation.method.lower()]
        assert described["security"] == ([] if operation.scope is None else [{"apiKey": []}, {"bearer": []}])
        assert ("401" in described["responses"]) == (operation.scope is not None)
    assert document["paths"]["/v1/schedules"]["get"]["security"][-1] == {}  # this machine's own people need none


async def test_every_link_leads_to_an_operation_that_takes_the_id(document: dict[str, Any]) -> None:
    by_name = {operation["operationId"]: path for _, path, operation in operations(document)}
    links = [
        link
        for _, _, operation in operations(document)
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert links
    assert all("{id}" in by_name[link["operationId"]] for link in links)


def resolved(document: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, also where it is told of in another place."""
    if "$ref" not in answer:
        return answer
    found: dict[str, Any] = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return found


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    found = set(re.findall(r"#/components/schemas/([\w.-]+)", str(document)))
    assert found <= set(schemas)
    assert {"ScheduleView", "ExecutionView", "ProblemDetails", "ScheduleCreation"} <= found


async def test_bounds_are_told_in_the_words_of_json_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["ScheduleFields"]["properties"]["priority"]["anyOf"][0] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 10,
    }
    assert not re.search(r"'(ge|le|gt|lt|min_length|max_length)':", str(document))


async def test_the_parts_of_each_path_are_declared(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        declared = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))


async def test_creating_needs_a_task_and_changing_does_not(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["ScheduleCreation"]["required"] == ["task_type"]
    assert "required" not in schemas["ScheduleFields"]
    assert set(schemas["ScheduleFields"]["properties"]) == set(ScheduleFields.model_fields)


async def test_every_field_of_an_answer_is_described_and_always_there(document: dict[str, Any]) -> None:
    for view in (ScheduleView, ExecutionView):
        described = document["components"]["schemas"][view.__name__]
        assert set(described["properties"]) == set(described["required"]) == set(view.model_fields)


async def test_it_says_which_openapi_it_is(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Rowcall"
