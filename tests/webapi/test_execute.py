"""POST /v1/schedules/{id}/execute: a run now."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule
from tests.webapi.ledger import a_worker, start

URL = "/v1/schedules/n/execute"


async def test_a_run_is_queued_and_found_where_location_says(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    created = await a_schedule(name="n", input_data={"a": 1}, priority=7, capability_required="v1")

    answer = await client.post(URL)

    assert answer.status_code == 201
    execution = answer.json()
    assert (await client.get(answer.headers["location"])).json() == execution
    shown = {field: execution[field] for field in ("schedule_id", "trigger", "status", "attempt", "fence", "priority")}
    assert shown == {
        "schedule_id": created["schedule_id"],
        "trigger": "manual",
        "status": "QUEUED",
        "attempt": 0,
        "fence": 0,
        "priority": 7,
    }
    assert (execution["task_type"], execution["capability_required"]) == ("report", "v1")
    assert execution["input_data"] == {"a": 1}
    assert execution["available_at"] == execution["scheduled_for"]


async def test_the_next_run_stays_when_it_is(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    before = await a_schedule(name="n", cron_expression="@yearly")
    await client.post(URL)
    assert (await client.get("/v1/schedules/n")).json() == before


async def test_it_lines_up_behind_what_is_open_unless_told_otherwise(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await a_schedule(name="n")
    first, second, third = [
        (await client.post(URL, json={"wait": wait})).json()["available_at"] for wait in (True, True, False)
    ]
    assert first is not None
    assert second is None
    assert third is not None


async def test_max_instances_leaves_room_for_more(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n", max_instances=2)
    available = [(await client.post(URL)).json()["available_at"] is not None for _ in range(3)]
    assert available == [True, True, False]


async def test_of_many_at_once_one_may_start(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> None:
    await a_schedule(name="n")
    answers = await asyncio.gather(*(client.post(URL) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions WHERE available_at IS NOT NULL") == 1
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 8


async def test_input_is_laid_over_field_by_field(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n", input_data={"a": 1, "b": {"x": 1}})
    execution = (await client.post(URL, json={"input_data": {"b": {"y": 2}, "c": None}})).json()
    assert execution["input_data"] == {"a": 1, "b": {"y": 2}, "c": None}
    assert (await client.get("/v1/schedules/n")).json()["input_data"] == {"a": 1, "b": {"x": 1}}


@pytest.mark.parametrize("field", ["url", "headers", "method"])
async def test_where_an_http_task_calls_is_never_replaced(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, field: str
) -> None:
    await a_schedule(name="n", task_type="http", input_data={"url": "https://example.org/"})
    assert f"input_data.{field}" in faults(await client.post(URL, json={"input_data": {field: "x", "body": 1}}))
    assert (await client.post(URL, json={"input_data": {"body": 1}})).status_code == 201


@pytest.mark.parametrize("task_type", ["sql", "shell"])
async def test_what_a_named_task_runs_is_never_replaced(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, task_type: str
) -> None:
    await a_schedule(name="n", task_type=task_type, input_data={"name": "one"}, allow_unknown_task=True)
    answer = await client.post(URL, json={"input_data": {"name": "another"}})
    told = f"name of the task {task_type} can't be replaced here; change the schedule"
    assert faults(answer) == {"input_data.name": told}
    ran = await client.post(URL, json={"input_data": {"parameters": {"a": 1}}})
    assert ran.json()["input_data"] == {"name": "one", "parameters": {"a": 1}}
    await a_schedule(name="m", input_data={"name": "one"})
    assert (await client.post("/v1/schedules/m/execute", json={"input_data": {"name": "two"}})).status_code == 201


@pytest.mark.parametrize("body", [{"input_data": []}, {"input_data": {"a": 10**30}}, {"wait": "no"}, {"extra": 1}])
async def test_bodies_are_judged(client: httpx2.AsyncClient, a_schedule: CreateSchedule, body: dict[str, Any]) -> None:
    await a_schedule(name="n")
    assert len(faults(await client.post(URL, json=body))) == 1
    assert (await client.get("/v1/executions")).json()["executions"] == []


async def test_a_paused_and_a_completed_schedule_can_be_run(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    await client.post("/v1/schedules/n/pause")
    assert (await client.post(URL)).status_code == 201
    await db.execute("UPDATE rowcall.schedules SET status = 'COMPLETED'")
    assert (await client.post(URL)).status_code == 201


async def test_a_deleted_and_an_invalid_one_can_not(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    created = await a_schedule(name="n")
    await db.execute("UPDATE rowcall.schedules SET status = 'INVALID', status_reason = 'bad rule'")
    assert "INVALID: bad rule" in assert_problem(await client.post(URL), 409)["detail"]
    await client.delete("/v1/schedules/n")
    assert_problem(await client.post(f"/v1/schedules/{created['schedule_id']}/execute"), 409)
    assert_problem(await client.post(URL), 404)


async def test_the_day_is_made_where_no_worker_made_it(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    for name in await db.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'rowcall.schedule_executions'::regclass"
    ):
        await db.execute(f"DROP TABLE {name[0]}")
    assert (await client.post(URL)).status_code == 201


async def test_workers_are_woken(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> None:
    await a_schedule(name="n")
    heard: asyncio.Queue[str] = asyncio.Queue()
    await db.add_listener("rowcall", lambda *told: heard.put_nowait(told[3]))
    await client.post(URL)
    assert await asyncio.wait_for(heard.get(), 20) == "look"


# ── cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_queued_is_cancelled_at_once(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    queued = (await client.post(URL)).json()["execution_id"]

    answer = await client.post(f"/v1/executions/{queued}/cancel")

    assert answer.status_code == 200
    cancelled = answer.json()
    assert (cancelled["status"], cancelled["reason"]) == ("CANCELLED", "cancelled by the API")
    assert cancelled["finished_at"]
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 0


async def test_cancelling_what_is_in_front_lets_the_next_one_go(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await a_schedule(name="n")
    front, behind = [(await client.post(URL)).json()["execution_id"] for _ in range(2)]
    await client.post(f"/v1/executions/{front}/cancel")
    assert (await client.get(f"/v1/executions/{behind}")).json()["available_at"] is not None


async def test_of_what_runs_the_end_is_requested_once(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    running = (await client.post(URL)).json()["execution_id"]
    await start(db, running, await a_worker(db, "report"))
    heard: asyncio.Queue[str] = asyncio.Queue()
    await db.add_listener("rowcall", lambda *told: heard.put_nowait(told[3]))

    first = await client.post(f"/v1/executions/{running}/cancel")
    second = await client.post(f"/v1/executions/{running}/cancel")

    assert (first.status_code, first.json()["status"]) == (202, "RUNNING")
    assert second.json() == first.json()
    asked_at = await db.fetchval("SELECT cancel_requested_at FROM rowcall.open_executions")
    assert first.json()["cancel_requested_at"] == asked_at.isoformat().replace("+00:00", "Z")
    assert await asyncio.wait_for(heard.get(), 20) == "cancel"
    assert heard.empty()


async def test_what_is_final_is_not_cancelled(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    queued = (await client.post(URL)).json()["execution_id"]
    await client.post(f"/v1/executions/{queued}/cancel")
    assert "CANCELLED already" in assert_problem(await client.post(f"/v1/executions/{queued}/cancel"), 409)["detail"]


@pytest.mark.parametrize("reference", ["999", "abc", "-1", "9" * 19, "9" * 30, "%00", "1.0"])
async def test_what_is_not_there_is_not_found(client: httpx2.AsyncClient, reference: str) -> None:
    assert_problem(await client.post(f"/v1/executions/{reference}/cancel"), 404)
    assert_problem(await client.get(f"/v1/executions/{reference}"), 404)


async def test_a_cancel_takes_no_fields(client: httpx2.AsyncClient) -> None:
    assert "why" in faults(await client.post("/v1/executions/1/cancel", json={"why": "x"}))
