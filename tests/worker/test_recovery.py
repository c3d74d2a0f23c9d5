"""A worker with its hands full is killed: how long it takes until others have taken up all that it ran."""

from __future__ import annotations

from pathlib import Path
from signal import SIGKILL

from rowcall.store.auditing import audit
from rowcall.store.database import Database
from tests.worker.conftest import StartWorker
from tests.worker.journal import Journal
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

RUNS = 100
SWEEP_SECONDS = 1.0
SPREAD = 1.1
"""A sweep comes after its interval, or up to a tenth later."""

SLACK_SECONDS = 3.0
"""For a machine with much else to do: what the recovery itself takes is some hundredths of a second."""


async def test_a_hundred_runs_of_a_killed_worker_are_recovered_within_its_lease_and_one_sweep(
    start_worker: StartWorker, schedules: Schedules, database: Database, journal: Journal, tmp_path: Path
) -> None:
    settings = {"concurrency": RUNS, "poll_interval_seconds": SWEEP_SECONDS}
    doomed = start_worker(**settings)
    for _ in range(RUNS):
        await schedules.insert("gated", input_data={"gate": str(tmp_path / "gate")})
    await until(lambda: len(journal.entries("started")) == RUNS, what="the start of all")
    heirs = [start_worker(**settings) for _ in range(2)]

    async def all_up() -> bool:
        return len(await schedules.workers("RUNNING")) == 3

    await until(all_up)
    doomed.signal(SIGKILL)
    assert await doomed.ended() == -SIGKILL
    (tmp_path / "gate").touch()
    rows = await schedules.ended()

    assert {(row["status"], row["attempt"], row["fence"]) for row in rows} == {("SUCCEEDED", 2, 2)}
    again = [entry for entry in journal.entries("started") if entry.fence == 2]
    assert len(again) == len({entry.execution_id for entry in again}) == RUNS
    assert {entry.pid for entry in again} <= {heir.pid for heir in heirs}
    assert len(journal.entries("finished")) == RUNS
    [dead] = await schedules.workers("DEAD")
    after = sorted((row["executed_at"] - dead["last_beat_at"]).total_seconds() for row in rows)
    print(f"taken up again {after[0]:.2f} to {after[-1]:.2f} s after the last beat; lease {dead['lease_seconds']:g} s")
    assert dead["lease_seconds"] <= after[0]
    assert after[-1] <= dead["lease_seconds"] + SPREAD * SWEEP_SECONDS + SLACK_SECONDS
    assert (await audit(database)).findings == []
