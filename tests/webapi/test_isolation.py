"""Whose things a key reaches: its own client's, and a part of the static ones. All else is as if it were not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from rowcall.domain.access import Scope
from rowcall.domain.schedules import gone_reason
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.keys import create_key
from tests.webapi.answers import assert_problem
from tests.webapi.keyring import ACME, OTHER, sent

Connection: TypeAlias = "asyncpg.Connection[Any]"
RULE = {"task_type": "report", "interval_seconds": 3600}


class Caller:
    """Sends requests with one key."""

    def __init__(self, client: httpx2.AsyncClient, key: str) -> None:
        self._client = client
        self._headers = sent(key)

    async def __call__(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return await self._client.request(method, path, headers={**self._headers, **more.pop("headers", {})}, **more)


@pytest.fixture
def settings() -> Settings:
    return Settings(auth="keys")


@pytest.fixture
async def callers(client: httpx2.AsyncClient, database: Database, tasks: list[str]) -> Mapping[str, Caller]:
    """One of acme, one of another client, both may write, one that may only run, and an administrator."""
    made = {
        ACME: (ACME, Scope.WRITE),
        OTHER: (OTHER, Scope.WRITE),
        "runs": (OTHER, Scope.RUN),
        "admin": (ACME, Scope.ADMIN),
    }
    return {
        name: Caller(client, (await create_key(database, client_id=client_id, scopes=[scope])).text)
        for name, (client_id, scope) in made.items()
    }


@pytest.fixture
async def acmes(callers: Mapping[str, Caller]) -> dict[str, Any]:
    """A schedule of acme's that has run, by request."""
    created = (
        await callers[ACME]("POST", "/v1/schedules", json={**RULE, "name": "theirs", "labels": {"a": "b"}})
    ).json()
    executed = await callers[ACME]("POST", f"/v1/schedules/{created['schedule_id']}/execute")
    return {**created, "execution_id": executed.json()["execution_id"]}


@pytest.fixture
async def static(db: Connection) -> int:
    """A static schedule, with an input, an address and a run."""
    schedule_id: int = await db.fetchval(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds, is_static, source,"
        " input_data, callback_url)"
        " VALUES ('nightly', 'report', 'interval', 60, true, 'app', '{\"token\": \"hidden-7\"}',"
        " 'https://example.com/hidden-7') RETURNING schedule_id"
    )
    return schedule_id


async def test_a_schedule_belongs_to_the_client_of_the_key_that_made_it(
    callers: Mapping[str, Caller], acmes: dict[str, Any]
) -> None:
    assert acmes["client_id"] == ACME
    assert (await callers[ACME]("GET", "/v1/schedules/theirs")).json()["schedule_id"] == acmes["schedule_id"]
    assert_problem(await callers[OTHER]("GET", "/v1/schedules/theirs"), 404)


ON_A_SCHEDULE = [
    ("GET", ""), ("PATCH", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"),
    ("POST", "/execute"), ("POST", "/backfill"), ("GET", "/upcoming"), ("GET", "/explain"), ("GET", "/executions"),
]  # fmt: skip
BACKFILL = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}


@pytest.mark.parametrize(("method", "action"), ON_A_SCHEDULE)
@pytest.mark.parametrize("match", [{}, {"If-Match": '"1-1"'}], ids=["", "if-match"])
async def test_another_clients_key_cannot_tell_that_a_schedule_exists(
    callers: Mapping[str, Caller], acmes: dict[str, Any], method: str, action: str, match: dict[str, str]
) -> None:
    """By its id and by its name it is answered as an id and a name that never were, but for these themselves."""
    body: dict[str, Any] = {"json": BACKFILL if action == "/backfill" else {}}
    if method in {"GET", "DELETE"}:
        body = {}
    if method in {"PATCH", "PUT"}:
        body = {"json": RULE}
    for there, absent, whose in (
        (str(acmes["schedule_id"]), "9999", ""),
        ("theirs", "absent", f"?client_id={ACME}"),
    ):
        told = [
            await callers[OTHER](method, f"/v1/schedules/{name}{action}{whose}", headers=match, **body)
            for name in (there, absent)
        ]
        assert told[0].status_code == told[1].status_code
        assert told[0].status_code in {403, 404, 412}
        assert re.sub(rf"\b{there}\b", absent, told[0].text) == told[1].text
        told_in_headers = [
            {name: value for name, value in answer.headers.items() if name not in {"ratelimit", "content-length"}}
            for answer in told
        ]
        assert told_in_headers[0] == told_in_headers[1]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/executions/{}"), ("POST", "/v1/executions/{}/cancel")])
async def test_another_clients_key_cannot_tell_that_an_execution_exists(
    callers: Mapping[str, Caller], acmes: dict[str, Any], method: str, path: str
) -> None:
    told = [await callers[OTHER](method, path.format(one)) for one in (acmes["execution_id"], 9999)]
    assert (
        assert_problem(told[0], 404)["detail"].replace(str(acmes["execution_id"]), "9999") == told[1].json()["detail"]
    )
    assert (await callers[ACME]("GET", path.format(acmes["execution_id"]).removesuffix("/cancel"))).json()[
        "status"
    ] == "QUEUED"


