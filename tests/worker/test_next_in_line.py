"""What becomes claimable by the end of another run is claimed then, though nothing else wakes the worker."""

from __future__ import annotations

import asyncio

import rowcall
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until


async def test_a_retry_is_made_at_its_moment_though_the_poll_is_far_off(serve: Serve, schedules: Schedules) -> None:
    app = rowcall.App("moody")

    @app.task("moody")
    async def moody(run: rowcall.Run) -> None:
        assert run.attempt == 3

    schedule_id = await schedules.insert("moody", retry_backoff_seconds=0.2)
    await serve(app, notifications=False, poll_interval_seconds=NEVER)
    assert (await schedules.reaches("SUCCEEDED", schedule_id))["attempt"] == 3


async def test_what_waits_behind_a_run_starts_when_that_has_ended_though_the_poll_is_far_off(
    serve: Serve, schedules: Schedules
) -> None:
    app = rowcall.App("slow")
    gate = asyncio.Event()
    app.task("slow")(gate.wait)

    schedule_id = await schedules.insert("slow", interval_seconds=1, max_executions=2, overlap_policy="queue")
    await serve(app, notifications=False, poll_interval_seconds=NEVER)
    await until(lambda: one_waits(schedules), what="an execution that waits for the first")
    gate.set()
    assert [row["status"] for row in await schedules.ended(schedule_id)] == ["SUCCEEDED", "SUCCEEDED"]


async def test_what_waits_behind_a_run_that_ended_in_its_own_transaction_starts_then_too(
    serve: Serve, schedules: Schedules
) -> None:
    app = rowcall.App("slow")
    gate = asyncio.Event()

    @app.task("slow")
    async def slow(run: rowcall.Run) -> None:
        await gate.wait()
        async with run.transaction():
            pass

    schedule_id = await schedules.insert("slow", interval_seconds=1, max_executions=2, overlap_policy="queue")
    await serve(app, notifications=False, poll_interval_seconds=NEVER)
    await until(lambda: one_waits(schedules), what="an execution that waits for the first")
    gate.set()
    assert [row["status"] for row in await schedules.ended(schedule_id)] == ["SUCCEEDED", "SUCCEEDED"]


async def one_waits(schedules: Schedules) -> bool:
    """Whether there is an execution that waits for another of its schedule to end."""
    found: bool = await schedules.db.fetchval(
        "SELECT EXISTS (SELECT FROM rowcall.open_executions WHERE worker_id IS NULL AND available_at IS NULL)"
    )
    return found
