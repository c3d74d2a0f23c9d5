"""PATCH /v1/schedules/{id}."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule


async def test_what_is_given_changes_and_the_rest_stays(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    before = await a_schedule(name="n", labels={"a": "1"}, input_data={"x": 1, "y": 2}, description="old")

    answer = await client.patch("/v1/schedules/n", json={"input_data": {"x": 3}, "description": None, "priority": 9})

    after = answer.json()
    assert answer.status_code == 200
    assert (after["input_data"], after["description"], after["priority"]) == ({"x": 3}, None, 9)
    assert after["version"] == 2
    changing = {"input_data", "description", "priority", "version", "updated_at"}
    assert {field for field in before if before[field] != after[field]} == changing


@pytest.mark.parametrize("number", [2.0**63, -1e30, 1.5e300, 1.7976931348623157e308])
async def test_a_large_double_is_in_no_change_s_way(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, number: float
) -> None:
    """jsonb gives it back in digits, which are a whole number to any reader."""
    given = {"task_type": "report", "interval_seconds": 60, "input_data": {"x": [number]}, "labels": {}}
    await a_schedule(name="n", **given)

    changed = await client.patch("/v1/schedules/n", json={"priority": 7})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["priority"], changed.json()["version"]) == (7, 2)
    assert float(changed.json()["input_data"]["x"][0]) == number

    replaced = [await client.put("/v1/schedules/n", json={**given, "priority": 8}) for _ in range(2)]
    assert [answer.json()["version"] for answer in replaced] == [3, 3]


async def test_a_whole_number_that_no_double_is_kept_as_is_not_rounded_by_a_change(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    await db.execute("""UPDATE rowcall.schedules SET input_data = '{"x": 9223372036854775809}'""")
    answer = await client.patch("/v1/schedules/n", json={"priority": 7})
    assert faults(answer)["input_data.x"].startswith("must fit into 64 bits")
    assert (await client.get("/v1/schedules/n")).json()["input_data"] == {"x": 9223372036854775809}


async def test_a_change_of_policy_leaves_the_next_run_where_it_is(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    before = await a_schedule(name="n", cron_expression="0 0 1 1 *")
    after = (await client.patch("/v1/schedules/n", json={"max_retries": 0})).json()
    assert after["next_run_at"] == before["next_run_at"]


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"cron_expression": "0 0 1 1 *"}, "cron_expression"),
        ({"cron_fields": {"month": 1}}, "cron_fields"),
        ({"hours": 2}, "interval_seconds"),
        ({"scheduled_time": "2031-01-01T00:00:00Z"}, "scheduled_time"),
    ],
)
async def test_a_new_rule_takes_the_place_of_the_old_and_is_planned(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, rule: dict[str, Any], field: str
) -> None:
    before = await a_schedule(name="n", cron_fields={"second": "*/10"})

    after = (await client.patch("/v1/schedules/n", json=rule)).json()

    filled = [name for name in ("cron_expression", "cron_fields", "interval_seconds", "scheduled_time") if after[name]]
    assert filled == [field]
    assert after["status"] == "ACTIVE"
    assert after["next_run_at"] > before["next_run_at"]


async def test_the_whole_is_judged_again(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    answer = await client.patch("/v1/schedules/n", json={"overlap_policy": "allow", "timezone": "x", "cron": 1})
    assert set(faults(answer)) == {"max_instances", "timezone", "cron"}
    assert (await client.get("/v1/schedules/n")).json()["version"] == 1


async def test_a_change_to_what_it_was_changes_nothing(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    before = await a_schedule(name="n", timeout_seconds=5)
    with capture_logs() as lines:
        after = (await client.patch("/v1/schedules/n", json={"timeout_seconds": 5.0, "name": "n"})).json()
    assert after == before
    assert lines == []


async def test_it_is_renamed_unless_the_name_is_taken(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    await a_schedule(name="taken")
    assert_problem(await client.patch("/v1/schedules/n", json={"name": "taken"}), 409)
    assert (await client.patch("/v1/schedules/n", json={"name": "m"})).json()["name"] == "m"
    assert_problem(await client.get("/v1/schedules/n"), 404)


async def test_it_stays_with_its_client(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    created = await a_schedule(name="n", client_id="acme")
    url = f"/v1/schedules/{created['schedule_id']}"
    assert "don't change hands" in faults(await client.patch(url, json={"client_id": "other"}))["client_id"]
    assert (await client.patch(url, json={"client_id": None, "priority": 1})).json()["client_id"] == "acme"


async def test_an_etag_that_is_out_of_date_stops_the_change(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await a_schedule(name="n")
    read = (await client.get("/v1/schedules/n")).headers["etag"]

    first = await client.patch("/v1/schedules/n", json={"priority": 1}, headers={"If-Match": read})
    assert first.status_code == 200
    problem = assert_problem(
        await client.patch("/v1/schedules/n", json={"priority": 2}, headers={"If-Match": read}), 412
    )
    assert first.headers["etag"] in problem["detail"]
    again = {"If-Match": f'"other", {first.headers["etag"]}'}
    assert (await client.patch("/v1/schedules/n", json={"priority": 2}, headers=again)).status_code == 200


async def test_a_run_does_not_change_the_etag(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> None:
    await a_schedule(name="n")
    before = (await client.get("/v1/schedules/n")).headers["etag"]
    await db.execute("UPDATE rowcall.schedules SET total_runs = 1, last_run_at = now(), next_run_at = now()")
    assert (await client.get("/v1/schedules/n")).headers["etag"] == before


async def test_a_static_schedule_is_changed_in_its_code(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    await db.execute("UPDATE rowcall.schedules SET is_static = true, source = 'code:billing'")

    assert "code:billing" in assert_problem(await client.patch("/v1/schedules/n", json={"priority": 1}), 403)["detail"]
    assert_problem(await client.put("/v1/schedules/n", json={"task_type": "report", "minutes": 1}), 403)
    assert_problem(await client.delete("/v1/schedules/n"), 403)
    assert (await client.post("/v1/schedules/n/pause")).status_code == 200


async def test_a_deleted_one_is_not_changed_any_more(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    created = await a_schedule(name="n")
    await client.delete("/v1/schedules/n")
    assert_problem(await client.patch(f"/v1/schedules/{created['schedule_id']}", json={"priority": 1}), 409)
    assert_problem(await client.patch("/v1/schedules/n", json={"priority": 1}), 404)


async def test_a_completed_one_comes_back_with_a_new_rule(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n")
    await db.execute("UPDATE rowcall.schedules SET status = 'COMPLETED'")
    assert (await client.patch("/v1/schedules/n", json={"description": "x"})).json()["status"] == "COMPLETED"
    revived = (await client.patch("/v1/schedules/n", json={"cron_expression": "@daily"})).json()
    assert (revived["status"], revived["next_run_at"] is None) == ("ACTIVE", False)


async def test_a_paused_one_stays_paused(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    await client.post("/v1/schedules/n/pause", json={"reason": "freeze"})
    after = (await client.patch("/v1/schedules/n", json={"cron_expression": "@daily"})).json()
    assert (after["status"], after["status_reason"], after["next_run_at"]) == ("PAUSED", "freeze (by the API)", None)


async def test_a_row_that_came_by_sql_and_is_invalid_is_mended(
    client: httpx2.AsyncClient, tasks: list[str], db: Any
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, cron_expression, status, status_reason) "
        "VALUES ('odd', 'report', 'cron', 'every day', 'INVALID', 'bad')"
    )
    mended = (await client.patch("/v1/schedules/odd", json={"cron_expression": "@daily"})).json()
    assert (mended["status"], mended["status_reason"]) == ("ACTIVE", None)
    assert mended["next_run_at"] is not None


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_run_that_lies_ahead_of_an_older_interval_is_seen(
    client: httpx2.AsyncClient, tasks: list[str], db: Any, method: str
) -> None:
    weekly = {"task_type": tasks[0], "weeks": 1}
    assert (await client.put("/v1/schedules/n", json=weekly)).status_code == 201
    ends_at = datetime.now(UTC) + timedelta(days=3)
    fields = {**weekly, "ends_at": ends_at.isoformat()}
    refused = await client.request(method, "/v1/schedules/n", json=fields)
    assert "never run" in faults(refused)["ends_at"]

    await db.execute("UPDATE rowcall.schedules SET created_at = created_at - interval '5 days'")
    answer = await client.request(method, "/v1/schedules/n", json=fields)
    assert (answer.status_code, answer.json()["status"]) == (200, "ACTIVE")
    assert datetime.fromisoformat(answer.json()["next_run_at"]) < ends_at
