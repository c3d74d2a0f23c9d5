"""Real workers and real signals, with work in hand: kill -9, SIGTERM once and twice, SIGSTOP."""

from __future__ import annotations

import json
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import asyncpg
import pytest

from tests.worker.conftest import StartWorker
from tests.worker.journal import Journal
from tests.worker.processes import WorkerProcess
from tests.worker.schedules import Schedules
from tests.worker.waiting import until


class Gate:
    """What the tasks called gated wait for, wherever they run: a file."""

    def __init__(self, path: Path) -> None:
        self.input = {"gate": str(path)}
        self.open = path.touch


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


async def is_up(schedules: Schedules, worker: WorkerProcess) -> asyncpg.Record:
    """The row of this process, once it works."""

    async def row() -> asyncpg.Record | None:
        return next((each for each in await schedules.workers("RUNNING") if each["pid"] == worker.pid), None)

    found: asyncpg.Record = await until(row, what=f"worker {worker.pid}")
    return found


async def starts(journal: Journal, count: int) -> None:
    """Wait until tasks have started for so many times."""
    await until(lambda: len(journal.entries("started")) >= count, what=f"start number {count}")


async def outlive_the_lease(schedules: Schedules, worker: asyncpg.Record) -> None:
    """Wait, by the database's clock, for twice as long as this worker's lease would last without a beat from now on."""
    since = await schedules.db.fetchval("SELECT clock_timestamp()")
    query = "SELECT clock_timestamp() > $1::timestamptz + 2 * make_interval(secs => $2)"

    async def over() -> bool:
        found: bool = await schedules.db.fetchval(query, since, worker["lease_seconds"])
        return found

    await until(over)


async def test_the_work_of_a_killed_worker_is_recovered_by_another_after_its_lease(
    start_worker: StartWorker, schedules: Schedules, journal: Journal, gate: Gate
) -> None:
    doomed = start_worker()
    schedule_id = await schedules.insert("gated", input_data=gate.input)
    await starts(journal, 1)
    heir = start_worker()
    await is_up(schedules, heir)

    doomed.signal(SIGKILL)
    assert await doomed.ended() == -SIGKILL
    await starts(journal, 2)
    gate.open()
    row = await schedules.reaches("SUCCEEDED", schedule_id)

    first, second = journal.entries("started")
    assert (first.pid, second.pid) == (doomed.pid, heir.pid)
    assert (first.fence, second.fence) == (row["attempt"] - 1, row["fence"]) == (1, 2)
    [entry] = json.loads(row["errors"])
    assert (entry["attempt"], entry["status"]) == (1, "LOST")
    assert f":{doomed.pid} " in entry["error"]
    [dead] = await schedules.workers("DEAD")
    taken_over_after = (row["executed_at"] - dead["last_beat_at"]).total_seconds()
    assert taken_over_after >= dead["lease_seconds"]
    print(f"taken over {taken_over_after:.2f} s after the last beat; the lease is {dead['lease_seconds']:g} s")


async def test_the_work_of_a_killed_worker_is_lost_when_no_retry_is_left(
    start_worker: StartWorker, schedules: Schedules, journal: Journal, gate: Gate
) -> None:
    doomed = start_worker()
    schedule_id = await schedules.insert("gated", input_data=gate.input, max_retries=0)
    await starts(journal, 1)
    doomed.signal(SIGKILL)
    start_worker()
    row = await schedules.reaches("LOST", schedule_id)
    assert "no sign of life" in row["error_message"]
    assert len(journal.entries("started")) == 1


async def test_a_run_that_kills_its_worker_again_and_again_is_lost_after_its_attempts_and_says_so(
    start_worker: StartWorker, schedules: Schedules, journal: Journal
) -> None:
    schedule_id = await schedules.insert("kills-its-worker", max_retries=2)
    for attempt in (1, 2, 3):
        worker = start_worker()
        assert await worker.ended() == -SIGKILL
        assert len(journal.entries("started")) == attempt
    survivor = start_worker()
    row = await schedules.reaches("LOST", schedule_id)

    assert row["attempt"] == 3
    assert f"(id {row['worker_id']}) gave no sign of life while it ran this" in row["error_message"]
    entries = json.loads(row["errors"])
    assert [(entry["attempt"], entry["status"]) for entry in entries] == [(1, "LOST"), (2, "LOST"), (3, "LOST")]
    assert len({entry["error"] for entry in entries}) == 3, "each names the worker that it cost"
    await schedules.reaches("SUCCEEDED", await schedules.insert("note"))
    assert [entry.pid for entry in journal.entries("ran")] == [survivor.pid]
    assert len(journal.entries("started")) == 3


