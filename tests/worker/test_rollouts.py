"""Static schedules while two versions of their app run side by side, as real processes."""

from __future__ import annotations

from signal import SIGTERM

import asyncpg

from tests.worker.conftest import StartWorker
from tests.worker.processes import WorkerProcess
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

OLD, NEW = "tests.worker.versions:old", "tests.worker.versions:new"
BEFORE = {"changed": "0 9 * * *", "same": "0 7 * * *", "removed": "0 8 * * *"}
AFTER = {"changed": "0 10 * * *", "same": "0 7 * * *", "added": "0 11 * * *"}


async def in_force(schedules: Schedules) -> dict[str, str]:
    rows = await schedules.db.fetch(
        "SELECT name, cron_expression FROM rowcall.schedules WHERE is_static AND status = 'ACTIVE'"
    )
    return {row["name"]: row["cron_expression"] for row in rows}


async def comes_to(schedules: Schedules, wanted: dict[str, str]) -> None:
    async def reached() -> bool:
        return await in_force(schedules) == wanted

    await until(reached, what=f"{wanted}")


async def is_up(schedules: Schedules, worker: WorkerProcess) -> None:
    """Wait until it has said what it declares, and has swept."""

    async def swept() -> asyncpg.Record | None:
        rows = await schedules.workers("RUNNING")
        return next((row for row in rows if row["pid"] == worker.pid and row["declares"] is not None), None)

    await until(swept, what=f"worker {worker.pid}")


async def stops(worker: WorkerProcess) -> None:
    worker.signal(SIGTERM)
    assert await worker.ended() == 0


async def changes(schedules: Schedules) -> int:
    """How often any schedule got another definition or status."""
    count: int = await schedules.db.fetchval("SELECT count(*) FROM rowcall.schedule_versions")
    return count


async def test_a_rollout_changes_each_static_schedule_once_however_often_workers_come_and_go(
    start_worker: StartWorker, schedules: Schedules
) -> None:
    steady = start_worker(OLD)
    await comes_to(schedules, BEFORE)
    for _ in range(2):
        for version in (NEW, OLD):
            passing = start_worker(version)
            await is_up(schedules, passing)
            await stops(passing)
    # "added" came with the first new worker, and was set aside when that had ended: the only two changes.
    await comes_to(schedules, BEFORE)
    assert await changes(schedules) == len(BEFORE) + 2

    successor = start_worker(NEW)
    await is_up(schedules, successor)
    assert await in_force(schedules) == BEFORE
    await stops(steady)
    await comes_to(schedules, AFTER)
    gone = await schedules.db.fetchrow("SELECT status, status_reason FROM rowcall.schedules WHERE name = 'removed'")
    assert gone is not None
    assert tuple(gone) == ("PAUSED", "gone: no worker of 'shop' declares it any more")

    before = await changes(schedules)
    straggler = start_worker(OLD)
    await is_up(schedules, straggler)
    await stops(straggler)
    assert (await in_force(schedules), await changes(schedules)) == (AFTER, before)
    await stops(successor)
