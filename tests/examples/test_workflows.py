"""examples/workflows: dispatched with their context; limits, grace, a graceful stop, and what the log says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from tests.examples.conftest import Serve, Service
from tests.programs import Program
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

WELCOME = {"workflow": "welcome", "context": {"member": "Ada", "schedule_id": "mine"}}
COMMUNITY = {"client_id": "ada", "labels": {"community": "garden"}}
ONCE = """
    INSERT INTO rowcall.schedules (name, task_type, schedule_type, scheduled_time, input_data)
    VALUES ($1, 'run-workflow', 'one_time', now() - $2::interval, $3)
"""


def workflow(**fields: Any) -> dict[str, Any]:
    """A schedule of a workflow, which by itself runs on the first of January."""
    return {"task_type": "run-workflow", "cron_expression": "0 0 1 1 *", "input_data": WELCOME, **fields}


def serving(serve: Serve, **environment: str) -> Service:
    own = {"ROWCALL_LOG_LEVEL": "debug", "ROWCALL_LOG_FORMAT": "json"}
    return serve("workflows", "--app", "workflows:app", **own, **environment)


async def test_a_workflow_gets_its_context_and_which_run_of_which_schedule_this_is(serve: Serve) -> None:
    service = serving(serve)
    created = service.create("welcome", **workflow())
    ran = await service.run("welcome")
    context = ran["result_data"]
    assert (context["schedule_id"], context["execution_id"]) == (created["schedule_id"], ran["execution_id"])
    assert datetime.fromisoformat(context["scheduled_for"]) == datetime.fromisoformat(ran["scheduled_for"])
    assert datetime.fromisoformat(context["triggered_at"]) == datetime.fromisoformat(ran["executed_at"])
    assert (context["member"], context["greet"], context["count_letters"]) == ("Ada", "Welcome, Ada!", 13)


async def test_once_is_in_the_future_and_over_when_done_and_what_is_missed_by_more_than_the_grace_is_not_made_up(
    serve: Serve, db: Connection
) -> None:
    await db.execute(ONCE, "late", timedelta(minutes=5), json.dumps(WELCOME))
    await db.execute(ONCE, "too-late", timedelta(minutes=20), json.dumps(WELCOME))
    service = serving(serve)
    past = {"cron_expression": None, "scheduled_time": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    assert service.post("/v1/schedules", workflow(**past), status=422)["errors"][0]["field"] == "scheduled_time"

    assert (await service.first("late"))["result_data"]["greet"] == "Welcome, Ada!"
    missed = await service.first("too-late", status="MISSED")
    assert missed["reason"] == "grace: not started within 900 s of its moment"
    assert {service.get(f"/v1/schedules/{name}")["status"] for name in ("late", "too-late")} == {"COMPLETED"}
    assert logged(service.process, "schedule_missed")["schedule"] == "too-late"


async def test_after_max_executions_it_is_over(serve: Serve) -> None:
    service = serving(serve)
    service.create("twice", **workflow(cron_expression=None, interval_seconds=1, max_executions=2))
    over = await until(lambda: completed(service, "twice"), what="the end of the schedule")
    assert (over["total_runs"], over["next_run_at"]) == (2, None)
    assert over["status_reason"] == "limit: max_executions 2 is reached"
    assert len(service.executions("twice")) == 2
    line = logged(service.process, "schedule_limit_reached")
    assert (line["category"], line["schedule"], line["reason"]) == ("AUDIT", "twice", over["status_reason"])


async def test_a_stop_waits_for_the_workflow_that_runs(serve: Serve, db: Connection) -> None:
    service = serving(serve)
    service.create("slow", **workflow(input_data={"workflow": "slow", "context": {"seconds": 1.5}}))
    execution_id = service.post("/v1/schedules/slow/execute", status=201)["execution_id"]
    await until(lambda: service.get(f"/v1/executions/{execution_id}")["status"] == "RUNNING", what="its start")
    assert service.process.stop() == 0
    [row] = await db.fetch("SELECT * FROM rowcall.schedule_executions WHERE execution_id = $1", execution_id)
    assert (row["status"], row["attempt"], json.loads(row["result_data"])["wait"]) == ("SUCCEEDED", 1, "waited")
    assert logged(service.process, "scheduler_stop")["category"] == "SYSTEM"


async def test_every_event_is_in_the_log_by_its_name(serve: Serve) -> None:
    service = serving(serve)
    service.create("welcome", **workflow(**COMMUNITY))
    address = "/v1/schedules/1"
    service.ask("PATCH", address, {"priority": 7})
    await service.ended(service.post(f"{address}/execute", status=201)["execution_id"])
    service.ask("PATCH", address, {"input_data": {"workflow": "none"}})
    await service.ended(service.post(f"{address}/execute", status=201)["execution_id"], "FAILED")
    service.ask("DELETE", address, status=204)
    assert service.process.stop() == 0

    for event in ("schedule_service_init", "scheduler_start", "scheduler_stop", "scheduler_job_executed"):
        assert logged(service.process, event)["category"] == "SYSTEM"
    for event in ("schedule_create", "schedule_update", "schedule_remove", "schedule_triggered", "schedule_executed"):
        line = logged(service.process, event)
        assert (line["category"], line["schedule"], line["client_id"], line["result"]) == (
            "AUDIT", "welcome", "ada", "SUCCESS",
        )  # fmt: skip
    assert logged(service.process, "schedule_create")["labels"] == {"community": "garden"}
    assert logged(service.process, "schedule_create")["by"] == "the API"
    failed = logged(service.process, "scheduler_job_error")
    assert (failed["category"], failed["result"]) == ("ERROR", "FAILED")
    assert "there is no workflow 'none'; there are welcome, slow" in failed["error"]


async def test_settings_come_from_the_environment(serve: Serve) -> None:
    defaults = {
        "timezone": ("ROWCALL_DEFAULT_TIMEZONE", "Europe/London"),
        "max_instances": ("ROWCALL_DEFAULT_MAX_INSTANCES", 3),
        "coalesce": ("ROWCALL_DEFAULT_COALESCE", "all"),
        "timeout_seconds": ("ROWCALL_DEFAULT_TIMEOUT_SECONDS", 120),
        "max_retries": ("ROWCALL_DEFAULT_MAX_RETRIES", 1),
        "grace_period_seconds": ("ROWCALL_DEFAULT_GRACE_PERIOD_SECONDS", 60),
    }
    service = serving(serve, ROWCALL_CONCURRENCY="10", **{name: str(value) for name, value in defaults.values()})
    created = service.create("welcome", **workflow())
    assert {field: created[field] for field in defaults} == {field: value for field, (_, value) in defaults.items()}
    assert service.get("/v1/stats")["slots"] == 10


def completed(service: Service, name: str) -> Any:
    """The schedule once it is over, and its runs are."""
    schedule = service.get(f"/v1/schedules/{name}")
    is_over = schedule["status"] == "COMPLETED" and all(each["finished_at"] for each in service.executions(name))
    return schedule if is_over else None


def logged(program: Program, event: str) -> dict[str, Any]:
    """The first line of the log with this event, which may be about to come."""
    line: dict[str, Any] = json.loads(program.says(rf'(?m)^\{{.*"event": "{event}".*\}}$')[0])
    return line
