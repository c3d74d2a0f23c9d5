"""examples/agent_runs: users schedule agents with a bearer token, and read what these have said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import asyncpg
import pytest

from rowcall.domain.access import Scope
from tests.examples.conftest import EXAMPLES, MakeKey, Serve, Service
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SPEC = {"agent": "remind", "prompt": "water the plants"}
A_MINUTE_AGO = "SELECT to_char((now() - interval '61 seconds') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

MEANWHILE = """
    INSERT INTO rowcall.schedules (client_id, name, task_type, schedule_type, cron_expression, starts_at, input_data)
    VALUES ('ada', 'meanwhile', 'run-agent', 'cron', '* * * * *', now() - interval '61 seconds', '{"agent": "recall"}')
"""


@pytest.fixture
async def answers(db: Connection) -> Connection:
    """The database of the example, where answers are kept."""
    await db.execute((EXAMPLES / "agent_runs" / "tables.sql").read_text())
    return db


@pytest.fixture
def service(serve: Serve, answers: Connection) -> Service:
    return serve("agent_runs", "--app", "agents:app", ROWCALL_AUTH="keys")


@pytest.fixture
async def ada(service: Service, make_key: MakeKey) -> Service:
    """The service, as Ada sees it."""
    return service.bearing(await make_key("ada"))


def reminder(**fields: Any) -> dict[str, Any]:
    """A schedule of every minute, with a payload for an agent."""
    return {"task_type": "run-agent", "cron_expression": "* * * * *", "input_data": SPEC, **fields}


async def test_every_minute_the_agent_gets_its_payload_without_a_restart_of_anything(
    ada: Service, answers: Connection
) -> None:
    created = ada.create("plants", **reminder(starts_at=await answers.fetchval(A_MINUTE_AGO)))
    assert (created["client_id"], created["input_data"], created["trigger_description"]) == (
        "ada",
        SPEC,
        "Every minute",
    )

    ran = await ada.first("plants", trigger="schedule")
    assert ran["input_data"] == SPEC
    assert ran["result_data"] == {"answer": "ada, do not forget: water the plants"}
    [kept] = await answers.fetch("SELECT * FROM agents.answers WHERE execution_id = $1", ran["execution_id"])
    assert (kept["user_id"], kept["agent"], kept["answer"]) == ("ada", "remind", "ada, do not forget: water the plants")
    assert kept["asked_at"].second == 0


async def test_a_schedule_is_deleted_softly_and_the_answers_stay(ada: Service, answers: Connection) -> None:
    created = ada.create("plants", **reminder())
    ran = await ada.run("plants")
    ada.ask("DELETE", "/v1/schedules/plants", status=204)

    assert ada.names() == []
    [deleted] = ada.get("/v1/schedules", include_disabled=True)["schedules"]
    assert (deleted["schedule_id"], deleted["status"]) == (created["schedule_id"], "DISABLED")
    assert deleted["disabled_at"] is not None
    kept = ada.executions(created["schedule_id"])
    assert ran["execution_id"] in [each["execution_id"] for each in kept]
    assert await answers.fetchval("SELECT count(*) FROM agents.answers") >= 1
    again = ada.create("plants", **reminder())
    assert again["schedule_id"] != created["schedule_id"]


async def test_only_the_bearer_of_a_token_is_let_in_and_only_to_what_is_theirs(
    service: Service, ada: Service, make_key: MakeKey
) -> None:
    ada.create("plants", **reminder())
    for stranger in (service, service.bearing("rowcall_nobodyx_nothing")):
        stranger.ask("GET", "/v1/schedules", status=401)
        stranger.post("/v1/schedules", reminder(), status=401)

    grace = service.bearing(await make_key("grace"))
    assert grace.names() == []
    grace.ask("GET", "/v1/schedules/plants?client_id=ada", status=404)
    guest = service.bearing(await make_key("ada", Scope.READ))
    assert guest.names() == ["plants"]
    guest.post("/v1/schedules", reminder(name="more"), status=403)


async def test_after_a_restart_all_goes_on_also_what_was_scheduled_meanwhile(
    serve: Serve, service: Service, ada: Service, answers: Connection
) -> None:
    ada.create("heartbeat", **reminder(cron_expression=None, cron_fields={"second": "*"}))
    await ada.first("heartbeat")
    assert service.process.stop() == 0
    before = await answers.fetchval("SELECT max(scheduled_for) FROM rowcall.schedule_executions")
    await answers.execute(MEANWHILE)

    restarted = replace(serve("agent_runs", "--app", "agents:app", ROWCALL_AUTH="keys"), headers=ada.headers)
    ran = await restarted.first("meanwhile", trigger="schedule")
    assert ran["result_data"]["answer"].startswith("ada, I have told you ")
    await until(lambda: restarted.executions("heartbeat", status="SUCCEEDED", since=before.isoformat()))
    rows = await answers.fetch("SELECT * FROM rowcall.schedule_executions WHERE schedule_id = 1 ORDER BY scheduled_for")
    assert [row["covers_after"] for row in rows[1:]] == [row["scheduled_for"] for row in rows[:-1]]


async def test_an_agent_that_there_is_not_is_a_failure_that_is_not_tried_again(ada: Service) -> None:
    ada.create("oracle", **reminder(input_data={"agent": "oracle"}))
    failed = await ada.run("oracle", "FAILED")
    assert failed["attempt"] == 1
    assert "there is no agent 'oracle'; there are remind, recall" in failed["error_message"]
