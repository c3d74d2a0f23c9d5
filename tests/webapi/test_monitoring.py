"""GET /v1/tasks, /v1/workers and /v1/stats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.webapi.answers import faults
from tests.webapi.conftest import CreateSchedule
from tests.webapi.ledger import a_row, a_worker, start


async def test_tasks_tell_how_many_live_workers_offer_them(
    client: httpx2.AsyncClient, tasks: list[str], db: Any
) -> None:
    await a_worker(db, "report", "report@v1", "email")
    await a_worker(db, "report")
    await a_worker(db, "http", silent_seconds=60)
    found = (await client.get("/v1/tasks")).json()["tasks"]
    assert [(task["task_type"], task["live_workers"]) for task in found] == [("email", 1), ("http", 0), ("report", 2)]


async def test_workers_tell_what_they_run_and_whether_they_live(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    running = (await client.post("/v1/schedules/n/execute")).json()["execution_id"]
    alive = await a_worker(db, "report", slots=3, name="alive:1")
    silent = await a_worker(db, "report", name="silent:1", silent_seconds=60)
    gone = await a_worker(db, "report", name="gone:1")
    await start(db, running, alive)
    await db.execute("UPDATE rowcall.workers SET status = 'STOPPED', ended_at = now() WHERE worker_id = $1", gone)

    found = (await client.get("/v1/workers")).json()["workers"]
    assert [(worker["worker_id"], worker["is_alive"], worker["running"]) for worker in found] == [
        (silent, False, 0),
        (alive, True, 1),
    ]
    assert found[1]["routes"] == ["report"]
    every = (await client.get("/v1/workers?include_ended=true")).json()["workers"]
    assert [worker["worker_id"] for worker in every] == [gone, silent, alive]


async def test_stats_of_an_empty_installation(client: httpx2.AsyncClient) -> None:
    found = (await client.get("/v1/stats")).json()
    assert (found["schedules"], found["executions"], found["due"], found["unroutable"]) == ({"ACTIVE": 0}, {}, [], [])
    assert (found["oldest_due_seconds"], found["workers"], found["running"]) == (0, 0, 0)


async def test_stats_count_what_stands_where(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> None:
    first = await a_schedule(name="a", cron_expression="@yearly")
    await a_schedule(name="b")
    await client.post("/v1/schedules/b/pause")
    now = datetime.now(UTC)
    await a_row(db, first["schedule_id"], now - timedelta(hours=2))
    await a_row(db, first["schedule_id"], now - timedelta(hours=1), "FAILED")
    await a_row(db, first["schedule_id"], now - timedelta(hours=30))
    ids = [(await client.post("/v1/schedules/a/execute")).json()["execution_id"] for _ in range(2)]
    await start(db, ids[0], await a_worker(db, "report", slots=7))

    found = (await client.get("/v1/stats")).json()

    assert found["schedules"] == {"ACTIVE": 1, "PAUSED": 1}
    assert found["executions"] == {"SUCCEEDED": 1, "FAILED": 1, "RUNNING": 1, "QUEUED": 1}
    assert (found["queued"], found["waiting"], found["running"]) == (0, 1, 1)
    assert (found["workers"], found["slots"]) == (1, 7)
    assert (await client.get("/v1/stats?hours=48")).json()["executions"]["SUCCEEDED"] == 2


async def test_what_nobody_can_run_is_shown_with_the_missing_name(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="a", capability_required="gpu", priority=9)
    await a_schedule(name="b", priority=2)
    await a_schedule(name="c", task_type="email", cron_expression="@yearly")
    await client.post("/v1/schedules/c/execute")
    await db.execute(
        "UPDATE rowcall.schedules SET next_run_at = now() - interval '90 seconds' WHERE name IN ('a', 'b')"
    )
    await a_worker(db, "report")

    found = (await client.get("/v1/stats")).json()

    assert {(due["route"], due["live_workers"]) for due in found["due"]} == {
        ("report", 1),
        ("report@gpu", 0),
        ("email", 0),
    }
    assert set(found["unroutable"]) == {"report@gpu", "email"}
    assert 90 <= found["oldest_due_seconds"] < 150


@pytest.mark.parametrize("query", ["hours=0", "hours=745", "hours=x"])
async def test_the_hours_have_bounds(client: httpx2.AsyncClient, query: str) -> None:
    assert "hours" in faults(await client.get(f"/v1/stats?{query}"))
