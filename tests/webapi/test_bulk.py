"""/v1/bulk: the same done to many schedules, or told what it would be."""

from __future__ import annotations

from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from rowcall.domain.access import Scope
from rowcall.settings import Settings
from rowcall.store import bulk
from rowcall.store.database import Database
from rowcall.store.keys import create_key
from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule

Connection: TypeAlias = "asyncpg.Connection[Any]"

TEAM_A = {"team": "a"}


@pytest.fixture
async def three(a_schedule: CreateSchedule) -> None:
    """Two of team a, one of team b."""
    await a_schedule(name="one", labels={"team": "a", "tier": "1"})
    await a_schedule(name="two", labels={"team": "a"})
    await a_schedule(name="three", labels={"team": "b"})


async def ask(client: httpx2.AsyncClient, action: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/bulk/{action}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def statuses(db: Connection) -> dict[str, str]:
    return {row["name"]: row["status"] for row in await db.fetch("SELECT name, status FROM rowcall.schedules")}


async def test_all_that_carry_the_labels_are_paused_and_no_other(
    client: httpx2.AsyncClient, three: None, db: Connection
) -> None:
    answer = await ask(client, "pause", labels=TEAM_A, reason="moving")

    assert (answer["done"], answer["unchanged"], answer["refused"]) == (2, 0, 0)
    assert [(each["name"], each["outcome"]) for each in answer["schedules"]] == [("one", "done"), ("two", "done")]
    assert answer["schedules"][0]["detail"] == "moving (by the API)"
    assert await statuses(db) == {"one": "PAUSED", "two": "PAUSED", "three": "ACTIVE"}


@pytest.mark.parametrize("action", ["pause", "resume", "delete", "execute"])
async def test_a_dry_run_tells_the_same_and_changes_nothing(
    client: httpx2.AsyncClient, three: None, db: Connection, action: str
) -> None:
    if action == "resume":
        await ask(client, "pause", labels={"tier": "1"})
    tables = ("schedules", "schedule_executions", "schedule_versions", "audit_log")
    before = [await db.fetch(f"SELECT * FROM rowcall.{table}") for table in tables]

    tried = await ask(client, action, labels=TEAM_A, dry_run=True)

    assert [await db.fetch(f"SELECT * FROM rowcall.{table}") for table in tables] == before
    done = await ask(client, action, labels=TEAM_A)
    assert [each["outcome"] for each in tried["schedules"]] == [each["outcome"] for each in done["schedules"]]
    assert (tried["dry_run"], done["dry_run"]) == (True, False)
    assert {each["execution_id"] for each in tried["schedules"]} == {None}


async def test_what_can_not_be_done_to_one_is_told_and_no_matter_to_the_rest(
    client: httpx2.AsyncClient, three: None, db: Connection
) -> None:
    await db.execute("UPDATE rowcall.schedules SET is_static = true, source = 'app' WHERE name = 'one'")

    answer = await ask(client, "delete", labels=TEAM_A)

    assert [(each["name"], each["outcome"]) for each in answer["schedules"]] == [("one", "refused"), ("two", "done")]
    assert "is static" in answer["schedules"][0]["detail"]
    assert (await statuses(db))["two"] == "DISABLED"


async def test_names_and_ids_can_be_given_instead(client: httpx2.AsyncClient, three: None, db: Connection) -> None:
    ids = (await client.get("/v1/schedules/three")).json()["schedule_id"]
    answer = await ask(client, "pause", names=["one", str(ids), "one"])
    assert [each["name"] for each in answer["schedules"]] == ["one", "three"]


async def test_names_that_are_none_are_told_at_once_and_nothing_is_done(
    client: httpx2.AsyncClient, three: None, db: Connection
) -> None:
    answer = await client.post("/v1/bulk/pause", json={"names": ["one", "nobody", "77"]})
    assert set(faults(answer)) == {"names.1", "names"}
    assert set((await statuses(db)).values()) == {"ACTIVE"}


async def test_each_is_run_once_and_what_was_queued_is_named(
    client: httpx2.AsyncClient, three: None, db: Connection
) -> None:
    answer = await ask(client, "execute", labels=TEAM_A)
    ids = [each["execution_id"] for each in answer["schedules"]]
    assert await db.fetchval("SELECT array_agg(execution_id ORDER BY execution_id) FROM rowcall.open_executions") == ids


async def test_a_pause_that_is_there_stays_as_it_is(client: httpx2.AsyncClient, three: None) -> None:
    await ask(client, "pause", labels=TEAM_A)
    assert (await ask(client, "pause", labels=TEAM_A))["unchanged"] == 2


async def test_too_many_at_once_are_refused(
    client: httpx2.AsyncClient, three: None, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 1)
    assert_problem(await client.post("/v1/bulk/delete", json={"labels": TEAM_A}), 409)
    assert set((await statuses(db)).values()) == {"ACTIVE"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "either names or labels are needed, to say which schedules are meant"),
        ({"names": ["one"], "labels": TEAM_A}, "either names or labels are needed, to say which schedules are meant"),
        ({"labels": {}}, "must have at least 1, and has 0"),
        ({"names": []}, "must have at least 1, and has 0"),
        ({"labels": {"team": 1}}, "text is needed, not 1"),
    ],
)
async def test_it_must_be_said_which(client: httpx2.AsyncClient, three: None, body: dict[str, Any], told: str) -> None:
    answer = await client.post("/v1/bulk/delete", json=body)
    assert_problem(answer, 422)
    assert [fault["message"] for fault in answer.json()["errors"]] == [told]


