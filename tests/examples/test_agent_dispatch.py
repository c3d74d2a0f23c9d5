"""examples/agent_dispatch: one task type, two kinds of agents, and each schedule goes to one that can do it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest

from tests.examples.conftest import EXAMPLES, Serve, Service, Work
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

TEXT = {"text": "Good day. The train leaves early."}


@pytest.fixture
def api(serve: Serve) -> Service:
    """The API alone: it runs nothing."""
    return serve("agent_dispatch", command="api")


def needs(capability: str, **fields: Any) -> dict[str, Any]:
    """A schedule for an agent with this capability."""
    rule = {"cron_expression": "0 6 * * *", "allow_unknown_task": True}
    return {"task_type": "agent-task", "capability_required": capability, "input_data": TEXT, **rule, **fields}


async def test_each_task_goes_to_an_agent_that_can_do_it(api: Service, work: Work, db: Connection) -> None:
    for app in ("translator", "summarizer"):
        work("agent_dispatch", "--app", f"agents:{app}")
    created = api.create("french", **needs("translation", description="What the French read.", priority=8))
    assert (created["client_id"], created["priority"], created["description"]) == (
        "default",
        8,
        "What the French read.",
    )
    api.create("short", **needs("summary", cron_expression=None, interval_seconds=1))

    french, short = await api.run("french"), await api.first("short", trigger="schedule")
    assert french["result_data"]["text"] == "bon jour. le train part tôt."
    assert short["result_data"]["text"] == "Good day"
    assert {"execution_id", "executed_at", "status", "result_data", "error_message", "duration_seconds"} <= set(french)
    assert len({french["result_data"]["task_id"], short["result_data"]["task_id"]}) == 2
    done_by = await db.fetch(
        "SELECT DISTINCT e.capability_required, w.apps FROM rowcall.schedule_executions AS e"
        " JOIN rowcall.workers AS w USING (worker_id) ORDER BY 1"
    )
    assert [tuple(row) for row in done_by] == [("summary", ["summarizer"]), ("translation", ["translator"])]


async def test_what_no_agent_can_do_says_so_and_runs_when_one_comes(api: Service, work: Work) -> None:
    work("agent_dispatch", "--app", "agents:summarizer")
    api.create("french", **needs("translation"))
    execution_id = api.post("/v1/schedules/french/execute", status=201)["execution_id"]
    explained = api.get("/v1/schedules/french/explain")
    assert (explained["facts"]["route"], explained["facts"]["offering_workers"]) == ("agent-task@translation", 0)
    assert api.get(f"/v1/executions/{execution_id}")["status"] == "QUEUED"

    work("agent_dispatch", "--app", "agents:translator")
    assert (await api.ended(execution_id))["result_data"]["agent"] == "translator"


async def test_where_places_are_scarce_the_higher_priority_goes_first(api: Service, work: Work, db: Connection) -> None:
    for priority in (2, 10, 1, 7):
        api.create(f"p{priority}", **needs("summary", priority=priority))
        api.post(f"/v1/schedules/p{priority}/execute", status=201)

    work("agent_dispatch", "--app", "agents:summarizer", ROWCALL_CONCURRENCY="1")
    done = "SELECT count(*) = 4 FROM rowcall.schedule_executions WHERE status = 'SUCCEEDED'"
    await until(lambda: db.fetchval(done), what="the end of all four")
    order = await db.fetch("SELECT priority FROM rowcall.schedule_executions ORDER BY executed_at")
    assert [row["priority"] for row in order] == [10, 7, 2, 1]


def test_a_program_dispatches_with_the_client(api: Service, work: Work, tmp_path: Path) -> None:
    work("agent_dispatch", "--app", "agents:translator")
    for text, said in (("Good day.", "bon jour."), ("The train.", "le train.")):
        done = subprocess.run(
            [sys.executable, EXAMPLES / "agent_dispatch" / "dispatch.py", "translation", text],
            env=os.environ | {"ROWCALL_SERVER": str(api.api.base_url), "ROWCALL_DATA_DIR": str(tmp_path)},
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert done.stdout.startswith(f"SUCCEEDED {said}\nagain at ")
    [schedule] = api.get("/v1/schedules")["schedules"]
    assert (schedule["name"], schedule["version"], schedule["total_runs"]) == ("translation-each-morning", 2, 2)


async def test_schedules_are_listed_by_status_changed_paused_and_looked_ahead(api: Service) -> None:
    api.create("french", **needs("translation", timezone="Europe/Paris"))
    api.create("once", **needs("summary", cron_expression=None, scheduled_time="2099-01-01T00:00:00Z"))
    assert api.post("/v1/schedules/french/pause", {"reason": "holidays"})["status"] == "PAUSED"
    assert (api.names(status="PAUSED"), api.names(status="ACTIVE")) == (["french"], ["once"])
    api.post("/v1/schedules/french/resume")
    assert api.ask("PATCH", "/v1/schedules/french", {"priority": 10})["priority"] == 10

    ahead = api.get("/v1/schedules/french/upcoming", count=5)["upcoming"]
    assert len(ahead) == 5
    assert ahead == api.post("/v1/preview", {"cron_expression": "0 6 * * *", "timezone": "Europe/Paris"})["upcoming"]
    wrong = api.post("/v1/schedules", needs("summary", cron_expression="0 25 * * *"), status=422)
    assert wrong["errors"][0]["message"] == "hour: 25 is outside 0-23"
