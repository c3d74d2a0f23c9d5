"""Methods: what each path has, and what is said of the others."""

from __future__ import annotations

import httpx2
import pytest

from rowcall.webapi.resources import OPERATIONS
from tests.webapi.answers import assert_problem

PATHS = sorted({operation.path for operation in OPERATIONS} | {"/openapi.json", "/docs"})


@pytest.fixture
def dsn(unchanged_dsn: str) -> str:
    return unchanged_dsn


def methods_of(path: str) -> set[str]:
    found = {operation.method for operation in OPERATIONS if operation.path == path} or {"GET"}
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())


@pytest.mark.parametrize("path", PATHS)
async def test_options_tells_what_a_path_has(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == ", ".join(sorted(methods_of(path)))
    assert not [name for name in answer.headers if name.startswith("access-control")]  # other sites' pages stay out


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused_with_those_there_are(
    client: httpx2.AsyncClient, path: str, method: str
) -> None:
    if method not in methods_of(path):
        answer = await client.request(method, path)
        assert_problem(answer, 405)
        assert answer.headers["allow"] == ", ".join(sorted(methods_of(path)))


@pytest.mark.parametrize("path", ["/livez", "/v1/schedules", "/v1/executions", "/v1/stats", "/openapi.json", "/docs"])
async def test_head_is_get_without_the_body(client: httpx2.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_head_tells_of_what_is_not_there(client: httpx2.AsyncClient) -> None:
    assert (await client.head("/v1/schedules/nobody")).status_code == 404
