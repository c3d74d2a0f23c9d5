"""Idempotency-Key: a POST that is sent twice is done once, and answered twice."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from rowcall.domain.access import Scope
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.idempotency import forget_keys
from rowcall.store.keys import create_key
from tests.webapi.answers import assert_problem
from tests.webapi.conftest import CreateSchedule

Connection: TypeAlias = "asyncpg.Connection[Any]"

DAILY = {"task_type": "report", "cron_expression": "@daily"}


async def create(client: httpx2.AsyncClient, key: str = "k-1", **fields: Any) -> httpx2.Response:
    return await client.post("/v1/schedules", json={**DAILY, **fields}, headers={"Idempotency-Key": key})


async def count(db: Connection, table: str) -> int:
    found: int = await db.fetchval(f"SELECT count(*) FROM rowcall.{table}")
    return found


async def test_the_same_post_twice_with_one_key_makes_one_row(
    client: httpx2.AsyncClient, tasks: list[str], db: Connection
) -> None:
    first, second = await create(client), await create(client)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    for header in ("location", "etag", "content-type"):
        assert second.headers[header] == first.headers[header]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await count(db, "schedules") == 1


async def test_twelve_at_once_make_one_row_and_get_one_answer(
    client: httpx2.AsyncClient, tasks: list[str], db: Connection
) -> None:
    answers = await asyncio.gather(*(create(client) for _ in range(12)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await count(db, "schedules") == 1


@pytest.mark.parametrize("action", ["pause", "execute", "backfill"])
async def test_actions_are_done_once(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Connection, action: str
) -> None:
    await a_schedule(name="n", starts_at="2026-01-01T00:00:00Z", interval_seconds=86400)
    await db.execute("UPDATE rowcall.schedules SET last_occurrence_at = now()")
    body = {"since": "2026-01-02T00:00:00Z", "until": "2026-01-04T00:00:00Z"} if action == "backfill" else {}
    ask: dict[str, Any] = {"json": body, "headers": {"Idempotency-Key": "once"}}

    first, second = [await client.post(f"/v1/schedules/n/{action}", **ask) for _ in range(2)]

    assert first.is_success, first.text
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert await count(db, "schedule_executions WHERE trigger = 'manual'") == (action == "execute")
    assert await count(db, "backfills") == (action == "backfill")


async def test_without_a_key_it_is_done_twice(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Connection
) -> None:
    await a_schedule(name="n")
    first, second = [await client.post("/v1/schedules/n/execute") for _ in range(2)]
    assert first.json()["execution_id"] != second.json()["execution_id"]
    assert await count(db, "idempotency_keys") == 0


@pytest.mark.parametrize(("path", "body"), [("/v1/schedules", {**DAILY, "priority": 7}), ("/v1/schedules/1/pause", {})])
async def test_the_same_key_with_another_request_is_refused(
    client: httpx2.AsyncClient, tasks: list[str], db: Connection, path: str, body: dict[str, Any]
) -> None:
    await create(client)
    before = await db.fetch("SELECT * FROM rowcall.schedules")

    answer = await client.post(path, json=body, headers={"Idempotency-Key": "k-1"})

    assert assert_problem(answer, 422)["type"] == "urn:rowcall:problem:idempotency-key-reused"
    assert await db.fetch("SELECT * FROM rowcall.schedules") == before


async def test_fields_in_another_order_are_the_same_request(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    first = await create(client, name="n")
    turned = dict(reversed([*DAILY.items(), ("name", "n")]))
    second = await client.post("/v1/schedules", json=turned, headers={"Idempotency-Key": '"k-1"'})
    assert second.content == first.content


async def test_what_was_refused_leaves_the_key_free(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Connection
) -> None:
    await a_schedule(name="n")
    assert_problem(await create(client, name="n"), 409)
    assert_problem(await create(client, priority=11), 422)
    assert await count(db, "idempotency_keys") == 0

    assert (await create(client, name="m")).status_code == 201


@pytest.mark.parametrize("key", ["", " ", '""', "a b", "a" * 256, "é", '"a', "\\"])
async def test_what_is_no_key_is_refused(
    client: httpx2.AsyncClient, tasks: list[str], db: Connection, key: str
) -> None:
    answer = await client.post("/v1/schedules", json=DAILY, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert_problem(answer, 400)
    assert await count(db, "schedules") == 0


async def test_two_keys_in_one_request_are_refused(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert_problem(await client.post("/v1/schedules", json=DAILY, headers=headers), 400)


async def test_after_a_day_the_key_is_free_and_the_old_one_forgotten(
    client: httpx2.AsyncClient, database: Database, tasks: list[str], db: Connection
) -> None:
    first = await create(client)
    await create(client, key="k-2", name="other")
    await db.execute("UPDATE rowcall.idempotency_keys SET created_at = now() - interval '24 hours 1 second'")

    again = await create(client)

    assert again.json()["schedule_id"] != first.json()["schedule_id"]
    assert await forget_keys(database) == 1
    assert await db.fetchval("SELECT array_agg(idempotency_key) FROM rowcall.idempotency_keys") == ["k-1"]


async def test_reading_and_trying_out_heed_no_key(client: httpx2.AsyncClient, tasks: list[str], db: Connection) -> None:
    for _ in range(2):
        answer = await client.post("/v1/preview", json={"interval_seconds": 60}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 200
    assert await count(db, "idempotency_keys") == 0


async def test_an_end_within_it_lets_go_who_waited(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Connection
) -> None:
    await a_schedule(name="n")
    first, second = [(await client.post("/v1/schedules/n/execute")).json() for _ in range(2)]
    assert (first["available_at"] is None, second["available_at"] is None) == (False, True)

    path, headers = f"/v1/executions/{first['execution_id']}/cancel", {"Idempotency-Key": "k"}
    assert (await client.post(path, headers=headers)).json()["status"] == "CANCELLED"

    assert (await client.get(f"/v1/executions/{second['execution_id']}")).json()["available_at"] is not None


class TestWithKeys:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(auth="keys")

    async def test_two_bearers_may_choose_the_same_key(
        self, client: httpx2.AsyncClient, database: Database, tasks: list[str]
    ) -> None:
        made = []
        for client_id in ("acme", "other"):
            bearer = await create_key(database, client_id=client_id, scopes=[Scope.WRITE])
            headers = {"Idempotency-Key": "k", "X-API-Key": bearer.text}
            made.append((await client.post("/v1/schedules", json=DAILY, headers=headers)).json())
        assert [each["client_id"] for each in made] == ["acme", "other"]
