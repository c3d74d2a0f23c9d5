"""/openapi.json: whole, valid in its references, and the same as the routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.routing import Route

from rowcall.domain.fields import ScheduleFields
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.webapi import create_app
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
        if method != "HEAD"
    }
    described = {(method, path) for method, path, _ in operations(document)}
    assert described == routes - {("GET", "/openapi.json")}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}


async def test_every_operation_has_a_summary_a_name_of_its_own_and_answers(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        assert {"500", "421", "422"} <= set(operation["responses"])
        assert any(status.startswith("2") for status in operation["responses"])
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if status[0] in "45":
                assert list(answer["content"]) == ["application/problem+json"]


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