async def test_with_one_idempotency_key_it_is_done_once(
    client: httpx2.AsyncClient, three: None, db: Connection
) -> None:
    headers = {"Idempotency-Key": "k"}
    first, second = [await client.post("/v1/bulk/execute", json={"labels": TEAM_A}, headers=headers) for _ in range(2)]
    assert second.json() == first.json()
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 2


async def test_static_schedules_of_others_are_not_among_those_that_are_counted(
    client: httpx2.AsyncClient, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 7)
    await many(db, "others", 20, is_static=True)
    await many(db, "default", 6, is_static=False)
    await many(db, "strangers", 9, is_static=True)
    await many(db, "default", 1, is_static=True)
    answer = await client.post("/v1/bulk/pause", json={"labels": TEAM_A})
    assert (answer.status_code, answer.json().get("done")) == (200, 7), answer.text
    assert {each["client_id"] for each in answer.json()["schedules"]} == {"default"}

    await db.execute("UPDATE rowcall.schedules SET client_id = 'default' WHERE name = 't-20'")
    refused = assert_problem(await client.post("/v1/bulk/resume", json={"labels": TEAM_A}), 409)
    assert "more than 7 schedules are meant" in refused["detail"]


async def many(db: Connection, client_id: str, count: int, *, is_static: bool) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (client_id, name, task_type, schedule_type, interval_seconds, labels, is_static)"
        " SELECT $1, format('%s-%s', $3::boolean, i), 'report', 'interval', 3600, '{\"team\": \"a\"}', $3"
        "   FROM generate_series(1, $2::int) AS i",
        client_id, count, is_static,
    )  # fmt: skip


class TestWithKeys:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(auth="keys")

    async def test_another_clients_schedules_are_never_meant(
        self, client: httpx2.AsyncClient, database: Database, db: Connection
    ) -> None:
        await db.execute(
            "INSERT INTO rowcall.schedules (client_id, name, task_type, schedule_type, interval_seconds, labels,"
            " is_static, source) SELECT 'acme', name, 'report', 'interval', 60, '{\"team\": \"a\"}', is_static, 'x'"
            "   FROM (VALUES ('theirs', false), ('code', true)) AS given (name, is_static)"
        )
        key = await create_key(database, client_id="other", scopes=[Scope.WRITE])
        headers = {"X-API-Key": key.text}
        for selection in ({"labels": TEAM_A}, {"labels": TEAM_A, "client_id": "acme"}):
            answer = await client.post("/v1/bulk/delete", json=selection, headers=headers)
            assert [each for each in answer.json()["schedules"] if each["outcome"] == "done"] == []
            assert "theirs" not in answer.text
        assert "names.0" in faults(
            await client.post("/v1/bulk/pause", json={"names": ["theirs"], "client_id": "acme"}, headers=headers)
        )
        assert "DISABLED" not in (await statuses(db)).values()
