"""GET /v1/executions and /v1/schedules/{id}/executions: the ledger, filtered and in pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule
from tests.webapi.ledger import a_row, a_worker, queued, start

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DESIGNED = {
    "execution_id",
    "schedule_id",
    "schedule_version",
    "trigger",
    "scheduled_for",
    "covers_after",
    "task_type",
    "capability_required",
    "priority",
    "input_data",
    "status",
    "attempt",
    "fence",
    "worker_id",
    "cancel_requested_at",
    "executed_at",
    "finished_at",
    "duration_seconds",
    "result_data",
    "error_message",
    "errors",
    "reason",
    "backfill_id",
    "available_at",
    "created_at",
}


async def ids(client: httpx2.AsyncClient, url: str) -> list[int]:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    return [execution["execution_id"] for execution in answer.json()["executions"]]


async def pages(client: httpx2.AsyncClient, url: str) -> list[int]:
    found: list[int] = []
    while url:
        answer = await client.get(url)
        found += [execution["execution_id"] for execution in answer.json()["executions"]]
        url = answer.links.get("next", {}).get("url", "")
    return found


@pytest.fixture
async def ledger(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> dict[str, int]:
    """Rows of two schedules over two days, a manual one among them, one queued and one running; by name."""
    one = (await a_schedule(name="one"))["schedule_id"]
    two = (await a_schedule(name="two", client_id="acme", task_type="email"))["schedule_id"]
    rows = {
        "ran": await a_row(db, one, NOON),
        "failed": await a_row(db, one, NOON + HOUR, "FAILED", covers_after=NOON),
        "skipped": await a_row(db, one, NOON + 2 * HOUR, "SKIPPED", covers_after=NOON + HOUR, reason="paused"),
        "manual": await a_row(db, one, NOON + HOUR, trigger="manual"),
        "other": await a_row(db, two, NOON + 24 * HOUR, task_type="email"),
        "backfill": await a_row(db, one, NOON - 24 * HOUR, trigger="backfill"),
    }
    rows["running"] = (await client.post("/v1/schedules/one/execute")).json()["execution_id"]
    rows["queued"] = (await client.post("/v1/schedules/two/execute?client_id=acme")).json()["execution_id"]
    await start(db, rows["running"], await a_worker(db, "report"))
    return rows


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "queued running backfill other manual skipped failed ran"),
        ("?status=SUCCEEDED", "backfill other manual ran"),
        ("?status=FAILED&status=SKIPPED", "skipped failed"),
        ("?status=RUNNING", "running"),
        ("?status=QUEUED", "queued"),
        ("?status=QUEUED&status=RUNNING", "queued running"),
        ("?status=QUEUED&status=RUNNING&task_type=email", "queued"),
        ("?status=QUEUED&status=RUNNING&trigger=schedule", ""),
        ("?status=RUNNING&client_id=acme", ""),
        ("?status=QUEUED&client_id=acme", "queued"),
        ("?status=RUNNING&status=FAILED", "running failed"),
        ("?task_type=email", "queued other"),
        ("?trigger=manual", "queued running manual"),
        ("?trigger=backfill", "backfill"),
        ("?client_id=acme", "queued other"),
        ("?client_id=acme&schedule_id=1", ""),
        ("?client_id=acme&schedule_id=1&status=RUNNING", ""),
        ("?client_id=acme&schedule_id=2", "queued other"),
        ("?since=2026-03-01T13:00:00Z&until=2026-03-02T12:00:00Z", "manual skipped failed"),
        ("?since=2026-03-02T12:00:00Z&until=2026-03-03T00:00:00Z", "other"),
        ("?until=2026-03-01T00:00:00", "backfill"),
        ("?until=2026-03-01T01:00:00+01:00", "backfill"),
        ("?status=QUEUED&until=2026-03-01", ""),
    ],
)
async def test_filters_narrow_the_ledger(
    client: httpx2.AsyncClient, ledger: dict[str, int], query: str, expected: str
) -> None:
    assert await ids(client, f"/v1/executions{query}") == [ledger[name] for name in expected.split()]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "running skipped manual failed ran backfill"),
        ("?status=RUNNING", "running"),
        ("?trigger=schedule", "skipped failed ran"),
        ("?since=2026-03-01T13:00:00Z&until=2026-03-02", "skipped manual failed"),
    ],
)
async def test_the_ledger_of_one_schedule_has_the_latest_occurrence_first(
    client: httpx2.AsyncClient, ledger: dict[str, int], query: str, expected: str
) -> None:
    found = await ids(client, f"/v1/schedules/one/executions{query}")
    assert found == [ledger[name] for name in expected.split()]
    by_id = query.replace("?", "&")
    assert await ids(client, f"/v1/executions?schedule_id=1{by_id}") == found


@pytest.mark.parametrize(
    "url", ["/v1/executions?limit={}", "/v1/schedules/one/executions?limit={}", "/v1/executions?status=QUEUED&limit={}"]
)
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_hold_every_row_once(
    client: httpx2.AsyncClient, ledger: dict[str, int], url: str, limit: int
) -> None:
    for _ in range(3):
        await client.post("/v1/schedules/two/execute?client_id=acme")
    assert await pages(client, url.format(limit)) == await ids(client, url.format(500))


async def test_manual_runs_of_one_microsecond_are_told_apart(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    created = await a_schedule(name="n")
    expected = [await a_row(db, created["schedule_id"], NOON, trigger="manual") for _ in range(5)]
    expected = [*reversed(expected), await a_row(db, created["schedule_id"], NOON)]
    assert await pages(client, "/v1/schedules/n/executions?limit=2") == expected


@pytest.mark.parametrize("status", ["QUEUED", "RUNNING"])
async def test_what_is_open_of_a_schedule_goes_by_its_occurrence_too(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any, status: str
) -> None:
    """A backfill queues what is long past, under ids that are new."""
    schedule_id = (await a_schedule(name="n", max_instances=9, overlap_policy="allow"))["schedule_id"]
    asked = [(await client.post("/v1/schedules/n/execute")).json()["execution_id"] for _ in range(2)]
    worker = await a_worker(db, "report")
    expected = [*reversed(asked), *[await queued(db, schedule_id, NOON - days * 24 * HOUR) for days in (1, 2, 3)]]
    if status == "RUNNING":
        for execution_id in expected:
            await start(db, execution_id, worker)

    assert await pages(client, f"/v1/schedules/n/executions?limit=2&status={status}") == expected
    assert await ids(client, "/v1/schedules/n/executions?status=QUEUED&status=RUNNING&trigger=manual") == expected[:2]
    since = f"since={(NOON - 49 * HOUR).isoformat().replace('+00:00', 'Z')}&until={NOON.isoformat()[:19]}"
    assert await ids(client, f"/v1/executions?schedule_id={schedule_id}&status={status}&{since}") == expected[2:4]


async def test_an_execution_is_shown_with_every_field_of_the_design(
    client: httpx2.AsyncClient, ledger: dict[str, int]
) -> None:
    shown = (await client.get(f"/v1/executions/{ledger['skipped']}")).json()
    assert set(shown) == DESIGNED
    assert (shown["status"], shown["reason"]) == ("SKIPPED", "paused")
    assert (shown["covers_after"], shown["scheduled_for"]) == ("2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=DONE", "status.0"),
        ("trigger=cron", "trigger"),
        ("since=yesterday", "since"),
        ("until=99999-01-01", "until"),
        ("schedule_id=x", "schedule_id"),
        ("schedule_id=9223372036854775808", "schedule_id"),
        ("cursor=1", "cursor"),
        ("cursor=999999999999999999.1.1", "cursor"),
        ("limit=-1", "limit"),
    ],
)
async def test_a_parameter_that_can_not_be_used_is_named(client: httpx2.AsyncClient, query: str, field: str) -> None:
    assert list(faults(await client.get(f"/v1/executions?{query}"))) == [field]


async def test_the_executions_of_nobody_are_not_found(client: httpx2.AsyncClient) -> None:
    assert_problem(await client.get("/v1/schedules/nobody/executions"), 404)
    assert_problem(await client.get("/v1/schedules/77/executions"), 404)


@pytest.mark.parametrize("name", ["日報", "a b", "50%", "50%25", "a>b", "a?b", "a#b", "ü;x=1", "<[{}]>", "..."])
async def test_pages_of_a_schedule_of_any_name_lead_on(client: httpx2.AsyncClient, tasks: list[str], name: str) -> None:
    url = f"/v1/schedules/{quote(name, safe='')}"
    assert (await client.put(url, json={"task_type": "report", "interval_seconds": 3600})).status_code == 201
    asked = [(await client.post(f"{url}/execute")).json()["execution_id"] for _ in range(3)]

    first = await client.get(f"{url}/executions?limit=1&status=QUEUED")
    assert first.status_code == 200, first.text
    assert first.headers["link"].isascii()
    assert re.fullmatch(r'<[^<> ]+>; rel="next"', first.headers["link"])
    assert await pages(client, f"{url}/executions?limit=1&status=QUEUED") == sorted(asked, reverse=True)
