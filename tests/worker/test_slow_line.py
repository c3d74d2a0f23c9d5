"""PostgreSQL is far away: each question takes as long as all of them do elsewhere."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from rowcall.store import lead
from tests.chaos.proxy import Proxy, Slowness
from tests.worker.apps import app as testing
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

FAR = Slowness(delay_seconds=0.003, bytes_per_second=1e9)
"""To begin and to see what is due takes twelve milliseconds, all that a worker allows for before it knows."""


@pytest.mark.usefixtures("journal")
async def test_a_worker_far_from_postgresql_begins_so_much_earlier_that_its_runs_are_on_time(
    dsn: str, serve: Serve, schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead, "SIGHT_SECONDS", (0.007, 0.5))  # this machine may have much else to do
    monkeypatch.setattr(lead, "START_SECONDS", (0.005, 0.5))
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    if "host" not in query:
        pytest.skip("the server of the tests has no Unix socket to forward to")
    async with Proxy(f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}") as proxy:
        far = asyncio.create_task(proxy.slow(3600, FAR))
        place = f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"
        worker = await serve(testing, dsn=parts._replace(netloc=place, query="sslmode=disable").geturl())
        await schedules.insert("note", interval_seconds=1)

        async def on_time() -> asyncpg.Record | None:
            """A run that was written before its moment, and so began at it."""
            rows = await schedules.executions()
            return next((row for row in rows if row["executed_at"] == row["scheduled_for"]), None)

        await until(on_time, what="a run that was started ahead")
        worker.stop()
        await worker.ended()
        far.cancel()
