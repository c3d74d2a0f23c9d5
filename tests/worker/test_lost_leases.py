"""A lease that is lost, or an execution that is another's by now: the work ends, and nothing of it counts twice."""

from __future__ import annotations

import asyncio

import pytest

import rowcall
from rowcall.worker import ExecutionEnded
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until


class Gate:
    """A task "gated" that works until the gate is opened, and notes every start and how it ended."""

    def __init__(self, app: rowcall.App) -> None:
        self.open = asyncio.Event()
        self.log: list[str] = []
        app.task("gated")(self._gated)

    async def _gated(self, run: rowcall.Run) -> int:
        self.log.append(f"started {run.fence}")
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.log.append(f"told to stop {run.fence}")
            raise
        self.log.append(f"finished {run.fence}")
        return run.fence


@pytest.fixture
def app() -> rowcall.App:
    return rowcall.App("leases")


@pytest.mark.parametrize("poll", [NEVER, 0.1])  # with sweeps before it hears of it, and without
async def test_a_worker_that_was_given_up_ends_its_work_and_begins_anew_under_another_id(
    app: rowcall.App, serve: Serve, schedules: Schedules, poll: float
) -> None:
    gate = Gate(app)
    schedule_id = await schedules.insert("gated")
    await serve(app, poll_interval_seconds=poll, heartbeat_seconds=1)
    await until(lambda: gate.log)
    await schedules.db.execute("UPDATE rowcall.workers SET status = 'DEAD', ended_at = now()")
    await until(lambda: "told to stop 1" in gate.log)
    gate.open.set()

    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert gate.log == ["started 1", "told to stop 1", "started 2", "finished 2"]
    assert (row["attempt"], row["fence"]) == (1, 2)  # nobody had taken it over: it gave it back in time
    old, new = await schedules.workers()
    assert (old["status"], new["status"], row["worker_id"]) == ("DEAD", "RUNNING", new["worker_id"])


async def test_an_execution_that_is_anothers_by_now_ends_here_and_its_result_is_refused(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    gate = Gate(app)
    schedule_id = await schedules.insert("gated")
    await serve(app)
    await until(lambda: gate.log)
    await give_to_another(schedules, schedule_id)
    theirs = await schedules.only_execution(schedule_id)
    await until(lambda: gate.log == ["started 1", "told to stop 1"])
    other = await schedules.insert("gated")
    gate.open.set()
    await schedules.reaches("SUCCEEDED", other)  # results are written in order: the refused one came before
    assert await schedules.only_execution(schedule_id) == theirs


async def test_a_result_that_comes_after_its_execution_was_given_away_changes_nothing(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    gate = Gate(app)
    schedule_id = await schedules.insert("gated")
    served = await serve(app, heartbeat_seconds=60)
    await until(lambda: gate.log)
    await give_to_another(schedules, schedule_id)
    theirs = await schedules.only_execution(schedule_id)
    gate.open.set()
    served.stop()
    await served.ended()  # a drain writes down all that there is
    assert gate.log == ["started 1", "finished 1"]
    assert await schedules.only_execution(schedule_id) == theirs
    assert not [event for event in served.events if isinstance(event, ExecutionEnded)]


async def give_to_another(schedules: Schedules, schedule_id: int) -> None:
    """What a recovery and another worker's claim leave behind."""
    async with schedules.db.transaction():
        other: int = await schedules.db.fetchval(
            "INSERT INTO rowcall.workers (name, host, pid, rowcall_version, slots, lease_seconds)"
            " VALUES ('other', 'host', 1, '0', 10, 3600) RETURNING worker_id"
        )
        for table in ("open_executions", "schedule_executions"):
            await schedules.db.execute(
                f"UPDATE rowcall.{table} SET worker_id = $1, fence = fence + 1 WHERE schedule_id = $2",
                other,
                schedule_id,
            )
