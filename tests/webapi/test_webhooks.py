"""/v1/webhooks: what was told, how that went, and telling it anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from rowcall.webapi.webhook_events import EXAMPLE, HEADERS, WebhookPayload
from tests.webapi.answers import assert_problem
from tests.webapi.conftest import CreateSchedule

Connection: TypeAlias = "asyncpg.Connection[Any]"

HOOK = "https://hooks.example.org/path-that-is-a-secret"


@pytest.fixture
async def told(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> dict[str, Any]:
    """A delivery: of an execution that was cancelled before it began."""
    schedule = await a_schedule(callback_url=HOOK, name="nightly")
    executed = (await client.post(f"/v1/schedules/{schedule['schedule_id']}/execute")).json()
    await client.post(f"/v1/executions/{executed['execution_id']}/cancel")
    [delivery] = (await client.get("/v1/webhooks")).json()["webhooks"]
    found: dict[str, Any] = delivery
    return found


async def test_a_delivery_is_shown_without_the_address_it_goes_to(
    client: httpx2.AsyncClient, told: dict[str, Any]
) -> None:
    assert told["event"] == "CANCELLED"
    assert (told["status"], told["attempt"], told["history"]) == ("PENDING", 0, [])
    assert told["target"] == "https://hooks.example.org"
    assert told["webhook_id"].endswith(f"_{told['delivery_id']}")
    assert "path-that-is-a-secret" not in json.dumps(told)
    assert (await client.get(f"/v1/webhooks/{told['delivery_id']}")).json() == told


async def test_what_is_sent_is_what_openapi_describes(client: httpx2.AsyncClient, told: dict[str, Any]) -> None:
    document = (await client.get("/openapi.json")).json()
    described = document["webhooks"]["execution"]["post"]
    content = described["requestBody"]["content"]["application/json"]
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    data = document["components"]["schemas"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
    payloads: list[Mapping[str, Any]] = [told["payload"], content["example"], EXAMPLE]
    for payload in payloads:
        WebhookPayload.model_validate_json(json.dumps(payload))
        assert payload.keys() == schema["properties"].keys()
        assert payload["data"].keys() == data["properties"].keys()
    assert [parameter["name"] for parameter in described["parameters"]] == list(HEADERS)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=PENDING", True),
        ("status=DEAD", False),
        ("status=DEAD&status=PENDING", True),
        ("schedule_id={schedule_id}", True),
        ("schedule_id=999", False),
        ("execution_id={execution_id}", True),
        ("execution_id=999", False),
    ],
)
async def test_deliveries_are_found_by_what_they_are_about(
    client: httpx2.AsyncClient, told: dict[str, Any], query: str, *, found: bool
) -> None:
    listed = (await client.get(f"/v1/webhooks?{query.format(**told)}")).json()["webhooks"]
    assert bool(listed) is found


async def test_pages_lead_through_all_of_them(client: httpx2.AsyncClient, told: dict[str, Any], db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)"
        " SELECT 1, n, 'default', 'LOST', 'https://x.example/', '{}' FROM generate_series(1, 4) AS n"
    )
    ids: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get(f"/v1/webhooks?limit=2{cursor and '&cursor=' + cursor}")).json()
        ids += [delivery["delivery_id"] for delivery in page["webhooks"]]
        cursor = page["next_cursor"]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5


async def test_what_is_dead_can_be_delivered_anew_under_its_id(
    client: httpx2.AsyncClient, told: dict[str, Any], db: Connection
) -> None:
    await db.execute(
        "UPDATE rowcall.webhook_deliveries SET status = 'DEAD', status_reason = 'so it was', next_attempt_at = NULL,"
        " finished_at = now(), attempt = 9, due_since = now() - interval '2 days'"
    )
    await db.execute("UPDATE rowcall.schedules SET callback_url = 'https://new.example.org/'")
    answer = await client.post(f"/v1/webhooks/{told['delivery_id']}/redeliver")
    assert answer.status_code == 202
    again = answer.json()
    assert (again["status"], again["status_reason"], again["finished_at"]) == ("PENDING", None, None)
    assert (again["webhook_id"], again["target"]) == (told["webhook_id"], "https://new.example.org")
    assert await db.fetchval("SELECT now() - due_since < interval '1 minute' FROM rowcall.webhook_deliveries")


async def test_without_a_callback_url_there_is_nowhere_to_deliver_to(
    client: httpx2.AsyncClient, told: dict[str, Any]
) -> None:
    await client.patch(f"/v1/schedules/{told['schedule_id']}", json={"callback_url": None})
    dead = (await client.get(f"/v1/webhooks/{told['delivery_id']}")).json()
    assert (dead["status"], dead["status_reason"]) == ("DEAD", "the schedule has no callback_url any more")
    problem = assert_problem(await client.post(f"/v1/webhooks/{told['delivery_id']}/redeliver"), 409)
    assert "no callback_url" in problem["detail"]


@pytest.mark.parametrize("reference", ["999", "0", "nightly", "9" * 19, "-1"])
async def test_what_is_not_there_is_a_404(client: httpx2.AsyncClient, told: dict[str, Any], reference: str) -> None:
    assert_problem(await client.get(f"/v1/webhooks/{reference}"), 404)
    assert_problem(await client.post(f"/v1/webhooks/{reference}/redeliver"), 404)
