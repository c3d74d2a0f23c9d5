"""Three workers under load are restarted one after another, again and again, as a deployment does: nobody notices."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM

from rowcall.store.auditing import audit
from rowcall.store.database import Database
from tests.worker.conftest import StartWorker
from tests.worker.journal import Journal
from tests.worker.processes import WorkerProcess
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

WORKERS = 3
ROUNDS = 10
SCHEDULES = 40
LONG_RUNS = 4
DRAIN_SECONDS = 0.2
"""Enough for some of what runs, and not for all: the rest is given back."""


async def until_up(schedules: Schedules, worker: WorkerProcess) -> None:
    async def up() -> bool:
        return any(row["pid"] == worker.pid for row in await schedules.workers("RUNNING"))

    await until(up, what=f"worker {worker.pid}")


async def insert_load(schedules: Schedules, gate: Path) -> None:
    """Schedules that are due every second, all of whose occurrences are run; and a few runs that last throughout."""
    await schedules.db.execute(
        'INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, "coalesce", overlap_policy,'
        "                               max_instances, max_retries)"
        " SELECT 'brief', 'interval', 1, 'all', 'allow', 1000, 3 FROM generate_series(1, $1)",
        SCHEDULES,
    )
    for _ in range(LONG_RUNS):
        await schedules.insert("gated", input_data={"gate": str(gate)})


async def end_of_load(schedules: Schedules, open_gate: Callable[[], None]) -> None:
    """Let the long runs end, plan nothing more, and wait until nothing is open."""
    open_gate()
    await schedules.db.execute("UPDATE rowcall.schedules SET status = 'PAUSED' WHERE status = 'ACTIVE'")

    async def nothing_open() -> bool:
        return not await schedules.db.fetchval("SELECT count(*) FROM rowcall.open_executions")

    await until(nothing_open, what="the end of what is open")


async def test_ten_rolling_restarts_under_load_lose_nothing_double_nothing_and_burn_no_attempt(
    start_worker: StartWorker, schedules: Schedules, database: Database, journal: Journal, tmp_path: Path
) -> None:
    settings = {"concurrency": 50, "drain_timeout_seconds": DRAIN_SECONDS}
    workers = [start_worker(**settings) for _ in range(WORKERS)]
    for worker in workers:
        await until_up(schedules, worker)
    await insert_load(schedules, tmp_path / "gate")
    await until(lambda: journal.entries("finished"), what="the first run")

    began = time.monotonic()
    for _ in range(ROUNDS * WORKERS):
        leaving = workers.pop(0)
        leaving.signal(SIGTERM)
        workers.append(start_worker(**settings))
        assert await leaving.ended() == 0
        await until_up(schedules, workers[-1])
    seconds = time.monotonic() - began
    await end_of_load(schedules, (tmp_path / "gate").touch)

    rows = await schedules.executions()
    given_back = sum(row["fence"] - 1 for row in rows)
    print(f"{ROUNDS} rounds in {seconds:.0f} s: {len(rows)} executions, given back {given_back} times")
    assert {(row["status"], row["attempt"], row["errors"]) for row in rows} == {("SUCCEEDED", 1, None)}
    assert given_back >= LONG_RUNS
    finished = [entry.execution_id for entry in journal.entries("finished")]
    assert sorted(finished) == sorted(row["execution_id"] for row in rows)
    assert (await audit(database)).findings == []
    assert len(await schedules.workers("STOPPED")) == ROUNDS * WORKERS
    assert await schedules.workers("DEAD") == []
