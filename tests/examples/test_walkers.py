"""examples/walkers: walks that stand in the code, and walks that users add; who sees and may change what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowcall.domain.access import Scope
from tests.examples.conftest import MakeKey, Serve, Service, Start
from tests.folders import short_lived_folder
from tests.programs import ROWCALL, Program

SOMEDAY = {"cron_expression": "0 0 1 1 *"}
RULES: list[tuple[dict[str, Any], str]] = [
    ({"weeks": 1, "days": 1}, "Every week and 1 day"),
    ({"hours": 1, "minutes": 30}, "Every hour and 30 minutes"),
    ({"seconds": 45}, "Every 45 seconds"),
    (
        {"cron_expression": "30 6 * * MON-FRI", "timezone": "Europe/Rome"},
        "At 06:30, Monday to Friday, Europe/Rome time",
    ),
    ({"cron_fields": {"day_of_week": "mon", "hour": 9, "minute": 5, "second": 10}}, "At 09:05:10, on Monday"),
    (
        {"cron_fields": {"year": 2099, "week": 2, "day_of_week": "tue", "hour": 9}},
        "At 09:00, on Tuesday, in ISO week 2, in 2099",
    ),
    (
        {"cron_fields": {"year": 2099, "month": 2, "day": "last", "hour": 9}},
        "At 09:00, on the last day of the month, in February, in 2099",
    ),
]


@pytest.fixture
def service(serve: Serve) -> Service:
    return serve("walkers", "--app", "walkers:app", ROWCALL_AUTH="keys", WALKERS_PATROL_SECONDS="1")


@pytest.fixture
async def ada(service: Service, make_key: MakeKey) -> Service:
    """The service, as the user Ada sees it."""
    return service.bearing(await make_key("ada"))


@pytest.fixture
async def grace(service: Service, make_key: MakeKey) -> Service:
    return service.bearing(await make_key("grace"))


async def test_walks_in_the_code_are_there_and_run_by_themselves(service: Service, make_key: MakeKey) -> None:
    operator = service.bearing(await make_key("default", Scope.ADMIN))
    patrol, census = (operator.get(f"/v1/schedules/{name}") for name in ("patrol", "census"))
    assert (patrol["is_static"], patrol["source"], patrol["interval_seconds"]) == (True, "walkers", 1)
    assert census["trigger_description"] == "At 04:00, on Sunday, Europe/London time"
    ran = await operator.first("patrol", trigger="schedule")
    assert ran["result_data"] == {"walker": "walk", "visited": ["athens", "rome"]}


async def test_a_user_adds_walks_by_every_kind_of_rule_and_changes_and_pauses_them(ada: Service) -> None:
    for number, (rule, description) in enumerate(RULES):
        created = ada.create(f"walk-{number}", task_type="walk", input_data={"start": "oslo"}, **rule)
        assert created["next_run_at"] is not None
        assert created["trigger_description"] == description

    changed = ada.ask("PATCH", "/v1/schedules/walk-0", {"input_data": {"start": "rome", "steps": 0}})
    assert (changed["version"], changed["trigger_description"]) == (2, "Every week and 1 day")
    assert (await ada.run("walk-0"))["result_data"]["visited"] == ["rome"]
    assert ada.post("/v1/schedules/walk-0/pause")["status"] == "PAUSED"
    assert ada.post("/v1/schedules/walk-0/resume")["status"] == "ACTIVE"


async def test_a_walk_at_a_run_date_is_made_once_and_is_over(ada: Service) -> None:
    in_a_moment = datetime.now(UTC) + timedelta(seconds=2)
    ada.create("tour", task_type="walk", input_data={"start": "london"}, scheduled_time=in_a_moment.isoformat())
    in_oslo = ada.create("later", task_type="walk", scheduled_time="2099-07-01T09:00:00", timezone="Europe/Oslo")
    assert in_oslo["next_run_at"] == "2099-07-01T07:00:00Z"

    ran = await ada.first("tour")
    assert datetime.fromisoformat(ran["scheduled_for"]) == in_a_moment
    assert ran["result_data"]["visited"] == ["london", "paris", "oslo", "rome", "athens"]
    assert ada.get("/v1/schedules/tour")["status"] == "COMPLETED"


async def test_users_see_their_own_walks_and_those_in_the_code(ada: Service, grace: Service) -> None:
    ada.create("mine", task_type="walk", **SOMEDAY)
    grace.create("hers", task_type="walk", **SOMEDAY)
    assert sorted(ada.names()) == ["census", "mine", "patrol"]
    assert sorted(grace.names()) == ["census", "hers", "patrol"]
    assert sorted(grace.names(is_static=True)) == ["census", "patrol"]


async def test_what_may_not_be_or_makes_no_sense_is_refused_as_what_it_is(ada: Service, grace: Service) -> None:
    [patrol] = [each for each in ada.get("/v1/schedules")["schedules"] if each["name"] == "patrol"]
    static = f"/v1/schedules/{patrol['schedule_id']}"
    for method, body in (("PATCH", {"priority": 9}), ("DELETE", None)):
        assert "static" in ada.ask(method, static, body, status=403)["detail"]
    hers = grace.create("hers", task_type="walk", **SOMEDAY)
    for there_is_none in ("nowhere", "4711", hers["schedule_id"]):
        ada.ask("GET", f"/v1/schedules/{there_is_none}", status=404)
    unknown = ada.post("/v1/schedules", {"task_type": "wolk", **SOMEDAY}, status=422)
    assert "did you mean 'walk'" in unknown["errors"][0]["message"]
    faults = ada.post("/v1/schedules", {"task_type": "walk", "hours": -1, "timezone": "Mars/Base"}, status=422)
    assert {fault["field"] for fault in faults["errors"]} == {"hours", "timezone"}
    assert ada.api.post("/v1/schedules", content="{", headers=json_of(ada)).status_code == 400


async def test_switched_off_the_scheduler_says_so(serve: Serve, make_key: MakeKey) -> None:
    off = serve("walkers", "--app", "walkers:app", ROWCALL_SCHEDULER_ENABLED="off").bearing(await make_key("ada"))
    assert (
        "ROWCALL_SCHEDULER_ENABLED" in off.post("/v1/schedules", {"task_type": "walk", **SOMEDAY}, status=503)["detail"]
    )
    assert off.ask("GET", "/v1/schedules")["next_cursor"] is None


async def test_with_no_database_set_up_nothing_is_lost_by_a_restart(
    start: Start, answering: Callable[[Program], Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with short_lived_folder() as folder:
        own = {"ROWCALL_DATA_DIR": str(folder / "data"), "ROWCALL_PORT": "0"}

        def started() -> Service:
            return answering(start("walkers", *ROWCALL[1:], "serve", "--app", "walkers:app", **own))

        first = started()
        first.create("mine", task_type="walk", input_data={"start": "rome", "steps": 0}, **SOMEDAY)
        ran = await first.run("mine")
        assert first.process.stop() == 0
        second = started()
        assert [each["execution_id"] for each in second.executions("mine")] == [ran["execution_id"]]
        assert (await second.run("mine"))["result_data"]["visited"] == ["rome"]
        assert second.process.stop() == 0


def json_of(service: Service) -> dict[str, str]:
    return {**service.headers, "Content-Type": "application/json"}