async def test_a_stopping_worker_finishes_what_runs_and_keeps_its_lease_however_long_it_takes(
    start_worker: StartWorker, schedules: Schedules, journal: Journal, gate: Gate
) -> None:
    old = start_worker()
    schedule_id = await schedules.insert("gated", input_data=gate.input)
    await starts(journal, 1)
    worker = await is_up(schedules, old)
    start_worker()  # would take an expired lease at its next sweep

    old.signal(SIGTERM)
    await until(lambda: schedules.workers("DRAINING"))
    await outlive_the_lease(schedules, worker)
    later = await schedules.insert("note")
    await schedules.reaches("SUCCEEDED", later)
    gate.open()
    assert await old.ended() == 0

    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"], row["errors"]) == (1, 1, None)
    assert journal.events() == ["started", "ran", "finished"]
    [taken_by] = [entry.pid for entry in journal.entries("ran")]
    assert taken_by != old.pid  # a draining worker claims nothing
    assert [each["worker_id"] for each in await schedules.workers("STOPPED")] == [worker["worker_id"]]


async def test_work_that_outlasts_the_drain_is_given_back_and_its_attempt_is_not_burnt(
    start_worker: StartWorker, schedules: Schedules, journal: Journal, gate: Gate
) -> None:
    old = start_worker(drain_timeout_seconds=0.3)
    schedule_id = await schedules.insert("gated", input_data=gate.input, max_retries=0)
    await starts(journal, 1)
    old.signal(SIGTERM)
    assert await old.ended() == 0
    row = await schedules.reaches("QUEUED", schedule_id)
    assert (row["attempt"], row["fence"], row["errors"]) == (0, 1, None)

    gate.open()
    start_worker()
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"], row["errors"]) == (1, 2, None)
    assert journal.events() == ["started", "started", "finished"]


@pytest.mark.parametrize("task_type", ["gated", "gated-in-a-thread"])
async def test_a_second_signal_ends_a_worker_at_once_whatever_it_runs(
    start_worker: StartWorker, schedules: Schedules, journal: Journal, gate: Gate, task_type: str
) -> None:
    worker = start_worker(drain_timeout_seconds=3600)
    schedule_id = await schedules.insert(task_type, input_data=gate.input)
    await starts(journal, 1)
    worker.signal(SIGTERM)
    await until(lambda: schedules.workers("DRAINING"))
    worker.signal(SIGTERM)
    await worker.ended(within=20)

    row = await schedules.reaches("QUEUED", schedule_id)
    assert (row["attempt"], row["fence"]) == (0, 1)
    assert journal.events() == ["started"]


async def test_a_worker_frozen_for_longer_than_its_lease_is_refused_and_works_on_under_another_id(
    start_worker: StartWorker, schedules: Schedules, journal: Journal, gate: Gate
) -> None:
    frozen = start_worker()
    schedule_id = await schedules.insert("gated", input_data=gate.input)
    await starts(journal, 1)
    before = await is_up(schedules, frozen)
    frozen.signal(SIGSTOP)
    heir = start_worker()
    await starts(journal, 2)
    gate.open()
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (row["attempt"], row["fence"]) == (2, 2)
    heir.signal(SIGTERM)
    assert await heir.ended() == 0

    frozen.signal(SIGCONT)
    after = await is_up(schedules, frozen)
    assert after["worker_id"] > before["worker_id"]
    await schedules.reaches("SUCCEEDED", await schedules.insert("note"))  # nobody else is there
    again = await schedules.reaches("SUCCEEDED", schedule_id)
    assert again == row  # nothing of what it brought from before counts
    assert [entry.pid for entry in journal.entries("started")] == [frozen.pid, heir.pid]
    assert "stale_result_refused" in frozen.log


async def test_a_task_that_blocks_the_event_loop_does_not_cost_its_worker_the_lease(
    start_worker: StartWorker, schedules: Schedules, journal: Journal
) -> None:
    worker = start_worker()
    row = await is_up(schedules, worker)
    await is_up(schedules, start_worker())  # whichever has not got the task would take an expired lease
    schedule_id = await schedules.insert("blocks-the-loop", input_data={"seconds": 2.5 * row["lease_seconds"]})
    blocked = await schedules.reaches("SUCCEEDED", schedule_id)
    assert (blocked["attempt"], blocked["fence"]) == (1, 1)
    assert blocked["duration_seconds"] >= 2.5 * row["lease_seconds"]
    assert len(await schedules.workers("RUNNING")) == len(await schedules.workers()) == 2


async def test_a_transaction_frozen_for_longer_than_its_lease_leaves_nothing_and_that_of_its_heir_counts(
    start_worker: StartWorker, schedules: Schedules, journal: Journal, gate: Gate
) -> None:
    await schedules.db.execute("CREATE TABLE public.effects (execution_id bigint, fence int)")
    frozen = start_worker()
    schedule_id = await schedules.insert("gated-in-a-transaction", input_data=gate.input)
    await starts(journal, 1)
    frozen.signal(SIGSTOP)
    start_worker()
    await starts(journal, 2)
    gate.open()
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    frozen.signal(SIGCONT)
    await until(lambda: "lease_lost" in frozen.log, what="the end of the first attempt")
    frozen.signal(SIGTERM)
    assert await frozen.ended() == 0

    assert row["fence"] == 2
    effects = await schedules.db.fetch("SELECT execution_id, fence FROM public.effects")
    assert [tuple(effect) for effect in effects] == [(row["execution_id"], 2)]
    assert await schedules.only_execution(schedule_id) == row
