"""A worker with nothing to do sends little, looks dead to nobody, and is as quick as ever when there is work."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from rowcall.store.database import Database
from rowcall.store.leases import recover
from rowcall.worker.heartbeat import Pace
from tests.worker.apps import app as testing
from tests.worker.conftest import Serve
from tests.worker.journal import Journal
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER, QUICK, quick_settings
from tests.worker.waiting import until


def paces(heartbeat_seconds: float) -> tuple[Pace, Pace]:
    """Of a worker at work, and of an idle one."""
    lease = quick_settings("", heartbeat_seconds=heartbeat_seconds).lease
    quick = Pace(heartbeat_seconds, lease.total_seconds())
    return quick, quick.slower()


async def the_worker(schedules: Schedules) -> asyncpg.Record:
    [row] = await schedules.workers()
    return row


async def until_lease(schedules: Schedules, pace: Pace) -> asyncpg.Record:
    """The worker, once it beats at this pace."""

    async def beats() -> asyncpg.Record | None:
        rows = await schedules.workers()
        return next((row for row in rows if row["lease_seconds"] == pace.lease_seconds), None)

    row: asyncpg.Record = await until(beats, what=f"a lease of {pace.lease_seconds} s")
    return row


async def test_an_idle_worker_beats_seldom_and_looks_dead_to_nobody(
    serve: Serve, schedules: Schedules, database: Database
) -> None:
    _, slow = paces(QUICK.heartbeat_seconds)
    await serve(testing)
    first = (await until_lease(schedules, slow))["last_beat_at"]
    beats = {first}

    async def beats_again() -> bool:
        assert (await recover(database)).dead == []
        assert await schedules.db.fetchval("SELECT is_alive FROM rowcall.v_workers")
        assert len(await database.fetch("alive_workers")) == 1
        beats.add((await the_worker(schedules))["last_beat_at"])
        return len(beats) == 3

    await until(beats_again, what="two more beats")
    assert (max(beats) - first).total_seconds() > 2 * 0.9 * slow.interval_seconds


async def test_an_idle_worker_is_back_at_its_quick_pace_with_its_first_claim(
    serve: Serve, schedules: Schedules, journal: Journal, tmp_path: Path
) -> None:
    quick, slow = paces(1.0)
    await serve(testing, heartbeat_seconds=1.0, poll_interval_seconds=NEVER)
    await until_lease(schedules, slow)

    gate = tmp_path / "gate"
    schedule_id = await schedules.insert("gated", input_data={"gate": str(gate)})
    began = (await schedules.reaches("RUNNING", schedule_id))["executed_at"]
    beat_at = (await until_lease(schedules, quick))["last_beat_at"]
    assert (beat_at - began).total_seconds() < slow.interval_seconds / 2

    gate.touch()
    await schedules.reaches("SUCCEEDED", schedule_id)
    await until_lease(schedules, slow)
