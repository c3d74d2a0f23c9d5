"""POST /v1/schedules/{id}/backfill and /v1/backfills."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule

URL = "/v1/schedules/n/backfill"
RANGE = {"since": "2026-03-02T00:00:00", "until": "2026-03-05T00:00:00"}
ZONE = "America/New_York"


@pytest.fixture
async def daily(a_schedule: CreateSchedule) -> dict[str, Any]:
    return await a_schedule(name="n", cron_expression="0 9 * * *", timezone=ZONE)


async def started(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(URL, json={**RANGE, **fields})
    assert answer.status_code == 201, answer.text
    backfill: dict[str, Any] = answer.json()
    return backfill


async def test_a_dry_run_tells_what_would_run_and_writes_nothing(
    client: httpx2.AsyncClient, daily: dict[str, Any]
) -> None:
    answer = await client.post(URL, json={**RANGE, "dry_run": True})
    assert answer.status_code == 200
    assert answer.json() == {
        "schedule_id": daily["schedule_id"],
        "since": "2026-03-02T05:00:00Z",
        "until": "2026-03-05T05:00:00Z",
        "total": 3,
        "first": "2026-03-02T14:00:00Z",
        "last": "2026-03-04T14:00:00Z",
        "already_answered": 0,
    }
    assert (await client.get("/v1/backfills")).json() == {"backfills": [], "next_cursor": None}


async def test_a_range_without_occurrences_can_be_tried_and_not_started(
    client: httpx2.AsyncClient, daily: dict[str, Any]
) -> None:
    empty = {"since": "2026-03-02T10:00:00", "until": "2026-03-02T11:00:00"}
    tried = (await client.post(URL, json={**empty, "dry_run": True})).json()
    assert (tried["total"], tried["first"], tried["last"]) == (0, None, None)
    assert "no occurrence" in faults(await client.post(URL, json=empty))["since"]


async def test_a_backfill_is_found_where_location_says(client: httpx2.AsyncClient, daily: dict[str, Any]) -> None:
    answer = await client.post(URL, json={**RANGE, "rate_per_minute": 30, "max_concurrent": 2, "reason": " a fix "})
    assert answer.status_code == 201
    backfill = answer.json()
    assert (await client.get(answer.headers["location"])).json() == backfill
    shown = {name: backfill[name] for name in backfill.keys() - {"backfill_id", "created_at"}}
    assert shown == {
        "schedule_id": daily["schedule_id"],
        "schedule_name": "n",
        "since": "2026-03-02T05:00:00Z",
        "until": "2026-03-05T05:00:00Z",
        "rate_per_minute": 30,
        "max_concurrent": 2,
        "status": "RUNNING",
        "status_reason": None,
        "requested_by": "the API",
        "reason": "a fix",
        "total": 3,
        "already_answered": 0,
        "enqueued": 0,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
        "open": 0,
        "last_fed_at": None,
        "finished_at": None,
    }


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({"since": None}, {"since"}),
        ({"since": "yesterday", "until": "now"}, {"since", "until"}),
        ({"since": 5}, {"since"}),
        ({"until": "2900-01-01T00:00:00Z"}, {"until"}),
        ({"until": "2026-03-02T00:00:00"}, {"until"}),
        ({"rate_per_minute": 0}, {"rate_per_minute"}),
        ({"rate_per_minute": 60001}, {"rate_per_minute"}),
        ({"max_concurrent": 0, "dry_run": "yes"}, {"max_concurrent", "dry_run"}),
        ({"reason": "x" * 501}, {"reason"}),
        ({"input_data": {}}, {"input_data"}),
    ],
)
async def test_what_can_not_be_is_refused_with_all_its_faults(
    client: httpx2.AsyncClient, daily: dict[str, Any], fields: dict[str, Any], faulty: set[str]
) -> None:
    given = {name: value for name, value in {**RANGE, **fields}.items() if value is not None}
    assert faults(await client.post(URL, json=given)).keys() == faulty


async def test_a_range_with_too_many_occurrences_says_how_far_it_may_go(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await a_schedule(name="n", interval_seconds=1, starts_at="2026-03-02T00:00:00Z")
    now = datetime.fromisoformat((await client.get("/v1/schedules/n")).json()["created_at"])
    sooner = await a_schedule(name="dense", cron_fields={"second": "*"})
    since = now - timedelta(days=2)
    answer = await client.post(
        f"/v1/schedules/{sooner['schedule_id']}/backfill",
        json={"since": since.isoformat(), "until": now.isoformat(), "dry_run": True},
    )
    assert "more than 100000 occurrences" in faults(answer)["until"]


async def test_a_schedule_that_can_not_run_is_a_conflict(
    client: httpx2.AsyncClient, daily: dict[str, Any], db: Any
) -> None:
    await db.execute("UPDATE rowcall.schedules SET status = 'INVALID', status_reason = 'no such zone'")
    assert "no such zone" in assert_problem(await client.post(URL, json=RANGE), 409)["detail"]
    await client.delete("/v1/schedules/n")
    url = f"/v1/schedules/{daily['schedule_id']}/backfill"
    assert "DISABLED" in assert_problem(await client.post(url, json=RANGE), 409)["detail"]
    assert_problem(await client.post("/v1/schedules/none/backfill", json=RANGE), 404)


async def test_backfills_are_listed_in_pages_and_filtered(
    client: httpx2.AsyncClient, daily: dict[str, Any], a_schedule: CreateSchedule
) -> None:
    ids = [(await started(client))["backfill_id"] for _ in range(3)]
    other = await a_schedule(name="other")
    await client.post(f"/v1/backfills/{ids[0]}/cancel")

    async def listed(**query: Any) -> list[int]:
        answer = (await client.get("/v1/backfills", params=query)).json()
        return [backfill["backfill_id"] for backfill in answer["backfills"]]

    assert await listed() == ids[::-1]
    assert await listed(status="CANCELLED") == ids[:1]
    assert await listed(schedule_id=daily["schedule_id"], status=["RUNNING", "DONE"]) == ids[:0:-1]
    assert await listed(schedule_id=other["schedule_id"]) == []
    page = await client.get("/v1/backfills?limit=2")
    assert [backfill["backfill_id"] for backfill in page.json()["backfills"]] == ids[:0:-1]
    rest = await client.get(page.links["next"]["url"])
    assert [backfill["backfill_id"] for backfill in rest.json()["backfills"]] == ids[:1]
    assert rest.json()["next_cursor"] is None


async def test_a_backfill_is_cancelled_once(client: httpx2.AsyncClient, daily: dict[str, Any]) -> None:
    url = f"/v1/backfills/{(await started(client))['backfill_id']}"
    cancelled = (await client.post(f"{url}/cancel")).json()
    assert (cancelled["status"], cancelled["status_reason"]) == ("CANCELLED", "cancelled by the API")
    assert cancelled["finished_at"] is not None
    assert "CANCELLED already" in assert_problem(await client.post(f"{url}/cancel"), 409)["detail"]
    assert (await client.get(url)).json() == cancelled


@pytest.mark.parametrize("given", ["4711", "9" * 19, "9" * 20, "x", "-1"])
async def test_what_is_not_there_is_a_404(client: httpx2.AsyncClient, given: str) -> None:
    assert_problem(await client.get(f"/v1/backfills/{given}"), 404)
    assert_problem(await client.post(f"/v1/backfills/{given}/cancel"), 404)


async def test_deleting_the_schedule_cancels_it(client: httpx2.AsyncClient, daily: dict[str, Any]) -> None:
    backfill = await started(client)
    await client.delete("/v1/schedules/n")
    shown = (await client.get(f"/v1/backfills/{backfill['backfill_id']}")).json()
    assert (shown["status"], shown["status_reason"]) == ("CANCELLED", "disabled: the schedule was deleted")


async def test_a_grace_of_nothing_is_refused(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    given = {"task_type": "report", "interval_seconds": 60, "grace_period_seconds": 0}
    assert faults(await client.post("/v1/schedules", json=given)).keys() == {"grace_period_seconds"}
