"""How a key is sent, what is said of one that is refused, and how soon a revoked one is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx2
import pytest

from rowcall.domain.access import Scope
from rowcall.domain.keys import make_key
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.keys import create_key, revoke_key
from rowcall.webapi import create_app, gate
from rowcall.webapi.openapi import describe
from rowcall.webapi.resources import OPERATIONS
from tests.webapi.answers import assert_problem

LIST = "/v1/schedules"


@pytest.fixture
def settings() -> Settings:
    return Settings(auth="keys")


@pytest.fixture
async def key(database: Database) -> str:
    return (await create_key(database, scopes=[Scope.READ], name="reports")).text


@pytest.mark.parametrize(
    "headers",
    [{"X-API-Key": "{}"}, {"Authorization": "Bearer {}"}, {"authorization": "bearer  {}"}],
)
async def test_a_key_comes_in_either_header(client: httpx2.AsyncClient, key: str, headers: Mapping[str, str]) -> None:
    answer = await client.get(LIST, headers={name: value.format(key) for name, value in headers.items()})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "a key is needed"),
        ({"X-API-Key": ""}, "no key of the form"),
        ({"X-API-Key": "secret"}, "no key of the form"),
        ({"X-API-Key": " ü"}, "no key of the form"),
        ({"Authorization": "Basic dTpw"}, "Authorization: Bearer"),
        ({"Authorization": "Bearer"}, "no key of the form"),
        ({"X-API-Key": "a", "Authorization": "Bearer b"}, "several were sent"),
        ({"X-API-Key": make_key().text}, "not known here"),
    ],
)
async def test_what_is_no_key_is_refused_with_a_challenge(
    client: httpx2.AsyncClient, headers: dict[str, str], says: str
) -> None:
    encoded = {name.encode(): value.encode() for name, value in headers.items()}
    answer = await client.get(LIST, headers=encoded)
    assert says in assert_problem(answer, 401)["detail"]
    assert answer.headers["www-authenticate"].startswith('Bearer realm="rowcall"')


@pytest.mark.parametrize(
    "place", ["/v1/schedules?key={}", "/v1/schedules/{}", "/livez?x={}", "/v1/executions?cursor={}"]
)
async def test_a_key_in_the_address_is_refused_even_with_a_valid_one(
    client: httpx2.AsyncClient, key: str, place: str
) -> None:
    problem = assert_problem(await client.get(place.format(key), headers={"X-API-Key": key}), 400)
    assert problem["type"].endswith(":key-in-address")
    assert key not in problem["detail"]


async def test_an_unknown_key_and_a_wrong_secret_are_told_the_same(client: httpx2.AsyncClient, key: str) -> None:
    unknown, wrong = make_key().text, key[:-43] + make_key().text[-43:]
    told = [await client.get(LIST, headers={"X-API-Key": text}) for text in (unknown, wrong)]
    assert told[0].text == told[1].text
    assert told[0].headers == told[1].headers


async def test_what_a_key_may_not_do_names_the_scope_that_may(client: httpx2.AsyncClient, key: str) -> None:
    answer = await client.post(LIST, headers={"X-API-Key": key}, json={})
    problem = assert_problem(answer, 403)
    assert problem["detail"] == "POST /v1/schedules needs the scope write; this key has read"
    assert 'error="insufficient_scope", scope="write"' in answer.headers["www-authenticate"]


async def test_a_revoked_key_is_refused_within_seconds(
    client: httpx2.AsyncClient, database: Database, key: str
) -> None:
    assert (await client.get(LIST, headers={"X-API-Key": key})).status_code == 200
    await revoke_key(database, key[8:16])

    async with asyncio.timeout(gate.REMEMBERED_SECONDS + 3):
        while (answer := await client.get(LIST, headers={"X-API-Key": key})).status_code == 200:
            pass

    assert "revoked" in assert_problem(answer, 401)["detail"]


async def test_a_request_with_a_key_costs_no_look_of_its_own(
    client: httpx2.AsyncClient, db: asyncpg.Connection[Any], key: str
) -> None:
    await client.get(LIST, headers={"X-API-Key": key})
    await db.execute("DELETE FROM rowcall.api_keys")

    assert (await client.get(LIST, headers={"X-API-Key": key})).status_code == 200


async def test_the_last_use_is_written_once_for_many_requests(
    client: httpx2.AsyncClient, db: asyncpg.Connection[Any], key: str
) -> None:
    async def written() -> list[Any]:
        row = await db.fetchrow("SELECT last_used_at, xmin::text FROM rowcall.api_keys WHERE key_id = $1", key[8:16])
        assert row is not None
        return list(row.values())

    fresh = await written()
    async with asyncio.timeout(30):
        while (first := await written())[0] is None:
            await client.get(LIST, headers={"X-API-Key": key})
    for _ in range(20):
        await client.get(LIST, headers={"X-API-Key": key})

    assert first != fresh
    assert await written() == first


class TestOpenOnThisMachine:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(allowed_hosts=("rowcall.internal",))

    async def test_who_comes_straight_needs_no_key(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get("/v1/workers")).status_code == 200

    @pytest.mark.parametrize(
        "headers", [{"Host": "rowcall.internal"}, {"X-Forwarded-For": "10.0.0.1"}, {"Forwarded": "for=10.0.0.1"}]
    )
    async def test_who_comes_through_a_proxy_does(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        assert_problem(await client.get(LIST, headers=headers), 401)

    async def test_who_comes_through_a_proxy_that_tells_nothing_does(
        self, database: Database, settings: Settings
    ) -> None:
        """As nginx sends what it was not told more about: HTTP/1.0, to the name that it has for us."""
        app, told = create_app(database, settings), list[int]()

        async def send(message: Any) -> None:
            told.extend([message["status"]] if "status" in message else [])

        async def receive() -> Any:
            return {"type": "http.request"}

        for version in ("1.1", "1.0"):
            headers = [(b"host", b"127.0.0.1:8000")]
            scope = {"type": "http", "method": "GET", "path": LIST, "query_string": b"", "http_version": version}
            await app({**scope, "headers": headers}, receive, send)
        assert told == [200, 401]

    async def test_a_key_that_is_sent_counts_all_the_same(self, client: httpx2.AsyncClient, key: str) -> None:
        assert_problem(await client.get("/v1/workers", headers={"X-API-Key": key}), 403)
        assert_problem(await client.get(LIST, headers={"X-API-Key": key[:-1]}), 401)


class TestOnAnotherAddress:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(host="0.0.0.0")

    async def test_everyone_needs_a_key(self, client: httpx2.AsyncClient, key: str) -> None:
        assert_problem(await client.get(LIST), 401)
        assert (await client.get(LIST, headers={"X-API-Key": key})).status_code == 200
        assert (await client.get("/livez")).status_code == 200


class TestWithALimit:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(auth="keys", requests_per_minute=3)

    async def test_a_key_that_asks_too_often_is_told_when_to_come_back(
        self, client: httpx2.AsyncClient, key: str, database: Database
    ) -> None:
        answers = [await client.get(LIST, headers={"X-API-Key": key}) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers] == [
            '"key";r=2', '"key";r=1', '"key";r=0', '"key";r=0',
        ]  # fmt: skip
        assert answers[3].headers["ratelimit-policy"] == '"key";q=3;w=60'
        assert 1 <= int(answers[3].headers["retry-after"]) <= 20
        assert "ROWCALL_REQUESTS_PER_MINUTE" in assert_problem(answers[3], 429)["detail"]
        another = (await create_key(database, scopes=[Scope.READ])).text
        assert (await client.get(LIST, headers={"X-API-Key": another})).status_code == 200

    async def test_refusals_count_and_tell_what_is_left(self, client: httpx2.AsyncClient, key: str) -> None:
        answer = await client.get("/v1/schedules/nothing", headers={"X-API-Key": key})
        assert_problem(answer, 404)
        assert answer.headers["ratelimit"].startswith('"key";r=2;')


def test_openapi_says_what_each_operation_needs() -> None:
    for document, is_open in ((describe(OPERATIONS), False), (describe(OPERATIONS, is_open=True), True)):
        assert set(document["components"]["securitySchemes"]) == {"apiKey", "bearer"}
        for operation in OPERATIONS:
            described = document["paths"][operation.path][operation.method.lower()]
            assert bool(described["security"]) == (operation.scope is not None)
            assert ({} in described["security"]) == (is_open and operation.scope is not None)
            assert ("401" in described["responses"]) == (operation.scope is not None)
