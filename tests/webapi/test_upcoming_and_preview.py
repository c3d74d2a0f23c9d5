"""GET /v1/schedules/{id}/upcoming and POST /v1/preview."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from rowcall.settings import Settings
from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule


async def upcoming(client: httpx2.AsyncClient, query: str = "") -> list[str]:
    answer = await client.get(f"/v1/schedules/n/upcoming{query}")
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["upcoming"]
    return found


async def test_the_next_five_are_named_unless_told_otherwise(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    created = await a_schedule(name="n", starts_at="2031-01-01T00:00:00Z", interval_seconds=3600)
    assert await upcoming(client) == [f"2031-01-01T0{hour}:00:00Z" for hour in range(5)]
    assert await upcoming(client, "?count=2") == ["2031-01-01T00:00:00Z", "2031-01-01T01:00:00Z"]
    assert created["next_occurrence_at"] == "2031-01-01T00:00:00Z"


async def test_a_preview_of_a_slot_is_that_of_the_schedule_of_this_name(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    rule = {"cron_expression": "H H * * *", "timezone": "Europe/London"}
    created = await a_schedule(name="n", **rule)
    told = (await client.post("/v1/preview", json={**rule, "name": "n"})).json()
    assert told["upcoming"] == await upcoming(client)
    assert told["description"] == created["trigger_description"]
    of_another = (await client.post("/v1/preview", json={**rule, "name": "n", "client_id": "shop"})).json()
    assert of_another["upcoming"] != told["upcoming"]

    nameless = (await client.post("/v1/preview", json=rule)).json()
    assert nameless["description"].endswith(
        ", Europe/London time; H is a slot that the schedule's name decides, and no name was given"
    )
    assert "name" in faults(await client.post("/v1/preview", json={**rule, "name": "a/b"}))


async def test_no_more_than_there_are(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n", scheduled_time="2031-01-01T00:00:00Z")
    assert await upcoming(client) == ["2031-01-01T00:00:00Z"]


async def test_no_more_than_max_executions_leave(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n", max_executions=3)
    await db.execute("UPDATE rowcall.schedules SET scheduled_runs = 1")
    assert len(await upcoming(client)) == 2


async def test_what_is_due_comes_first(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> None:
    await a_schedule(name="n", cron_expression="0 0 1 1 *")
    await db.execute("UPDATE rowcall.schedules SET next_occurrence_at = '2026-01-01Z', next_run_at = '2026-01-01Z'")
    assert await upcoming(client, "?count=2") == ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]


async def test_a_paused_schedule_has_nothing_coming(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    await client.post("/v1/schedules/n/pause")
    assert await upcoming(client) == []


async def test_a_row_that_nobody_has_looked_at_says_why_nothing_comes(client: httpx2.AsyncClient, db: Any) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, cron_expression) "
        "VALUES ('n', 'x', 'cron', 'every day')"
    )
    assert "cron_expression" in assert_problem(await client.get("/v1/schedules/n/upcoming"), 409)["detail"]


@pytest.mark.parametrize("count", ["0", "101", "x", ""])
async def test_the_count_has_bounds(client: httpx2.AsyncClient, a_schedule: CreateSchedule, count: str) -> None:
    await a_schedule(name="n")
    assert "count" in faults(await client.get(f"/v1/schedules/n/upcoming?count={count}"))
    assert_problem(await client.get("/v1/schedules/nobody/upcoming"), 404)


# ── preview ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "upcoming"),
    [
        (
            {"cron_expression": "0 9 * * MON-FRI", "timezone": "Europe/London", "after": "2026-03-27T12:00:00Z"},
            ["2026-03-30T08:00:00Z", "2026-03-31T08:00:00Z"],
        ),
        ({"cron_fields": {"hour": 9}, "after": "2026-03-01"}, ["2026-03-01T09:00:00Z", "2026-03-02T09:00:00Z"]),
        ({"interval_seconds": 90, "after": "2026-03-01T00:00:00Z"}, ["2026-03-01T00:01:30Z", "2026-03-01T00:03:00Z"]),
        (
            {"minutes": 1, "starts_at": "2026-03-01T00:00:00Z", "after": "2026-03-01T00:00:30Z"},
            ["2026-03-01T00:01:00Z", "2026-03-01T00:02:00Z"],
        ),
        (
            {"scheduled_time": "2031-07-01T09:00", "timezone": "Europe/London"},
            ["2031-07-01T08:00:00Z"],
        ),
        ({"scheduled_time": "2020-01-01T00:00:00Z"}, []),
        (
            {"cron_expression": "@daily", "after": "2026-03-01T01:00", "timezone": "America/New_York"},
            ["2026-03-02T05:00:00Z", "2026-03-03T05:00:00Z"],
        ),
    ],
)
async def test_a_rule_is_told_in_words_and_in_moments(
    client: httpx2.AsyncClient, rule: dict[str, Any], upcoming: list[str]
) -> None:
    answer = await client.post("/v1/preview", json={**rule, "count": 2})
    assert answer.status_code == 200, answer.text
    assert answer.json()["upcoming"] == upcoming
    assert answer.json()["description"]


async def test_five_from_now_on_where_nothing_is_said(client: httpx2.AsyncClient) -> None:
    assert len((await client.post("/v1/preview", json={"cron_expression": "* * * * *"})).json()["upcoming"]) == 5


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"schedule_type"}),
        ({"cron_expression": "0 0 31 2 *"}, {"cron_expression"}),
        ({"cron_expression": "@daily", "timezone": "Mars"}, {"timezone"}),
        (
            {"cron_expression": "@daily", "after": "soon", "timezone": "Mars", "count": 0},
            {"after", "timezone", "count"},
        ),
        ({"cron_expression": "@daily", "after": "0001-01-01", "count": 101}, {"count", "after"}),
        ({"cron_expression": "@daily", "task_type": "x"}, {"task_type"}),
    ],
)
async def test_a_rule_that_can_not_be_used_says_why(
    client: httpx2.AsyncClient, body: dict[str, Any], fields: set[str]
) -> None:
    assert set(faults(await client.post("/v1/preview", json=body))) == fields


class TestWhereRunsMustBeApart:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(min_interval_seconds=300)

    @pytest.mark.parametrize("rule", [{"cron_expression": "* * * * *"}, {"interval_seconds": 60}])
    async def test_a_rule_that_could_not_be_created_says_so(
        self, client: httpx2.AsyncClient, tasks: list[str], rule: dict[str, Any]
    ) -> None:
        told = faults(await client.post("/v1/preview", json=rule))
        assert told == faults(await client.post("/v1/schedules", json={"task_type": "report", **rule}))
        assert "this installation allows 300 s" in told[next(iter(rule))]
        assert (await client.post("/v1/preview", json={"cron_expression": "*/5 * * * *"})).status_code == 200
