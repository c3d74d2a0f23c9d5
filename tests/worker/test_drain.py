"""The drain of a worker whose results can't be written yet: it waits for them, until it is told not to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import rowcall
from tests.worker.conftest import Connection, Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER, QUICK, Served
from tests.worker.waiting import until


@asynccontextmanager
async def one_result_that_waits(serve: Serve, schedules: Schedules, somebody: Connection) -> AsyncIterator[Served]:
    """A worker whose one run has ended, and whose result waits for somebody who sits on the execution until the end."""
    app = rowcall.App("testing")
    started, gate = asyncio.Event(), asyncio.Event()

    @app.task("gated")
    async def gated() -> None:
        started.set()
        await gate.wait()

    await schedules.insert("gated")
    served = await serve(app, poll_interval_seconds=NEVER, database_timeout_seconds=NEVER)
    await started.wait()
    async with somebody.transaction():
        await somebody.execute("SELECT FROM rowcall.open_executions FOR UPDATE")
        gate.set()
        await until(lambda: waits_for_a_lock(schedules), what="the result that waits")
        yield served


async def waits_for_a_lock(schedules: Schedules) -> bool:
    """Whether a session of this database waits for another's lock."""
    found: bool = await schedules.db.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    return found


async def test_a_drain_waits_for_results_for_longer_than_a_lease(
    serve: Serve, schedules: Schedules, another_connection: Connection
) -> None:
    async with one_result_that_waits(serve, schedules, another_connection) as served:
        served.stop()
        await until(lambda: schedules.workers("DRAINING"))
        since = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() - since > 2 * QUICK.lease.total_seconds())
        assert not served.task.done()

    await served.ended()
    [row] = await schedules.executions()
    assert row["status"] == "SUCCEEDED"
    assert [worker["status"] for worker in await schedules.workers()] == ["STOPPED"]


async def test_a_second_signal_ends_a_drain_that_waits_for_results(
    serve: Serve, schedules: Schedules, another_connection: Connection
) -> None:
    async with one_result_that_waits(serve, schedules, another_connection) as served:
        served.stop()
        await until(lambda: schedules.workers("DRAINING"))
        served.abort()
        await served.ended(within=20)
