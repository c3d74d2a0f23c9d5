"""Errors: one table, one shape, and no status by accident."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from rowcall.domain import errors
from rowcall.domain.errors import Fault, InvalidInput, LeaseLost, RowcallError
from rowcall.webapi import create_app
from rowcall.webapi.problems import SLUGS, STATUS, respond_to, title_of
from tests.webapi.answers import assert_problem


@pytest.fixture
def dsn(unchanged_dsn: str) -> str:
    return unchanged_dsn


def test_every_error_but_a_lost_lease_can_be_told_to_a_client() -> None:
    known = {kind for kind in RowcallError.__subclasses__() if kind.__module__ == errors.__name__}
    assert known - set(STATUS) == {LeaseLost}
    assert set(STATUS.values()) <= set(SLUGS)


def test_a_lost_lease_would_be_a_fault_of_ours() -> None:
    assert respond_to(LeaseLost("x")).status_code == 500


@pytest.mark.parametrize("kind", STATUS)
def test_what_is_derived_from_an_error_has_its_status(kind: type[RowcallError]) -> None:
    derived = type("Derived", (kind,), {})
    error = derived([Fault("a", "b")]) if issubclass(kind, InvalidInput) else derived("message")
    assert respond_to(error).status_code == STATUS[kind]


@pytest.mark.parametrize(("status", "title"), [(413, "Content Too Large"), (422, "Unprocessable Content")])
def test_a_title_is_the_standard_s_whichever_python_answers(status: int, title: str) -> None:
    assert title_of(status) == title


def test_pointers_are_escaped() -> None:
    body = respond_to(InvalidInput([Fault("labels.a/b~c", "x")])).body
    assert b'"/labels/a~1b~0c"' in body


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/schedules/", "/v1/nothing", "/v2/schedules", "/V1/schedules"]
)
async def test_paths_that_are_none_are_not_found(client: httpx2.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404)


@pytest.mark.parametrize("path", ["/v1/schedules", "/v1/schedules/nobody", "/livez", "/v1/schedules?limit=0"])
async def test_no_answer_is_kept_for_the_next_to_ask(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_a_crash_is_told_without_its_secrets(client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(request: Request) -> Response:
        raise ValueError("password is hunter2")

    app: Starlette = client._transport.app  # type: ignore[attr-defined]  # the application behind the transport
    [route] = [each for each in app.router.routes if getattr(each, "path", None) == "/v1/schedules"]
    route.app = _raising  # type: ignore[attr-defined]  # no operation crashes on purpose

    answer = await client.get("/v1/schedules")

    problem = assert_problem(answer, 500)
    assert "hunter2" not in answer.text
    assert "log" in problem["detail"]


async def _raising(*_: object) -> None:
    raise ValueError("password is hunter2")


def test_there_is_one_way_to_make_the_application() -> None:
    assert create_app.__module__ == "rowcall.webapi.application"
