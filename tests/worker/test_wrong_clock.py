"""A worker on a host whose clock is wrong by an hour, beside one whose clock is right: nothing changes.

Only its log shows it: log lines carry the time of the host that wrote them.
"""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from pathlib import Path
from signal import SIGKILL

import asyncpg
import pytest

from rowcall.store.auditing import audit
from rowcall.store.database import Database
from tests.worker.conftest import StartWorker
from tests.worker.journal import Journal
from tests.worker.processes import WorkerProcess
from tests.worker.schedules import Schedules
from tests.worker.waiting import until
from tests.wrong_clock import environment_of, on_wrong_clocks

MINUTE = timedelta(minutes=1)
MUCH = timedelta(seconds=20)
"""More than anything takes here, and much less than the hour that the clock is off."""


@pytest.fixture
def start_wrong(start_worker: StartWorker, shift: int, monkeypatch: pytest.MonkeyPatch) -> StartWorker:
    """Starts a worker whose clock is wrong."""

    def start(**settings: object) -> WorkerProcess:
        with monkeypatch.context() as changed:
            for name, value in environment_of(shift).items():
                changed.setenv(name, value)
            return start_worker(**settings)

    return start


async def now(schedules: Schedules) -> datetime:
    moment: datetime = await schedules.db.fetchval("SELECT clock_timestamp()")
    return moment


async def assert_its_clock_is_off(schedules: Schedules, worker: WorkerProcess, shift: int) -> None:
    """By what its log says: else nothing that is seen here would prove anything."""
    await until(lambda: "scheduler_start" in worker.log)
    [line] = [json.loads(line) for line in worker.log.splitlines() if '"scheduler_start"' in line]
    off = datetime.fromisoformat(line["ts"]) - await now(schedules)
    assert abs(off - timedelta(seconds=shift)) < MUCH


def seen_by_postgresql(row: asyncpg.Record, since: datetime, until: datetime) -> bool:
    """Whether everything in this row of the ledger happened between the two, by one clock."""
    errors = json.loads(row["errors"] or "[]")
    moments = [row["created_at"], row["executed_at"], row["finished_at"]]
    moments += [datetime.fromisoformat(entry[name]) for entry in errors for name in ("executed_at", "finished_at")]
    return all(since - MUCH < moment < until + MUCH for moment in moments)


@on_wrong_clocks
async def test_a_worker_whose_clock_is_wrong_by_an_hour_is_as_punctual_as_any(
    start_wrong: StartWorker, schedules: Schedules, database: Database, shift: int
) -> None:
    worker, began = start_wrong(), await now(schedules)
    every_second = await schedules.insert("note", interval_seconds=1, coalesce="all", grace_period_seconds=60)
    past, future = began - 30 * MINUTE, began + 30 * MINUTE
    due = await schedules.insert("note", grace_period_seconds=60)
    again = await schedules.insert("fail-at-first", retry_backoff_seconds=0.5)
    too_late = await schedules.insert("note", scheduled_time=past, grace_period_seconds=60)
    later = await schedules.insert("note", scheduled_time=future)

    await assert_its_clock_is_off(schedules, worker, shift)
    ran = [await schedules.reaches("SUCCEEDED", due), await schedules.reaches("SUCCEEDED", again)]
    assert ran[1]["attempt"] == 2
    assert "grace" in (await schedules.reaches("MISSED", too_late))["reason"]

    async def several() -> bool:
        rows = await schedules.executions(every_second)
        return len([row for row in rows if row["status"] == "SUCCEEDED"]) >= 4

    await until(several)
    await schedules.db.execute("UPDATE rowcall.schedules SET status = 'PAUSED' WHERE schedule_id = $1", every_second)
    rows, ended = await schedules.ended(every_second), await now(schedules)
    assert {(row["status"], row["attempt"]) for row in rows} == {("SUCCEEDED", 1)}
    pairs = itertools.pairwise(row["scheduled_for"] for row in rows)
    assert {late - early for early, late in pairs} == {timedelta(seconds=1)}
    assert max(row["executed_at"] - row["scheduled_for"] for row in rows) < MUCH
    assert [row for row in (*rows, *ran) if not seen_by_postgresql(row, began, ended)] == []
    assert await schedules.executions(later) == []
    assert (await schedules.row(later))["next_run_at"] == future
    assert (await audit(database)).findings == []


@on_wrong_clocks
async def test_a_lease_lasts_and_ends_whatever_the_clocks_of_the_hosts_say(
    start_worker: StartWorker,
    start_wrong: StartWorker,
    schedules: Schedules,
    journal: Journal,
    tmp_path: Path,
    shift: int,
) -> None:
    wrong = start_wrong()
    await assert_its_clock_is_off(schedules, wrong, shift)
    gate = {"gate": str(tmp_path / "gate")}
    kept = await schedules.insert("gated", input_data=gate)
    await until(lambda: len(journal.entries("started")) == 1)
    right = start_worker()

    async def both() -> list[asyncpg.Record]:
        found = await schedules.workers("RUNNING")
        return found if len(found) == 2 else []

    lease = timedelta(seconds=(await until(both))[0]["lease_seconds"])
    passed = await now(schedules) + 2 * lease

    async def two_leases_passed() -> bool:
        return await now(schedules) > passed

    await until(two_leases_passed)
    assert len(await schedules.workers("RUNNING")) == len(await schedules.workers()) == 2

    right.signal(SIGKILL)
    await right.ended()
    [dead] = await until(lambda: schedules.workers("DEAD"), what="the end of a lease, seen by the wrong clock's host")
    assert lease <= dead["ended_at"] - dead["last_beat_at"] < lease + MUCH
    (tmp_path / "gate").touch()
    row = await schedules.reaches("SUCCEEDED", kept)
    assert (row["attempt"], row["fence"]) == (1, 1)
    assert [entry.pid for entry in journal.entries("started")] == [wrong.pid]
