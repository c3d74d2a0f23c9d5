"""POST /v1/schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from rowcall.settings import Settings
from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule

DESIGNED = {
    "schedule_id",
    "client_id",
    "name",
    "description",
    "task_type",
    "capability_required",
    "input_data",
    "priority",
    "labels",
    "schedule_type",
    "cron_expression",
    "cron_fields",
    "interval_seconds",
    "scheduled_time",
    "timezone",
    "starts_at",
    "ends_at",
    "jitter_seconds",
    "status",
    "status_reason",
    "next_occurrence_at",
    "next_run_at",
    "last_run_at",
    "last_execution_id",
    "last_status",
    "total_runs",
    "successful_runs",
    "failed_runs",
    "max_executions",
    "grace_period_seconds",
    "coalesce",
    "catch_up_limit",
    "overlap_policy",
    "max_instances",
    "timeout_seconds",
    "max_retries",
    "retry_backoff_seconds",
    "callback_url",
    "callback_events",
    "is_static",
    "source",
    "created_at",
    "updated_at",
    "disabled_at",
    "version",
}


async def test_a_schedule_is_created_planned_and_found_where_location_says(
    client: httpx2.AsyncClient, tasks: list[str]
) -> None:
    answer = await client.post(
        "/v1/schedules", json={"task_type": "report", "cron_expression": "* * * * *", "name": "n"}
    )

    assert answer.status_code == 201
    created = answer.json()
    assert created["status"] == "ACTIVE"
    assert created["next_run_at"] == created["next_occurrence_at"]
    assert created["next_run_at"].endswith("00Z")
    assert created["source"] == "api"
    found = await client.get(answer.headers["location"])
    assert found.json() == created
    assert found.headers["etag"] == answer.headers["etag"]


async def test_it_is_shown_with_every_field_of_the_design(a_schedule: CreateSchedule) -> None:
    assert set(await a_schedule()) == DESIGNED | {"trigger_description"}


async def test_everything_given_is_kept(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    given: dict[str, Any] = {
        "client_id": "acme",
        "name": "näme with späces",
        "description": "line one\nline two",
        "task_type": "report",
        "capability_required": "report-v1",
        "input_data": {"deep": [1, 2.5, {"x": None}], "text": "…"},
        "priority": 10,
        "labels": {"team": "billing"},
        "schedule_type": "cron",
        "cron_fields": {"hour": 9, "minute": "*/30"},
        "timezone": "Europe/London",
        "starts_at": "2031-01-01T00:00:00Z",
        "ends_at": "2032-01-01T00:00:00Z",
        "jitter_seconds": 30,
        "max_executions": 5,
        "grace_period_seconds": 60,
        "coalesce": "all",
        "catch_up_limit": 3,
        "overlap_policy": "allow",
        "max_instances": 2,
        "timeout_seconds": 1.5,
        "max_retries": 0,
        "retry_backoff_seconds": 0.5,
        "callback_url": "https://example.org/hook",
        "callback_events": ["FAILED", "MISSED"],
    }

    created = (await client.post("/v1/schedules", json=given)).json()

    assert {field: created[field] for field in given} == given
    assert created["next_occurrence_at"] == "2031-01-01T09:00:00Z"
    assert created["trigger_description"]


async def test_a_name_is_made_up_from_the_task(a_schedule: CreateSchedule) -> None:
    created = await a_schedule()
    assert created["name"] == f"report-{created['schedule_id']}"


async def test_an_interval_in_parts_is_shown_in_seconds(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    created = (await client.post("/v1/schedules", json={"task_type": "report", "hours": 1, "minutes": 30})).json()
    assert (created["schedule_type"], created["interval_seconds"]) == ("interval", 5400)


async def test_a_one_time_schedule_runs_at_its_local_time(a_schedule: CreateSchedule) -> None:
    created = await a_schedule(scheduled_time="2031-07-01T09:00", timezone="America/New_York")
    assert created["next_run_at"] == created["scheduled_time"] == "2031-07-01T13:00:00Z"


async def test_the_settings_give_the_defaults(a_schedule: CreateSchedule, settings: Settings) -> None:
    created = await a_schedule()
    assert created["grace_period_seconds"] == settings.default_grace_period_seconds
    assert created["timezone"] == settings.default_timezone


@pytest.mark.parametrize("client_id", ["", False, 0, []])
async def test_a_client_that_is_none_is_a_fault_and_not_the_caller_s_own(
    client: httpx2.AsyncClient, tasks: list[str], client_id: object
) -> None:
    given = {"task_type": "report", "cron_expression": "@daily", "client_id": client_id}
    assert list(faults(await client.post("/v1/schedules", json=given))) == ["client_id"]


async def test_a_client_that_is_null_is_the_caller_s_own(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    created = await client.post(
        "/v1/schedules", json={"task_type": "report", "cron_expression": "@daily", "client_id": None}
    )
    assert (created.status_code, created.json()["client_id"]) == (201, "default")


async def test_a_name_that_is_taken_is_a_conflict(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    taken = await a_schedule(name="n")
    again = {"task_type": "report", "cron_expression": "@daily", "name": "n"}

    assert "name" in assert_problem(await client.post("/v1/schedules", json=again), 409)["detail"]
    assert (await client.post("/v1/schedules", json={**again, "client_id": "acme"})).status_code == 201
    await client.delete(f"/v1/schedules/{taken['schedule_id']}")
    assert (await client.post("/v1/schedules", json=again)).status_code == 201


async def test_every_fault_is_told_at_once_with_its_place(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    answer = await client.post(
        "/v1/schedules",
        json={"task_type": "reprot", "cron_fields": {"hour": 25}, "timezone": "Mars/Base", "prio": 1, "priority": 0},
    )

    assert set(faults(answer)) == {"task_type", "cron_fields.hour", "timezone", "prio", "priority"}
    pointers = {error["field"]: error["pointer"] for error in answer.json()["errors"]}
    assert pointers["cron_fields.hour"] == "/cron_fields/hour"


async def test_an_unknown_task_is_refused_with_the_known_ones_unless_allowed(
    client: httpx2.AsyncClient, tasks: list[str]
) -> None:
    body = {"task_type": "reprot", "cron_expression": "@daily"}

    told = faults(await client.post("/v1/schedules", json=body))["task_type"]
    assert "did you mean 'report'?" in told
    assert "email, http, report" in told
    allowed = await client.post("/v1/schedules", json={**body, "allow_unknown_task": True})
    assert allowed.status_code == 201
    assert "allow_unknown_task" not in allowed.json()


async def test_a_moment_in_the_past_is_refused(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    answer = await client.post("/v1/schedules", json={"task_type": "report", "scheduled_time": past})
    assert "must lie in the future" in faults(answer)["scheduled_time"]


@pytest.fixture
def hourly() -> Settings:
    return Settings(min_interval_seconds=3600, default_timezone="Europe/London", default_max_retries=0)


class TestWithItsOwnSettings:
    @pytest.fixture
    def settings(self, hourly: Settings) -> Settings:
        return hourly

    async def test_what_runs_too_often_is_refused(self, client: httpx2.AsyncClient, tasks: list[str]) -> None:
        for rule in ({"cron_expression": "*/5 * * * *"}, {"seconds": 59}, {"cron_fields": {"second": "*/5"}}):
            answer = await client.post("/v1/schedules", json={"task_type": "report", **rule})
            assert "3600 s" in next(iter(faults(answer).values()))

    async def test_they_give_the_defaults(self, a_schedule: CreateSchedule) -> None:
        created = await a_schedule(cron_expression="@daily")
        assert (created["timezone"], created["max_retries"]) == ("Europe/London", 0)


class TestWithSchedulesSwitchedOff:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(scheduler_enabled=False)

    async def test_what_asks_for_work_is_a_503_and_the_rest_answers(
        self, client: httpx2.AsyncClient, tasks: list[str]
    ) -> None:
        problem = assert_problem(await client.post("/v1/schedules", json={}), 503)
        assert problem["type"] == "urn:rowcall:problem:scheduler-disabled"
        assert_problem(await client.post("/v1/schedules/1/execute"), 503)
        assert_problem(await client.post("/v1/schedules/1/resume"), 503)
        assert (await client.get("/v1/schedules")).status_code == 200


async def test_a_creation_is_told_in_the_log(a_schedule: CreateSchedule) -> None:
    with capture_logs() as lines:
        created = await a_schedule(name="n")
    assert lines == [
        {
            "event": "schedule_create",
            "log_level": "info",
            "schedule_id": created["schedule_id"],
            "schedule": "n",
            "client_id": "default",
            "labels": {},
            "version": 1,
        }
    ]


async def test_a_made_up_name_whose_slot_never_comes_is_refused(client: httpx2.AsyncClient, tasks: list[str]) -> None:
    """`report-N` is known only when it is written, and decides the slot: some get 30 or 31 February."""
    rule = {"task_type": tasks[0], "cron_expression": "0 0 H(1-31) 2 *"}
    answers = [await client.post("/v1/schedules", json=rule) for _ in range(60)]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {answer.json()["status"] for answer in answers if answer not in refused} == {"ACTIVE"}
    assert refused
    for answer in refused:
        assert_problem(answer, 422)
        assert "give a name: the slots of H depend on it" in faults(answer)["name"]
