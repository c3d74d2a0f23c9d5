"""If-Match: two people edit one schedule, and neither undoes the other's work unseen."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from tests.webapi.answers import assert_problem
from tests.webapi.conftest import CreateSchedule

RANGE = {"since": "2026-01-02T00:00:00Z", "until": "2026-01-04T00:00:00Z"}
CHANGES = [
    ("PATCH", "", {"priority": 7}),
    ("PUT", "", {"task_type": "report", "cron_expression": "@daily"}),
    ("DELETE", "", None),
    ("POST", "/pause", {}),
    ("POST", "/resume", {}),
    ("POST", "/execute", {}),
    ("POST", "/backfill", RANGE),
]


async def test_of_two_people_who_edit_one_schedule_one_gets_412(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await a_schedule(name="n")
    etag = (await client.get("/v1/schedules/n")).headers["etag"]

    answers = await asyncio.gather(
        *(
            client.patch("/v1/schedules/n", json={"priority": priority}, headers={"If-Match": etag})
            for priority in (7, 8)
        )
    )

    done, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert done.status_code == 200
    assert_problem(refused, 412)
    now = await client.get("/v1/schedules/n")
    assert now.json()["priority"] == done.json()["priority"]
    assert now.headers["etag"] == done.headers["etag"] != etag


@pytest.mark.parametrize(("method", "action", "body"), CHANGES)
async def test_every_change_heeds_if_match(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, method: str, action: str, body: dict[str, object] | None
) -> None:
    await a_schedule(name="n", starts_at="2026-01-01T00:00:00Z", interval_seconds=86400)
    before = await client.get("/v1/schedules/n")
    headers = {"If-Match": '"0-0", W/' + before.headers["etag"]}  # a weak one is not enough to change something

    answer = await client.request(method, f"/v1/schedules/n{action}", json=body, headers=headers)

    assert_problem(answer, 412)
    assert (await client.get("/v1/schedules/n")).json() == before.json()
    assert (await client.get("/v1/executions")).json()["executions"] == []


@pytest.mark.parametrize(("method", "action", "body"), CHANGES)
@pytest.mark.parametrize("tag", ["*", "{etag}", 'W/{etag}, "0-0"'])
async def test_no_change_is_made_to_a_state_that_if_none_match_names(
    client: httpx2.AsyncClient,
    a_schedule: CreateSchedule,
    method: str,
    action: str,
    body: dict[str, object] | None,
    tag: str,
) -> None:
    await a_schedule(name="n", starts_at="2026-01-01T00:00:00Z", interval_seconds=86400)
    before = await client.get("/v1/schedules/n")
    headers = {"If-None-Match": tag.format(etag=before.headers["etag"])}

    assert_problem(await client.request(method, f"/v1/schedules/n{action}", json=body, headers=headers), 412)

    assert (await client.get("/v1/schedules/n")).json() == before.json()


async def test_why_an_etag_does_not_match_is_told(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    etag = (await client.get("/v1/schedules/n")).headers["etag"]
    told = {etag.strip('"'): "stands in quotes", f"W/{etag}": "a weak ETag", '"0-0"': "has changed meanwhile"}

    for given, why in told.items():
        answer = await client.patch("/v1/schedules/n", json={"priority": 7}, headers={"If-Match": given})
        detail = assert_problem(answer, 412)["detail"]
        assert why in detail
        assert etag in detail


@pytest.mark.parametrize(("method", "action", "body"), CHANGES[:-1])
async def test_every_change_is_made_to_the_state_it_was_made_for(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, method: str, action: str, body: dict[str, object] | None
) -> None:
    await a_schedule(name="n")
    headers = {"If-Match": (await client.get("/v1/schedules/n")).headers["etag"]}

    answer = await client.request(method, f"/v1/schedules/n{action}", json=body, headers=headers)

    assert answer.is_success, answer.text
