"""GET /v1/schedules/{id}: by id and by name."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule


@pytest.mark.parametrize("name", ["plain", "with späce & ümlaut", "dot.ted", "?#%", "٣٤", "0x10", "-5", "..."])
async def test_it_is_found_by_its_name(client: httpx2.AsyncClient, a_schedule: CreateSchedule, name: str) -> None:
    created = await a_schedule(name=name)
    assert (await client.get(f"/v1/schedules/{quote(name, safe='')}")).json() == created


async def test_names_belong_to_clients(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    created = await a_schedule(name="n", client_id="acme")
    assert_problem(await client.get("/v1/schedules/n"), 404)
    assert (await client.get("/v1/schedules/n?client_id=acme")).json() == created
    assert (await client.get(f"/v1/schedules/{created['schedule_id']}")).json() == created


@pytest.mark.parametrize(
    "reference",
    [
        "nobody",
        "999999",
        "9223372036854775807",
        "9223372036854775808",
        "9" * 400,
        "%00",
        "%ED%A0%80",
        "a%2Fb",
        "x" * 5000,
    ],
)
async def test_what_nobody_created_is_not_found(client: httpx2.AsyncClient, reference: str) -> None:
    assert_problem(await client.get(f"/v1/schedules/{reference}"), 404)


async def test_a_deleted_one_is_still_shown_by_its_id(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    created = await a_schedule(name="n")
    await client.delete("/v1/schedules/n")

    assert_problem(await client.get("/v1/schedules/n"), 404)
    shown = (await client.get(f"/v1/schedules/{created['schedule_id']}")).json()
    assert shown["status"] == "DISABLED"
    assert shown["disabled_at"]


async def test_a_row_that_can_not_be_scheduled_is_shown_all_the_same(client: httpx2.AsyncClient, db: Any) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, cron_expression, timezone, labels, input_data, "
        "status, status_reason) VALUES ('odd', 'x', 'cron', 'every day', 'Mars/Base', '{\"a\": {\"b\": [1]}}', "
        "('{\"huge\": 1' || repeat('0', 5000) || ', \"real\": 1' || repeat('0', 400) || '.5}')::jsonb, "
        "'INVALID', 'bad')"
    )
    answer = await client.get("/v1/schedules/odd")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["trigger_description"] is None
    assert shown["labels"] == {"a": {"b": [1]}}
    assert shown["input_data"] == {"huge": "1" + "0" * 5000, "real": "1" + "0" * 400 + ".5"}


async def test_a_misspelt_parameter_is_named(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/schedules/n?clientid=acme")
    assert "did you mean 'client_id'?" in faults(answer)["clientid"]
    assert answer.json()["errors"][0]["pointer"] is None


async def test_head_is_answered_like_get(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    assert (await client.head("/v1/schedules/n")).status_code == 200
