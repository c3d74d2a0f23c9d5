"""Exactly once: a run's own transaction commits with the end of its execution, or leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import asyncpg
import pytest

import rowcall
from rowcall.domain.errors import LeaseLost, StoreUnavailable
from tests.worker.conftest import Connection, Serve
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

app = rowcall.App("ledgers")


@app.task("write")
async def write(run: rowcall.Run) -> str:
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
        transaction.result = {"rows": await transaction.fetchval("SELECT count(*) FROM public.bookings")}
    return "what is returned after the transaction is not kept"


@app.task("fail-inside")
async def fail_inside(run: rowcall.Run) -> None:
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
        raise RuntimeError("changed its mind")


@app.task("fail-after")
async def fail_after(run: rowcall.Run) -> None:
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
    raise RuntimeError("too late to matter")


@app.task("given-away")
async def given_away(run: rowcall.Run) -> None:
    """Somebody else is given the execution while the transaction is open."""
    thief = await asyncpg.connect(run.input_data["dsn"])
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
        await thief.execute("UPDATE rowcall.open_executions SET fence = fence + 1")
        await thief.execute("UPDATE rowcall.schedule_executions SET fence = fence + 1")
        await thief.close()


@app.task("stumble-inside")
async def stumble_inside(run: rowcall.Run) -> None:
    """Fails as PostgreSQL does when it is away, and has nothing to do with it."""
    with contextlib.suppress(StoreUnavailable):
        async with run.transaction() as transaction:
            await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
            raise STUMBLES[run.input_data["over"]]


@app.task("cut-off-inside")
async def cut_off_inside(run: rowcall.Run) -> None:
    """Finds PostgreSQL gone."""
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
        await transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")


STUMBLES = {
    "a file": FileNotFoundError("no such file: prices.csv"),
    "a partner": TimeoutError("the partner is slow"),
    "a line of its own": ConnectionResetError("the partner hung up"),
}

WAITS_SECONDS = 2.0
"""How long a connection is waited for, and made, where nothing else is said."""

left_behind: list[asyncio.Task[str]] = []
second_attempt = asyncio.Event()


@app.task("leave-behind")
async def leave_behind(run: rowcall.Run) -> str:
    """The first attempt leaves code behind that wants to write while the second runs."""

    async def write_late() -> str:
        await second_attempt.wait()
        try:
            async with run.transaction() as transaction:
                await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
        except LeaseLost as fault:
            return str(fault)
        return "written"

    if run.attempt == 1:
        left_behind.append(asyncio.create_task(write_late()))
        raise RuntimeError("once more")
    second_attempt.set()
    return await left_behind.pop()


@app.task("take-time")
async def take_time(run: rowcall.Run) -> None:
    """A second in a statement, and another between two."""
    async with run.transaction() as transaction:
        await transaction.execute("SELECT pg_sleep(1)")
        await asyncio.sleep(1)
        transaction.result = await transaction.fetchval("SELECT true")


@app.task("tell-limits")
async def tell_limits(run: rowcall.Run) -> None:
    async with run.transaction() as transaction:
        rows = await transaction.fetch("SELECT setting::bigint FROM pg_settings WHERE name = ANY($1)", LIMITS)
        transaction.result = [row["setting"] for row in rows]


@app.task("never-end")
async def never_end(run: rowcall.Run) -> None:
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
        await transaction.execute("SELECT pg_sleep(600)")


LIMITS = ["statement_timeout", "idle_in_transaction_session_timeout"]


@app.task("threaded")
def threaded(run: rowcall.Run) -> None:
    run.transaction()


@pytest.fixture
async def bookings(db: Connection) -> None:
    await db.execute("CREATE TABLE public.bookings (execution_id bigint NOT NULL)")


@pytest.mark.usefixtures("bookings")
async def test_the_work_the_result_and_the_end_of_the_execution_commit_together(
    serve: Serve, schedules: Schedules
) -> None:
    schedule_id = await schedules.insert("write")
    served = await serve(app)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert row["result_data"] == '{"rows": 1}'
    xmin = await schedules.db.fetchval("SELECT array_agg(DISTINCT b.xmin = e.xmin) FROM public.bookings AS b, "
                                       "rowcall.schedule_executions AS e")  # fmt: skip
    assert xmin == [True], "written by one and the same transaction"
    await until(lambda: any(getattr(event, "status", "") == "SUCCEEDED" for event in served.events), what="the event")


@pytest.mark.usefixtures("bookings")
async def test_a_task_that_raises_inside_leaves_nothing_and_is_tried_again(serve: Serve, schedules: Schedules) -> None:
    schedule_id = await schedules.insert("fail-inside", max_retries=1, retry_backoff_seconds=0)
    await serve(app)
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["attempt"] == 2
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 0


@pytest.mark.usefixtures("bookings")
@pytest.mark.parametrize("over", STUMBLES)
async def test_what_a_task_raises_inside_is_not_taken_for_a_silent_database(
    serve: Serve, schedules: Schedules, over: str
) -> None:
    schedule_id = await schedules.insert("stumble-inside", input_data={"over": over}, max_retries=0)
    await serve(app)
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["error_message"].startswith(f"{type(STUMBLES[over]).__name__}: {STUMBLES[over]}")
    assert "in stumble_inside" in row["error_message"]
    assert "During handling" not in row["error_message"]
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 0


@pytest.mark.usefixtures("bookings")
async def test_a_database_that_goes_away_inside_is_told_as_such(serve: Serve, schedules: Schedules) -> None:
    schedule_id = await schedules.insert("cut-off-inside", max_retries=0)
    await serve(app)
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["error_message"].startswith("rowcall.domain.errors.StoreUnavailable: PostgreSQL does not answer")
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 0


@pytest.mark.usefixtures("bookings")
async def test_what_happens_after_the_commit_does_not_undo_it(serve: Serve, schedules: Schedules) -> None:
    schedule_id = await schedules.insert("fail-after")
    await serve(app)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["errors"]) == (1, None)
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 1


@pytest.mark.usefixtures("bookings")
async def test_an_execution_given_to_another_writes_nothing(serve: Serve, schedules: Schedules, dsn: str) -> None:
    await schedules.insert("given-away", input_data={"dsn": dsn})
    await serve(app, poll_interval_seconds=3600.0)
    await until(
        lambda: schedules.db.fetchval("SELECT fence = 2 FROM rowcall.schedule_executions"),
        what="the theft of the fence",
    )
    await until(
        lambda: schedules.db.fetchval(
            "SELECT count(*) = 0 FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'rowcall task' AND state <> 'idle'"
        ),
        what="the end of the task's transaction",
    )
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 0
    assert await schedules.db.fetchval("SELECT status <> 'SUCCEEDED' FROM rowcall.schedule_executions")


@pytest.mark.usefixtures("bookings")
async def test_code_that_an_attempt_has_left_behind_can_not_end_the_next(serve: Serve, schedules: Schedules) -> None:
    schedule_id = await schedules.insert("leave-behind", max_retries=1, retry_backoff_seconds=0)
    await serve(app)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert row["attempt"] == 2
    assert "attempt 1 of execution" in row["result_data"]
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 0


@pytest.mark.parametrize("default", [0.5, 30 * 86400.0])
async def test_a_transaction_may_take_as_long_as_its_run_whatever_others_may(
    serve: Serve, schedules: Schedules, default: float
) -> None:
    schedule_id = await schedules.insert("take-time", timeout_seconds=120, max_retries=0)
    await serve(app, default_timeout_seconds=default)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["result_data"], row["attempt"]) == ("true", 1)


@pytest.mark.parametrize(("limit", "least", "most"), [(120, 60_000, 130_000), (365 * 86400, 2**31 - 1, 2**31 - 1)])
async def test_the_server_is_told_what_is_left_of_the_time_of_the_run(
    serve: Serve, schedules: Schedules, limit: int, least: int, most: int
) -> None:
    """Whoever runs it may be gone, and its transaction is not to stay: so late that the worker ends it first."""
    schedule_id = await schedules.insert("tell-limits", timeout_seconds=limit, max_retries=0)
    await serve(app)
    told = json.loads((await schedules.reaches("SUCCEEDED", schedule_id))["result_data"])
    assert len(told) == len(LIMITS)
    assert all(least <= milliseconds <= most for milliseconds in told), told


@pytest.mark.usefixtures("bookings")
async def test_a_transaction_whose_run_takes_too_long_is_timed_out_and_leaves_nothing(
    serve: Serve, schedules: Schedules
) -> None:
    schedule_id = await schedules.insert("never-end", timeout_seconds=1, max_retries=0)
    await serve(app)
    await schedules.reaches("TIMED_OUT", schedule_id)
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 0


async def test_a_thread_is_told_that_transactions_are_for_coroutines(serve: Serve, schedules: Schedules) -> None:
    schedule_id = await schedules.insert("threaded", max_retries=0)
    await serve(app)
    assert "async function" in (await schedules.reaches("FAILED", schedule_id))["error_message"]


@pytest.mark.usefixtures("bookings")
async def test_a_transaction_waits_for_a_connection_for_as_long_as_its_run_may_last(
    serve: Serve, schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowcall.store.database.CONNECT_TIMEOUT_SECONDS", WAITS_SECONDS)
    crowded = rowcall.App("crowded")
    begun: list[int] = []
    gate = asyncio.Event()

    @crowded.task("take-turns")
    async def take_turns(run: rowcall.Run) -> None:
        begun.append(run.execution_id)
        async with run.transaction() as transaction:
            await transaction.execute("INSERT INTO public.bookings (execution_id) VALUES ($1)", run.execution_id)
            await gate.wait()

    patient = [await schedules.insert("take-turns", max_retries=0) for _ in range(3)]
    await serve(crowded, database_pool_size=1)
    await until(lambda: len(begun) == 3, what="all three")
    hurried = await schedules.insert("take-turns", max_retries=0, timeout_seconds=1)
    assert (await schedules.reaches("TIMED_OUT", hurried))["attempt"] == 1
    since = time.monotonic()
    await until(lambda: time.monotonic() - since > 1.5 * WAITS_SECONDS, what="a while")
    gate.set()

    assert [row["status"] for row in await schedules.ended(*patient)] == ["SUCCEEDED"] * 3
    assert await schedules.db.fetchval("SELECT count(*) FROM public.bookings") == 3
