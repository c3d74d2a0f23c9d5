"""/v1/audit-log: what people did through the API, told to administrators."""

from __future__ import annotations

import httpx2
import pytest

from rowcall.domain.access import Scope
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.keys import create_key
from tests.webapi.answers import faults
from tests.webapi.keyring import sent

RULE = {"task_type": "report", "interval_seconds": 3600}


@pytest.fixture
def settings() -> Settings:
    return Settings(auth="keys")


@pytest.fixture
async def operator(database: Database, tasks: list[str]) -> dict[str, str]:
    """The headers of an administrator."""
    return sent((await create_key(database, scopes=[Scope.ADMIN], name="ops")).text)


async def test_each_change_names_the_key_it_came_with(
    client: httpx2.AsyncClient, database: Database, operator: dict[str, str]
) -> None:
    key = await create_key(database, client_id="acme", scopes=[Scope.WRITE], name="deploys")
    acme = sent(key.text)
    for method, path, body in (
        ("POST", "", {**RULE, "name": "mine"}), ("PATCH", "/mine", {"priority": 8}),
        ("PATCH", "/mine", {"priority": 8}),
        ("POST", "/mine/pause", {"reason": "audit"}), ("POST", "/mine/resume", {}), ("POST", "/mine/execute", {}),
        ("DELETE", "/mine", None),
    ):  # fmt: skip
        answer = await client.request(method, f"/v1/schedules{path}", headers=acme, json=body)
        assert answer.status_code < 300, answer.text

    page = (await client.get("/v1/audit-log?client_id=acme&action=schedule", headers=operator)).json()
    told = page["entries"][::-1]
    assert {entry["who"] for entry in told} == {f"key {key.key_id} (deploys)"}
    assert [entry["action"].removeprefix("schedule.") for entry in told] == ["created", *["changed"] * 4]
    assert [entry["after"].get("status") for entry in told] == ["ACTIVE", None, "PAUSED", "ACTIVE", "DISABLED"]
    assert (told[1]["before"], told[1]["after"]) == ({"priority": 5, "version": 1}, {"priority": 8, "version": 2})
    executions = (await client.get("/v1/audit-log?action=execution", headers=operator)).json()["entries"]
    assert [entry["action"] for entry in executions] == ["execution.cancelled", "execution.requested"][1:]


async def test_pages_go_back_to_the_first_change(client: httpx2.AsyncClient, operator: dict[str, str]) -> None:
    for number in range(5):
        await client.post("/v1/schedules", headers=operator, json={**RULE, "name": f"n{number}"})
    found: list[str] = []
    path: str | None = "/v1/audit-log?limit=2&action=schedule.created"
    while path is not None:
        answer = await client.get(path, headers=operator)
        found += [entry["after"]["name"] for entry in answer.json()["entries"]]
        link = answer.headers.get("link")
        path = None if link is None else link.partition("<")[2].partition(">")[0]
    assert found == ["n4", "n3", "n2", "n1", "n0"]


async def test_filters_that_can_not_be_are_refused_together(
    client: httpx2.AsyncClient, operator: dict[str, str]
) -> None:
    answer = await client.get("/v1/audit-log?limit=0&since=soon&cursor=x&schedule_id=a", headers=operator)
    assert set(faults(answer)) == {"limit", "since", "schedule_id"}


async def test_moments_bound_what_is_told(client: httpx2.AsyncClient, operator: dict[str, str]) -> None:
    await client.post("/v1/schedules", headers=operator, json=RULE)
    [entry] = (await client.get("/v1/audit-log?action=schedule", headers=operator)).json()["entries"]
    for bound, count in (("since", 1), ("until", 0)):
        answer = await client.get(
            "/v1/audit-log", headers=operator, params={bound: entry["changed_at"], "action": "schedule"}
        )
        assert len(answer.json()["entries"]) == count
