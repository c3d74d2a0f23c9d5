"""PUT /v1/schedules/{id}: create or replace, for whoever keeps schedules in files."""

from __future__ import annotations

import asyncio

import httpx2

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule

DAILY = {"task_type": "report", "cron_expression": "@daily"}


async def test_a_name_that_is_new_is_created(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    answer = await client.put("/v1/schedules/n?client_id=acme", json=DAILY)
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["client_id"]) == ("n", "acme")
    assert (await client.get(answer.headers["location"])).json() == answer.json()


async def test_what_is_there_is_replaced_and_what_is_left_out_takes_its_default(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    before = await a_schedule(name="n", priority=9, labels={"a": "b"}, interval_seconds=60)

    answer = await client.put("/v1/schedules/n", json=DAILY)

    assert answer.status_code == 200
    after = answer.json()
    assert after["schedule_id"] == before["schedule_id"]
    assert (after["priority"], after["labels"], after["interval_seconds"]) == (5, {}, None)
    assert after["cron_expression"] == "@daily"


async def test_putting_twice_changes_nothing(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    first = await client.put("/v1/schedules/n", json=DAILY)
    second = await client.put("/v1/schedules/n", json=DAILY)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()


async def test_a_pause_survives_it(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    await client.put("/v1/schedules/n", json=DAILY)
    await client.post("/v1/schedules/n/pause")
    assert (await client.put("/v1/schedules/n", json={**DAILY, "priority": 1})).json()["status"] == "PAUSED"


async def test_by_id_the_name_and_the_client_stay_unless_given(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    url = f"/v1/schedules/{(await a_schedule(name='n', client_id='acme'))['schedule_id']}"
    after = (await client.put(url, json=DAILY)).json()
    assert (after["name"], after["client_id"]) == ("n", "acme")
    assert (await client.put(url, json={**DAILY, "name": "m"})).json()["name"] == "m"


async def test_an_id_is_not_created(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    assert_problem(await client.put("/v1/schedules/4711", json=DAILY), 404)


async def test_the_body_must_not_contradict_the_address(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    assert "name" in faults(await client.put("/v1/schedules/n", json={**DAILY, "name": "m"}))
    assert "client_id" in faults(await client.put("/v1/schedules/n", json={**DAILY, "client_id": "m"}))
    same = {**DAILY, "name": "n", "client_id": "default"}
    assert (await client.put("/v1/schedules/n", json=same)).status_code == 201


async def test_a_name_that_no_schedule_can_have_is_a_fault(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    assert "name" in faults(await client.put("/v1/schedules/%0A", json=DAILY))


async def test_if_none_match_only_creates(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    only_create = {"If-None-Match": "*"}
    assert (await client.put("/v1/schedules/n", json=DAILY, headers=only_create)).status_code == 201
    assert_problem(await client.put("/v1/schedules/n", json=DAILY, headers=only_create), 412)


async def test_if_match_only_replaces(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    assert_problem(await client.put("/v1/schedules/n", json=DAILY, headers={"If-Match": "*"}), 412)
    etag = (await client.put("/v1/schedules/n", json=DAILY)).headers["etag"]
    assert (await client.put("/v1/schedules/n", json=DAILY, headers={"If-Match": etag})).status_code == 200
    assert_problem(await client.put("/v1/schedules/n", json=DAILY, headers={"If-Match": '"0-0"'}), 412)


async def test_many_at_once_make_one_schedule(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    answers = await asyncio.gather(
        *(client.put("/v1/schedules/n", json={**DAILY, "priority": number % 10 + 1}) for number in range(12))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len((await client.get("/v1/schedules")).json()["schedules"]) == 1
