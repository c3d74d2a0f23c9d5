"""DELETE /v1/schedules/{id}: the history stays."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.webapi.answers import assert_problem
from tests.webapi.conftest import CreateSchedule
from tests.webapi.ledger import a_worker, start


async def test_it_is_gone_from_lists_and_its_history_stays(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    url = f"/v1/schedules/{(await a_schedule(name='n'))['schedule_id']}"
    await client.post(f"{url}/execute")

    answer = await client.delete("/v1/schedules/n")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get("/v1/schedules")).json()["schedules"] == []
    assert (await client.get(url)).json()["next_run_at"] is None
    assert len((await client.get(f"{url}/executions")).json()["executions"]) == 1


async def test_what_is_queued_is_cancelled_and_what_runs_goes_on(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    running, available, waiting = [
        (await client.post("/v1/schedules/n/execute", json={"wait": wait})).json()["execution_id"]
        for wait in (True, False, True)
    ]
    await start(db, running, await a_worker(db, "report"))

    await client.delete("/v1/schedules/n")

    found = {number: (await client.get(f"/v1/executions/{number}")).json() for number in (running, available, waiting)}
    assert [found[number]["status"] for number in found] == ["RUNNING", "CANCELLED", "CANCELLED"]
    assert found[waiting]["reason"] == "disabled: the schedule was deleted"
    assert found[waiting]["finished_at"]
    assert await db.fetchval("SELECT array_agg(execution_id) FROM rowcall.open_executions") == [running]


async def test_deleting_twice_is_fine_by_id_and_not_found_by_name(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    url = f"/v1/schedules/{(await a_schedule(name='n'))['schedule_id']}"
    assert (await client.delete(url)).status_code == 204
    first = (await client.get(url)).json()
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(url)).json() == first
    assert_problem(await client.delete("/v1/schedules/n"), 404)


async def test_if_match_guards_it(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    assert_problem(await client.delete("/v1/schedules/n", headers={"If-Match": '"0-0"'}), 412)
    etag = (await client.get("/v1/schedules/n")).headers["etag"]
    assert (await client.delete("/v1/schedules/n", headers={"If-Match": etag})).status_code == 204