async def test_another_clients_key_cannot_tell_that_a_webhook_exists(
    callers: Mapping[str, Caller], acmes: dict[str, Any], static: int, db: Connection
) -> None:
    """Nor can its own client where it is of a static schedule."""
    add = (
        "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)"
        " VALUES ($1, 1, $2, 'FAILED', 'https://example.com/hidden-7', '{}') RETURNING delivery_id"
    )
    theirs = await db.fetchval(add, acmes["schedule_id"], ACME)
    of_static = await db.fetchval(add, static, "default")
    for caller, seen in ((OTHER, []), (ACME, [theirs]), ("admin", [of_static, theirs])):
        listed = (await callers[caller]("GET", "/v1/webhooks")).json()["webhooks"]
        assert [each["delivery_id"] for each in listed] == seen
        assert "hidden-7" not in str(listed)
        for delivery_id in (theirs, of_static, 9999):
            answer = await callers[caller]("GET", f"/v1/webhooks/{delivery_id}")
            assert answer.status_code == (200 if delivery_id in seen else 404)
            if delivery_id not in seen:
                assert f"there is no delivery {delivery_id}," in assert_problem(answer, 404)["detail"]
                assert_problem(await callers[caller]("POST", f"/v1/webhooks/{delivery_id}/redeliver"), 404)


async def test_lists_and_counts_hold_nothing_of_others(callers: Mapping[str, Caller], acmes: dict[str, Any]) -> None:
    other = callers[OTHER]
    for query in ("", f"?client_id={ACME}", "?label=a=b", "?text=theirs", "?status=ACTIVE&include_disabled=true"):
        assert (await other("GET", f"/v1/schedules{query}")).json() == {"schedules": [], "next_cursor": None}
    for query in (
        "",
        f"?client_id={ACME}",
        f"?schedule_id={acmes['schedule_id']}",
        "?status=QUEUED",
        "?status=SUCCEEDED",
    ):
        assert (await other("GET", f"/v1/executions{query}")).json() == {"executions": [], "next_cursor": None}
    for query in ("", f"?schedule_id={acmes['schedule_id']}"):
        assert (await other("GET", f"/v1/backfills{query}")).json()["backfills"] == []
    stats = (await other("GET", "/v1/stats")).json()
    assert (stats["schedules"], stats["executions"], stats["queued"], stats["due"]) == ({}, {}, 0, [])


async def test_each_counts_its_own_and_the_administrator_all(
    callers: Mapping[str, Caller], acmes: dict[str, Any]
) -> None:
    await callers[OTHER]("POST", "/v1/schedules", json=RULE)
    for name, schedules, queued in ((ACME, 1, 1), (OTHER, 1, 0), ("admin", 2, 1)):
        stats = (await callers[name]("GET", "/v1/stats")).json()
        assert (stats["schedules"], stats["queued"]) == ({"ACTIVE": schedules}, queued)
        assert sum(stats["executions"].values()) == queued
        assert len((await callers[name]("GET", "/v1/executions")).json()["executions"]) == queued


async def test_pages_are_of_ones_own_from_the_first_to_the_last(
    callers: Mapping[str, Caller], acmes: dict[str, Any]
) -> None:
    for number in range(3):
        await callers[OTHER]("POST", "/v1/schedules", json={**RULE, "name": f"own-{number}"})
        await callers[ACME]("POST", "/v1/schedules", json={**RULE, "name": f"foreign-{number}"})
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await callers[OTHER]("GET", f"/v1/schedules?limit=1{cursor and '&cursor=' + cursor}")).json()
        found += [schedule["name"] for schedule in page["schedules"]]
        cursor = page["next_cursor"]
    assert found == ["own-0", "own-1", "own-2"]


async def test_the_same_name_is_free_to_each_client(callers: Mapping[str, Caller], acmes: dict[str, Any]) -> None:
    created = await callers[OTHER]("POST", "/v1/schedules", json={**RULE, "name": "theirs"})
    assert created.status_code == 201
    assert created.json()["schedule_id"] != acmes["schedule_id"]


@pytest.mark.parametrize("name", ["theirs", "absent"])
async def test_nobody_creates_for_another_client(
    callers: Mapping[str, Caller], acmes: dict[str, Any], name: str
) -> None:
    body = {**RULE, "client_id": ACME, "name": name}
    posted = await callers[OTHER]("POST", "/v1/schedules", json=body)
    put = await callers[OTHER]("PUT", f"/v1/schedules/{name}?client_id={ACME}", json=RULE)
    for answer in (posted, put):
        assert assert_problem(answer, 403)["detail"] == "this key creates schedules of client 'other', and of no other"
    assert (await callers["admin"]("POST", "/v1/schedules", json={**body, "client_id": OTHER})).status_code == 201


