"""PostgreSQL goes away, falls silent, throws everybody out: the worker goes on by itself, and the ledger stays true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

import rowcall
from tests.worker.apps import app as testing
from tests.worker.conftest import Connection, Serve
from tests.worker.journal import Journal
from tests.worker.line import Line, line_to
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until


@pytest.fixture
async def line(dsn: str, db: Connection) -> AsyncIterator[Line]:
    async with line_to(dsn, db) as line:
        yield line


@pytest.fixture
def app() -> rowcall.App:
    return rowcall.App("faults")


class Gate:
    """A task "gated" that works until the gate is opened, and notes every start and how it ended."""

    def __init__(self, app: rowcall.App, result: int | None = None) -> None:
        self.open = asyncio.Event()
        self.result = result
        self.log: list[str] = []
        self.ended_at = 0.0
        app.task("gated")(self._gated)

    async def _gated(self, run: rowcall.Run) -> int | None:
        self.log.append(f"started {run.attempt}/{run.fence}")
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.log.append("told to stop")
            raise
        finally:
            self.ended_at = time.monotonic()
        self.log.append("finished")
        return self.result


EXECUTE = b"E\x00\x00\x00\x09\x00"
"""How the request begins that carries out what was prepared."""

OTHERS = (
    "FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


async def are_there(db: Connection, count: int) -> bool:
    """Whether there are so many connections to this database beside our own."""
    return bool(await db.fetchval(f"SELECT count(*) >= $1 {OTHERS}", count))


async def throw_everybody_out(db: Connection) -> int:
    """End all connections to this database but our own; how many there were."""
    found: int = await db.fetchval(f"SELECT count(pg_terminate_backend(pid)) {OTHERS}")
    return found


async def test_a_worker_whose_connections_are_all_ended_goes_on_by_itself(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    every_second = await schedules.insert("note", interval_seconds=1, coalesce="all")
    await serve(testing, poll_interval_seconds=NEVER)
    for _ in range(3):
        ran = len(journal.entries("ran"))
        await until(lambda seen=ran: len(journal.entries("ran")) > seen)  # type: ignore[misc] # mypy knows no defaults
        await until(partial(are_there, schedules.db, 3), what="the pool, the heartbeat and the listener")
        assert await throw_everybody_out(schedules.db) >= 3
    await schedules.reaches("SUCCEEDED", await schedules.insert("note"))  # notified of: it listens again
    assert journal.repeated("ran") == []
    assert await hole_in(schedules, every_second) is None
    assert len(await schedules.workers()) == 1  # it never had to begin anew


async def hole_in(schedules: Schedules, schedule_id: int) -> object:
    """A row that does not go on where the one before it ended; None when the chain is whole."""
    return await schedules.db.fetchval(
        "SELECT scheduled_for FROM ("
        "   SELECT scheduled_for, covers_after, lag(scheduled_for) OVER (ORDER BY scheduled_for) AS before"
        "     FROM rowcall.schedule_executions WHERE schedule_id = $1) AS chain"
        " WHERE covers_after IS DISTINCT FROM before",
        schedule_id,
    )


async def test_work_that_ends_while_the_line_is_down_is_recorded_when_it_is_up_again(
    app: rowcall.App, line: Line, serve: Serve, schedules: Schedules
) -> None:
    gate = Gate(app)
    schedule_id = await schedules.insert("gated")
    await serve(app, dsn=line.dsn, heartbeat_seconds=5)
    await until(lambda: gate.log)
    line.cut()
    gate.open.set()
    await until(lambda: "finished" in gate.log)
    assert (await schedules.reaches("RUNNING", schedule_id))["attempt"] == 1
    line.restore()
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"]) == (1, 1)
    assert gate.log == ["started 1/1", "finished"]


async def test_a_result_outlives_the_lease_when_nobody_took_the_execution_over(
    app: rowcall.App, line: Line, serve: Serve, schedules: Schedules
) -> None:
    gate = Gate(app)
    schedule_id = await schedules.insert("gated")
    await serve(app, dsn=line.dsn)
    await until(lambda: gate.log)
    line.cut()
    gate.open.set()
    await the_lease_runs_out(schedules)
    line.restore()
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"]) == (1, 1)
    assert gate.log == ["started 1/1", "finished"]


async def test_work_that_outlives_the_lease_is_given_back_and_not_cancelled(
    app: rowcall.App, line: Line, serve: Serve, schedules: Schedules
) -> None:
    gate = Gate(app)
    schedule_id = await schedules.insert("gated")
    await serve(app, dsn=line.dsn)
    await until(lambda: gate.log)
    line.cut()
    await until(lambda: "told to stop" in gate.log)
    gate.open.set()
    line.restore()
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"]) == (1, 2)  # it is no fault of the task's: the attempt is not burnt
    assert gate.log == ["started 1/1", "told to stop", "started 1/2", "finished"]


@pytest.mark.parametrize("poll_interval_seconds", [NEVER, 0.1], ids=["asleep", "asking"])
async def test_a_silent_database_does_not_keep_work_running_past_its_lease(
    app: rowcall.App, line: Line, serve: Serve, schedules: Schedules, poll_interval_seconds: float
) -> None:
    gate = Gate(app)
    await schedules.insert("gated")
    settings = {"heartbeat_seconds": 0.5, "heartbeats_missed": 6}
    await serve(app, dsn=line.dsn, poll_interval_seconds=poll_interval_seconds, **settings)
    await until(lambda: gate.log)
    line.fall_silent()
    silent_since = time.monotonic()  # no beat after this renews the lease
    await until(lambda: "told to stop" in gate.log)
    assert gate.ended_at - silent_since < settings["heartbeat_seconds"] * settings["heartbeats_missed"]
    line.restore()


async def the_lease_runs_out(schedules: Schedules) -> None:
    """Wait until the only worker's lease has run out, by the database's clock."""

    async def over() -> bool:
        found: bool = await schedules.db.fetchval(
            "SELECT bool_and(last_beat_at + make_interval(secs => lease_seconds) < clock_timestamp())"
            " FROM rowcall.workers"
        )
        return found

    await until(over)


async def test_a_transaction_of_a_task_on_a_silent_line_ends_with_the_time_limit_of_its_run(
    app: rowcall.App, line: Line, serve: Serve, schedules: Schedules
) -> None:
    inside, ended = asyncio.Event(), asyncio.Event()

    @app.task("writes")
    async def writes(run: rowcall.Run) -> None:
        try:
            async with run.transaction() as transaction:
                line.fall_silent()
                inside.set()
                await transaction.fetchval("SELECT 1")
        finally:
            ended.set()

    await schedules.insert("writes", timeout_seconds=1)
    served = await serve(app, dsn=line.dsn, heartbeat_seconds=60)
    await asyncio.wait_for(inside.wait(), 20)
    await asyncio.wait_for(ended.wait(), 20)
    line.restore()
    served.stop()


async def test_two_signals_end_a_worker_that_waits_for_a_silent_database(
    app: rowcall.App, line: Line, serve: Serve, schedules: Schedules
) -> None:
    gate = Gate(app)
    await schedules.insert("gated")
    served = await serve(app, dsn=line.dsn, poll_interval_seconds=0.1, heartbeat_seconds=60)
    await until(lambda: gate.log)
    line.fall_silent()
    served.stop()
    served.abort()
    await served.ended(within=20)
    assert gate.log == ["started 1/1", "told to stop"]


async def test_the_pulse_stops_with_the_looks_and_comes_back_with_them(
    line: Line, serve: Serve, schedules: Schedules
) -> None:
    served = await serve(testing, dsn=line.dsn, poll_interval_seconds=0.1)
    await until(lambda: served.pulse.silent_seconds is not None)
    line.cut()
    await until(lambda: (served.pulse.silent_seconds or 0) > 1)
    line.restore()
    await until(lambda: (served.pulse.silent_seconds or 1) < 0.5)


async def test_a_worker_starts_when_the_database_does(
    line: Line, serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    schedule_id = await schedules.insert("note")
    served = await serve(testing, dsn=line.dsn)
    line.cut()
    await until(lambda: not served.task.done())
    line.restore()
    await schedules.reaches("SUCCEEDED", schedule_id)


async def test_a_claim_whose_commit_was_answered_to_nobody_is_given_back_and_runs_once(
    line: Line, serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    line.lose_the_answer(b"COMMIT", after=b"INSERT INTO rowcall.schedule_executions")
    schedule_id = await schedules.insert("note")
    await serve(testing, dsn=line.dsn)
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert line.answers_lost == 1
    assert (row["attempt"], row["fence"], row["errors"]) == (1, 2, None)
    assert [entry.fence for entry in journal.entries("ran")] == [2]
    assert len(await schedules.workers()) == 1  # and all this time it was healthy


@pytest.mark.parametrize(
    ("result", "to"), [(3, b"COMMIT"), (None, EXECUTE)], ids=["in a transaction", "in a statement by itself"]
)
async def test_a_result_whose_commit_was_answered_to_nobody_counts_once(
    app: rowcall.App, line: Line, serve: Serve, schedules: Schedules, result: int | None, to: bytes
) -> None:
    gate = Gate(app, result)
    line.lose_the_answer(to, after=b"DELETE FROM rowcall.open_executions")
    schedule_id = await schedules.insert("gated")
    gate.open.set()
    await serve(app, dsn=line.dsn)

    async def counted() -> bool:
        return bool((await schedules.row(schedule_id))["successful_runs"])

    await until(counted)
    assert line.answers_lost == 1
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"], (await schedules.row(schedule_id))["successful_runs"]) == (1, 1, 1)
    assert gate.log == ["started 1/1", "finished"]
