"""What becomes claimable by the end of another run is claimed then, though nothing else wakes the worker."""

from __future__ import annotations

import asyncio

import rowcall
from tests.worker.conftest import Connection, Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until


def slow_in_a_transaction() -> tuple[rowcall.App, asyncio.Event]:
    """Runs of `slow` wait for this event, and end in a transaction of their own."""
    app, gate = rowcall.App("slow"), asyncio.Event()

    @app.task("slow")
    async def slow(run: rowcall.Run) -> None:
        await gate.wait()
        async with run.transaction():
            pass

    return app, gate


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
    app, gate = slow_in_a_transaction()

    schedule_id = await schedules.insert("slow", interval_seconds=1, max_executions=2, overlap_policy="queue")
    await serve(app, notifications=False, poll_interval_seconds=NEVER)
    await until(lambda: one_waits(schedules), what="an execution that waits for the first")
    gate.set()
    assert [row["status"] for row in await schedules.ended(schedule_id)] == ["SUCCEEDED", "SUCCEEDED"]


async def test_who_sits_on_a_schedule_holds_up_no_result_and_what_waits_there_starts_when_they_leave(
    serve: Serve, schedules: Schedules, another_connection: Connection
) -> None:
    app = rowcall.App("slow")
    gate = asyncio.Event()
    app.task("slow")(gate.wait)

    @app.task("other")
    async def other() -> None:
        pass

    slow = await schedules.insert("slow", interval_seconds=1, max_executions=2, overlap_policy="queue")
    await serve(app, poll_interval_seconds=NEVER, database_timeout_seconds=NEVER)
    await until(lambda: one_waits(schedules), what="an execution that waits for the first")
    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", slow)
        gate.set()
        await until(lambda: one_succeeded(schedules, slow), what="the end of the first")
        await schedules.reaches("SUCCEEDED", await schedules.insert("other"))
        assert await one_waits(schedules)

    assert [row["status"] for row in await schedules.ended(slow)] == ["SUCCEEDED", "SUCCEEDED"]


async def test_a_run_that_ended_in_its_own_transaction_keeps_no_slot_for_who_sits_on_its_schedule(
    serve: Serve, schedules: Schedules, another_connection: Connection
) -> None:
    app, gate = slow_in_a_transaction()

    @app.task("other")
    async def other() -> None:
        pass

    first = await schedules.insert("slow", name="slow")
    await serve(app, poll_interval_seconds=NEVER, database_timeout_seconds=NEVER, concurrency=1)
    await schedules.reaches("RUNNING", first)
    await schedules.db.execute("SELECT rowcall.execute_schedule('slow')")
    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", first)
        gate.set()
        await schedules.reaches("SUCCEEDED", await schedules.insert("other"))
        assert await one_waits(schedules)

    assert [row["status"] for row in await schedules.ended(first)] == ["SUCCEEDED", "SUCCEEDED"]


async def one_succeeded(schedules: Schedules, schedule_id: int) -> bool:
    """Whether an execution of this schedule has."""
    return "SUCCEEDED" in [row["status"] for row in await schedules.executions(schedule_id)]


async def one_waits(schedules: Schedules) -> bool:
    """Whether there is an execution that waits for another of its schedule to end."""
    found: bool = await schedules.db.fetchval(
        "SELECT EXISTS (SELECT FROM rowcall.open_executions WHERE worker_id IS NULL AND available_at IS NULL)"
    )
    return found
