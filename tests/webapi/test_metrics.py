"""GET /metrics: figures of the installation from its views, and what it costs to ask."""

from __future__ import annotations

import re
from typing import Any

import asyncpg
import httpx2
import pytest

from rowcall.metrics.tallies import Tallies
from rowcall.store.database import Database
from rowcall.webapi import scraping
from rowcall.webapi.scraping import Scraping
from tests.docs.pages import ROOT
from tests.metrics.test_tallies import samples
from tests.webapi.conftest import CreateSchedule
from tests.webapi.ledger import a_worker

NAMES = re.compile(r"^# TYPE (\w+) (\w+)$", re.MULTILINE)


async def scraped(client: httpx2.AsyncClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return samples(answer.content)


async def test_the_installation_is_told_as_its_views_show_it(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="late")
    await a_schedule(name="paused")
    await client.post("/v1/schedules/paused/pause")
    await a_worker(db, "report", slots=7)
    await db.execute("UPDATE rowcall.schedules SET next_run_at = now() - interval '90 s' WHERE name = 'late'")

    found = await scraped(client)

    assert 90 <= found["rowcall_oldest_due_seconds", ()] < 120
    assert found["rowcall_schedules", (("status", "active"),)] == 1
    assert found["rowcall_schedules", (("status", "paused"),)] == 1
    assert found["rowcall_workers", (("state", "running"),)] == 1
    assert found["rowcall_worker_slots", (("kind", "free"),)] == 7
    assert found["rowcall_database_up", ()] == 1
    assert found["rowcall_schedule_paused", (("client", "default"), ("schedule", "paused"))] == 1
    following = await db.fetchval("SELECT extract(epoch FROM next_run_at) FROM rowcall.schedules WHERE name = 'late'")
    labels = (("client", "default"), ("schedule", "late"))
    assert found["rowcall_schedule_next_run_timestamp_seconds", labels] == pytest.approx(float(following))
    assert ("rowcall_schedule_last_success_timestamp_seconds", labels) not in found


async def test_the_last_success_of_a_schedule_is_told(
    database: Database, a_schedule: CreateSchedule, db: asyncpg.Connection[Any]
) -> None:
    created = await a_schedule(name="n")
    await db.execute(
        "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, finished_at, schedule_version, priority,"
        " trigger, status, task_type, error_message, input_data) SELECT $1, now() - make_interval(secs => n), now() -"
        " make_interval(secs => n), 1, 5, 'schedule', CASE WHEN n < 3 THEN 'FAILED' ELSE 'SUCCEEDED' END,"
        " 'w', 'so', '{}'"
        " FROM generate_series(1, 9) AS n",
        created["schedule_id"],
    )
    found = samples(await Scraping(database, Tallies()).text())
    expected = await db.fetchval(
        "SELECT extract(epoch FROM max(finished_at)) FROM rowcall.schedule_executions WHERE status = 'SUCCEEDED'"
    )
    labels = (("client", "default"), ("schedule", "n"))
    assert found["rowcall_schedule_last_success_timestamp_seconds", labels] == pytest.approx(float(expected))


async def test_the_database_is_asked_once_however_often_it_is_scraped(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule
) -> None:
    await scraped(client)
    await a_schedule(name="new")
    assert (await scraped(client))["rowcall_schedules", (("status", "active"),)] == 0


async def test_without_the_database_the_process_tells_what_it_knows_by_itself(database: Database) -> None:
    tallies = Tallies()
    tallies.ended("report", "succeeded", 1)
    asking = Scraping(database, tallies)
    database.terminate()

    found = samples(await asking.text())

    assert found["rowcall_database_up", ()] == 0
    assert found["rowcall_executions_total", (("result", "succeeded"), ("task", "report"))] == 1


async def test_many_schedules_have_no_series_of_their_own(
    database: Database, a_schedule: CreateSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scraping, "MOST_SCHEDULES", 2)
    for name in ("a", "b", "c"):
        await a_schedule(name=name)
    found = samples(await Scraping(database, Tallies()).text())
    assert found["rowcall_schedules", (("status", "active"),)] == 3
    assert not [name for name, _ in found if name.startswith("rowcall_schedule_")]


async def test_every_figure_is_documented_and_no_other(database: Database) -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    told = dict(NAMES.findall((await Scraping(database, Tallies()).text()).decode()))
    documented = dict(re.findall(r"^\| `(rowcall_\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert documented == told