async def test_running_with_other_input_needs_write(callers: Mapping[str, Caller], db: Connection) -> None:
    await callers[OTHER]("POST", "/v1/schedules", json={**RULE, "name": "mine"})
    refused = await callers["runs"]("POST", "/v1/schedules/mine/execute", json={"input_data": {"a": 1}})
    assert "needs the scope write" in assert_problem(refused, 403)["detail"]
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedule_executions") == 0
    bodies: list[dict[str, Any]] = [{}, {"input_data": {}}]
    for body in bodies:
        assert (await callers["runs"]("POST", "/v1/schedules/mine/execute", json=body)).status_code == 201


class TestAStaticSchedule:
    async def test_everyone_sees_its_name_timing_and_status_and_only_an_administrator_its_input(
        self, callers: Mapping[str, Caller], static: int
    ) -> None:
        shown = [
            (await callers[OTHER]("GET", f"/v1/schedules/{static}")).json(),
            (await callers[OTHER]("GET", "/v1/schedules/nightly?client_id=default")).json(),
            *(await callers[OTHER]("GET", "/v1/schedules")).json()["schedules"],
            *(await callers[OTHER]("GET", "/v1/schedules?is_static=true&client_id=default")).json()["schedules"],
        ]
        assert len(shown) == 4
        for schedule in shown:
            assert (schedule["name"], schedule["interval_seconds"], schedule["status"]) == ("nightly", 60, "ACTIVE")
            assert schedule["input_data"] is schedule["callback_url"] is schedule["last_execution_id"] is None
            assert "hidden-7" not in str(schedule)
        assert "hidden-7" in (await callers["admin"]("GET", f"/v1/schedules/{static}")).text

    async def test_its_runs_and_running_it_need_an_administrator(
        self, callers: Mapping[str, Caller], static: int
    ) -> None:
        executed = await callers["admin"]("POST", f"/v1/schedules/{static}/execute", json={"input_data": {"a": 1}})
        execution_id = executed.json()["execution_id"]
        other = callers[OTHER]
        for method, path, body in (
            ("POST", "execute", {}), ("POST", "backfill", BACKFILL), ("GET", "explain", None),
        ):  # fmt: skip
            answer = await other(method, f"/v1/schedules/{static}/{path}", **({} if body is None else {"json": body}))
            assert "needs the scope admin" in assert_problem(answer, 403)["detail"].replace("need the", "needs the")
        assert_problem(await other("GET", f"/v1/executions/{execution_id}"), 404)
        assert_problem(await other("POST", f"/v1/executions/{execution_id}/cancel"), 404)
        for path in (f"/v1/schedules/{static}/executions", "/v1/executions", "/v1/executions?status=QUEUED"):
            assert (await other("GET", path)).json()["executions"] == []
            assert len((await callers["admin"]("GET", path)).json()["executions"]) == 1

    async def test_pausing_is_allowed_and_told_with_who_did_it_changing_is_not(
        self, callers: Mapping[str, Caller], static: int
    ) -> None:
        paused = await callers["runs"]("POST", f"/v1/schedules/{static}/pause", json={"reason": "too loud"})
        assert paused.json()["status"] == "PAUSED"
        assert paused.json()["status_reason"].startswith("too loud (by key ")
        assert paused.json()["input_data"] is None
        resumed = await callers["runs"]("POST", f"/v1/schedules/{static}/resume")
        assert resumed.json()["status"] == "ACTIVE"
        for caller in (callers[OTHER], callers["admin"]):
            assert_problem(await caller("PATCH", f"/v1/schedules/{static}", json={"priority": 1}), 403)
            assert_problem(await caller("DELETE", f"/v1/schedules/{static}"), 403)
        assert "hidden-7" in (await callers["admin"]("GET", f"/v1/schedules/{static}")).text

    @pytest.mark.parametrize("said", ["gone: no worker of x", gone_reason("app"), f"{gone_reason('app')}\t"])
    async def test_nobody_can_say_that_its_code_is_gone(
        self, callers: Mapping[str, Caller], static: int, said: str
    ) -> None:
        other = callers[OTHER]
        assert (await other("POST", f"/v1/schedules/{static}/pause", json={"reason": said})).status_code == 200
        for caller in (other, callers["admin"]):
            assert_problem(await caller("DELETE", f"/v1/schedules/{static}"), 403)
            bulk = await caller("POST", "/v1/bulk/delete", json={"names": [str(static)]})
            assert bulk.json()["refused"] == 1
        assert (await other("POST", f"/v1/schedules/{static}/resume")).json()["status"] == "ACTIVE"

    async def test_once_its_code_is_gone_only_its_own_client_deletes_it(
        self, callers: Mapping[str, Caller], static: int, db: Connection
    ) -> None:
        await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = $1", gone_reason("app"))
        await db.execute("UPDATE rowcall.schedules SET client_id = $1", ACME)
        refused = assert_problem(await callers[OTHER]("DELETE", f"/v1/schedules/{static}"), 403)
        assert f"of client '{ACME}'" in refused["detail"]
        bulk = await callers[OTHER]("POST", "/v1/bulk/delete", json={"names": [str(static)]})
        assert bulk.json()["refused"] == 1
        assert (await callers[ACME]("DELETE", f"/v1/schedules/{static}")).status_code == 204
