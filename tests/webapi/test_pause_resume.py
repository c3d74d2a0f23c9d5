"""POST /v1/schedules/{id}/pause and /resume."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule


async def test_a_pause_says_who_and_why(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    paused = (await client.post("/v1/schedules/n/pause", json={"reason": "deploy freeze"})).json()
    assert (paused["status"], paused["status_reason"]) == ("PAUSED", "deploy freeze (by the API)")
    assert (paused["next_run_at"], paused["next_occurrence_at"]) == (None, None)


async def test_a_reason_is_not_needed(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    assert (await client.post("/v1/schedules/n/pause")).json()["status_reason"] == "by the API"


async def test_pausing_again_keeps_the_reason_or_takes_the_new_one(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await a_schedule(name="n")
    first = (await client.post("/v1/schedules/n/pause", json={"reason": "one"})).json()
    assert (await client.post("/v1/schedules/n/pause")).json() == first
    assert (await client.post("/v1/schedules/n/pause", json={"reason": "two"})).json()[
        "status_reason"
    ] == "two (by the API)"


async def test_resuming_goes_on_with_the_next_occurrence(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await a_schedule(name="n", cron_expression="0 0 1 1 *")
    await client.post("/v1/schedules/n/pause")
    resumed = (await client.post("/v1/schedules/n/resume")).json()
    assert (resumed["status"], resumed["status_reason"]) == ("ACTIVE", None)
    assert resumed["next_run_at"].endswith("-01-01T00:00:00Z")
    assert (await client.post("/v1/schedules/n/resume")).json() == resumed


async def test_the_paused_span_is_answered_for_with_the_reason(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    created = await a_schedule(name="n")
    await client.post("/v1/schedules/n/pause", json={"reason": "freeze"})
    # As if the pause had begun an hour ago: the schedule and its versions are moved back in time.
    async with db.transaction():
        await db.execute("UPDATE rowcall.schedules SET created_at = created_at - interval '2 hours'")
        await db.execute(
            "UPDATE rowcall.schedule_versions SET valid_from = valid_from - "
            "CASE status WHEN 'PAUSED' THEN interval '1 hour' ELSE interval '1 hour 1 second' END"
        )

    await client.post("/v1/schedules/n/resume")

    page = (await client.get(f"/v1/schedules/{created['schedule_id']}/executions?status=SKIPPED")).json()["executions"]
    assert "paused: freeze (by the API)" in [row["reason"] for row in page]


async def test_what_is_over_can_not_be_paused_or_resumed(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    created = await a_schedule(name="n")
    url = f"/v1/schedules/{created['schedule_id']}"
    await db.execute("UPDATE rowcall.schedules SET status = 'COMPLETED', status_reason = 'limit'")
    assert "COMPLETED (limit)" in assert_problem(await client.post(f"{url}/pause"), 409)["detail"]
    assert_problem(await client.post(f"{url}/resume"), 409)
    await client.delete(url)
    assert_problem(await client.post(f"{url}/pause"), 409)
    assert_problem(await client.post(f"{url}/resume"), 409)
    assert_problem(await client.post("/v1/schedules/n/resume"), 404)


async def test_resuming_an_invalid_one_looks_at_it_again(client: httpx2.AsyncClient, db: Any) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, cron_expression, status, status_reason) VALUES "
        "('good', 'x', 'cron', '@daily', 'INVALID', 'once'), ('bad', 'x', 'cron', 'every day', 'INVALID', 'once')"
    )
    assert (await client.post("/v1/schedules/good/resume")).json()["status"] == "ACTIVE"
    bad = (await client.post("/v1/schedules/bad/resume")).json()
    assert bad["status"] == "INVALID"
    assert bad["status_reason"].startswith("cron_expression")


async def test_bodies_are_judged(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    assert set(faults(await client.post("/v1/schedules/n/pause", json={"reason": 5, "why": "x"}))) == {"reason", "why"}
    assert "reason" in faults(await client.post("/v1/schedules/n/pause", json={"reason": "\0"}))
    assert set(faults(await client.post("/v1/schedules/n/resume", json={"reason": "x"}))) == {"reason"}
    assert (await client.get("/v1/schedules/n")).json()["status"] == "ACTIVE"


async def test_what_is_deleted_is_not_resumed(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    schedule_id = (await a_schedule(name="n"))["schedule_id"]
    await client.delete("/v1/schedules/n")

    problem = assert_problem(await client.post(f"/v1/schedules/{schedule_id}/resume"), 409)

    assert problem["detail"] == f"schedule {schedule_id} is deleted; create a new one"
