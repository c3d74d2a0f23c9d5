"""Workers and the API behind a real PgBouncer in transaction mode, with fewer servers than they have connections."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

import rowcall
from rowcall.settings import Settings
from rowcall.store.auditing import audit
from rowcall.store.database import Database
from rowcall.webapi import create_app
from rowcall.webapi.resources import health
from tests.worker.apps import app as testing
from tests.worker.conftest import Serve
from tests.worker.journal import Journal
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until

SCHEDULES, OCCURRENCES, CLIENTS = 20, 5, 10


@pytest.fixture
def app() -> rowcall.App:
    """One task, which writes a row in the transaction that ends its execution."""
    app = rowcall.App("pooled")

    @app.task("effect")
    async def effect(run: rowcall.Run) -> None:
        async with run.transaction() as transaction:
            await transaction.execute("INSERT INTO public.effects VALUES ($1)", run.execution_id)

    return app


async def test_behind_a_pooler_in_transaction_mode_every_occurrence_runs_once(
    app: rowcall.App, pooled_dsn: str, dsn: str, serve: Serve, schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 20.0)  # whether it answers is meant here, not how soon
    await schedules.db.execute("CREATE TABLE public.effects (execution_id bigint PRIMARY KEY)")
    every = [await schedules.insert("effect", interval_seconds=1, coalesce="all") for _ in range(SCHEDULES)]
    workers = [await serve(app, dsn=pooled_dsn, direct_database_url=dsn) for _ in range(2)]
    async with Database.open(pooled_dsn) as database:
        transport = httpx2.ASGITransport(app=create_app(database, Settings()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            stop = asyncio.Event()
            asking = [asyncio.create_task(ask_until(stop, client, every[0])) for _ in range(CLIENTS)]

            async def enough() -> bool:
                found: bool = await schedules.db.fetchval(
                    "SELECT min(successful_runs) >= $1 FROM rowcall.schedules", OCCURRENCES
                )
                return found

            await until(enough)
            stop.set()
            assert min(await asyncio.gather(*asking)) > 0
        await schedules.db.execute("UPDATE rowcall.schedules SET status = 'PAUSED'")
        await until(lambda: nothing_is_open(schedules), what="the end of what is open")
        for worker in workers:
            worker.stop()
            await worker.ended()
        report = await audit(database)
    assert report.is_clean, report.findings
    counted = await schedules.db.fetchrow(
        "SELECT (SELECT count(*) FROM public.effects), count(*) FILTER (WHERE status = 'SUCCEEDED'),"
        " count(*) FILTER (WHERE status NOT IN ('SUCCEEDED', 'SKIPPED')) FROM rowcall.schedule_executions"
    )  # fmt: skip
    assert counted is not None
    effects, succeeded, others = counted
    assert effects == succeeded >= SCHEDULES * OCCURRENCES
    assert others == 0  # where the machine is slow, a run may still be there when the next is due: that one is SKIPPED


async def nothing_is_open(schedules: Schedules) -> bool:
    return not await schedules.db.fetchval("SELECT count(*) FROM rowcall.open_executions")


async def ask_until(stop: asyncio.Event, client: httpx2.AsyncClient, schedule_id: int) -> int:
    """Read and change until told to stop; how often all of it went well."""
    rounds = 0
    while not stop.is_set():
        for answer in (
            await client.get("/v1/schedules"),
            await client.get("/v1/executions", params={"limit": 20}),
            await client.patch(f"/v1/schedules/{schedule_id}", json={"priority": 1 + rounds % 10}),
            await client.get("/readyz"),
        ):
            assert answer.status_code == 200, answer.text
        rounds += 1
    return rounds


async def test_past_the_pooler_a_worker_hears_at_once_of_what_is_new(
    pooled_dsn: str, dsn: str, serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    await serve(testing, dsn=pooled_dsn, direct_database_url=dsn, poll_interval_seconds=NEVER)
    await until(lambda: listeners(schedules))
    await schedules.reaches("SUCCEEDED", await schedules.insert("note"))


async def test_without_a_way_past_the_pooler_what_is_new_is_found_by_the_poll(
    pooled_dsn: str, serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    await serve(testing, dsn=pooled_dsn, poll_interval_seconds=0.5)
    await until(schedules.workers)
    await schedules.reaches("SUCCEEDED", await schedules.insert("note"))
    assert await listeners(schedules) == 0


async def listeners(schedules: Schedules) -> int:
    found: int = await schedules.db.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'rowcall listener %'"
    )
    return found
