"""examples/http_call: a receiver that acts once, called by Rowcall; both are processes of their own."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from tests.examples.conftest import EXAMPLES, Serve, Service, Start
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
def port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        number: int = found.getsockname()[1]
    return number


@pytest.fixture
async def receiver(start: Start, port: int) -> AsyncIterator[httpx2.AsyncClient]:
    """The example's receiver, as a client sees it."""
    process = start("http_call", "receiver.py", RECEIVER_PORT=str(port))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        async def answers() -> bool:
            try:
                return (await client.get("/reports")).status_code == 200
            except httpx2.ConnectError:
                return False

        await until(answers, what=f"an answer of the receiver ({process.output})")
        yield client


def definition(port: int, **changes: Any) -> dict[str, Any]:
    """The example's schedule, with the receiver's port in it."""
    text = (EXAMPLES / "http_call" / "daily-report.json").read_text()
    return {**json.loads(text.replace("127.0.0.1:9000", f"127.0.0.1:{port}")), **changes}


async def test_a_call_whose_answer_was_lost_is_made_again_and_the_receiver_acts_once(
    serve: Serve, receiver: httpx2.AsyncClient, port: int, db: Connection
) -> None:
    service = serve("http_call", ROWCALL_HTTP_ALLOW=f"127.0.0.1:{port}")
    schedule = service.post("/v1/schedules", definition(port, retry_backoff_seconds=0), status=201)
    assert schedule["trigger_description"] == "At 09:00, Europe/London time"

    execution_id = service.post("/v1/schedules/daily-report/execute", status=201)["execution_id"]
    ended = await until(lambda: ended_well(service.get(f"/v1/executions/{execution_id}")), what="the success")

    assert ended["attempt"] == ended["fence"] == 2
    assert "answered 503" in ended["errors"][0]["error"]
    assert ended["result_data"]["json"]["repeated"] is True
    installation = await db.fetchval("SELECT installation_id FROM rowcall.installation")
    [report] = (await receiver.get("/reports")).json()
    assert report == {"key": f"{installation}-{execution_id}", "kind": "daily", "tokens": [1, 2]}
    [row] = await db.fetch("SELECT * FROM rowcall.schedule_executions")
    assert (row["trigger"], row["status"], row["attempt"]) == ("manual", "SUCCEEDED", 2)


async def test_a_late_sender_is_turned_away_by_its_token(receiver: httpx2.AsyncClient) -> None:
    async def call(token: int) -> int:
        headers = {"Idempotency-Key": "a", "Fencing-Token": str(token)}
        return (await receiver.post("/reports", json={"kind": "daily"}, headers=headers)).status_code

    assert [await call(1), await call(2), await call(1), await call(3)] == [201, 200, 409, 200]


async def test_each_occurrence_is_one_report_until_the_schedule_is_paused_and_again_after_it_was_resumed(
    serve: Serve, receiver: httpx2.AsyncClient, port: int, db: Connection
) -> None:
    service = serve("http_call", ROWCALL_HTTP_ALLOW=f"127.0.0.1:{port}")
    every_second = definition(port, name="each-second", cron_expression=None, interval_seconds=1)
    every_second["input_data"]["json"] = {"kind": "second"}
    service.post("/v1/schedules", every_second, status=201)
    await until(lambda: succeeded(service) >= 2, what="two runs")

    service.post("/v1/schedules/each-second/pause", {"reason": "the receiver moves"})
    await until(lambda: has_been_paused_for_a_while(service), what="an occurrence in the pause")
    before = succeeded(service)
    service.post("/v1/schedules/each-second/resume")
    await until(lambda: succeeded(service) > before, what="a run after the pause")

    assert service.process.stop() == 0
    rows = await db.fetch("SELECT * FROM rowcall.schedule_executions ORDER BY scheduled_for")
    [skipped] = [row for row in rows if row["status"] != "SUCCEEDED"]
    assert skipped["status"] == "SKIPPED"
    assert "the receiver moves" in skipped["reason"]
    assert [row["covers_after"] for row in rows[1:]] == [row["scheduled_for"] for row in rows[:-1]]
    reports = (await receiver.get("/reports")).json()
    told = [int(report["key"].rpartition("-")[2]) for report in reports]
    assert sorted(told) == sorted(row["execution_id"] for row in rows if row["status"] == "SUCCEEDED")


async def test_the_receiver_is_not_called_unless_the_operator_allows_it(
    serve: Serve, receiver: httpx2.AsyncClient, port: int
) -> None:
    service = serve("http_call")
    service.post("/v1/schedules", definition(port, max_retries=0), status=201)
    execution_id = service.post("/v1/schedules/daily-report/execute", status=201)["execution_id"]

    def failed() -> Any:
        execution = service.get(f"/v1/executions/{execution_id}")
        return execution if execution["status"] == "FAILED" else None

    execution = await until(failed)
    assert f"the operator adds 127.0.0.1:{port} to ROWCALL_HTTP_ALLOW" in execution["error_message"]
    assert (await receiver.get("/reports")).json() == []


def ended_well(execution: dict[str, Any]) -> dict[str, Any] | None:
    return execution if execution["status"] == "SUCCEEDED" else None


def succeeded(service: Service) -> int:
    page = service.get("/v1/schedules/each-second/executions", status="SUCCEEDED")
    return len(page["executions"])


def has_been_paused_for_a_while(service: Service) -> bool:
    """Whether the pause has lasted long enough to hold an occurrence, by the database's clock."""
    facts = service.get("/v1/schedules/each-second/explain")["facts"]
    paused_for = datetime.fromisoformat(facts["now"]) - datetime.fromisoformat(facts["status_since"])
    return facts["open_executions"] == [] and paused_for > timedelta(seconds=1)
