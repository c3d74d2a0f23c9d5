"""Overlap policies from end to end: what becomes of an occurrence while another execution of its schedule is open."""

import asyncio

import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.releasing import release_forgotten, release_waiting
from tests.store.stories import (
    HOUR,
    NOON,
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    assert_chain_holds,
    claim,
    execution,
    finish,
    ledger,
    statuses,
    until_waiting_for_a_lock,
)


@pytest.fixture
async def worker(a_worker: AWorker) -> int:
    return await a_worker()


async def test_skip_leaves_a_row_that_names_the_open_execution(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()
    [running] = await claim(database, worker)

    found = await look(database, worker, ["work"], 10, now=NOON + HOUR)

    assert found.claims == []
    assert [row["reason"] for row in found.recorded] == [f"overlap: execution {running.execution_id} is still open"]
    await finish(database, worker, (running, Outcome.succeeded()))
    assert len(await claim(database, worker, now=NOON + 2 * HOUR)) == 1
    assert await statuses(db, due) == ["SUCCEEDED", "SKIPPED", "RUNNING"]
    await assert_chain_holds(db, due)


async def test_queue_keeps_one_waiting_and_skips_the_next(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="queue")
    [running] = await claim(database, worker)

    assert await claim(database, worker, now=NOON + HOUR) == []
    assert await claim(database, worker, now=NOON + 2 * HOUR) == []
    assert await statuses(db, due) == ["RUNNING", "QUEUED", "SKIPPED"]

    await finish(database, worker, (running, Outcome.succeeded()))
    [released] = await claim(database, worker, now=NOON + 2 * HOUR)
    assert (released.scheduled_for, released.attempt, released.trigger) == (NOON + HOUR, 1, "schedule")
    await finish(database, worker, (released, Outcome.succeeded()))
    assert await statuses(db, due) == ["SUCCEEDED", "SUCCEEDED", "SKIPPED"]
    await assert_chain_holds(db, due)


async def test_what_waits_is_not_let_go_by_a_failure_that_is_tried_again(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="queue", max_retries=1, retry_backoff_seconds=0)
    [running] = await claim(database, worker)
    await claim(database, worker, now=NOON + HOUR)

    await finish(database, worker, (running, Outcome.failed("no")))
    [retry] = await claim(database, worker, now=NOON + HOUR)
    assert (retry.execution_id, retry.attempt) == (running.execution_id, 2)

    await finish(database, worker, (retry, Outcome.failed("no")))
    [released] = await claim(database, worker, now=NOON + HOUR)
    assert released.scheduled_for == NOON + HOUR
    assert await statuses(db, due) == ["FAILED", "RUNNING"]


async def test_allow_runs_up_to_max_instances_side_by_side(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="allow", max_instances=2)

    for hours, started in ((0, 1), (1, 1), (2, 0)):
        assert len(await claim(database, worker, now=NOON + hours * HOUR)) == started

    assert await statuses(db, due) == ["RUNNING", "RUNNING", "SKIPPED"]


async def test_cancel_running_ends_the_old_one_and_starts_when_it_has_ended(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)

    assert await claim(database, worker, now=NOON + HOUR) == []
    assert (await execution(db, old.execution_id))["cancel_requested_at"] is not None
    assert await statuses(db, due) == ["RUNNING", "QUEUED"]

    await finish(database, worker, (old, Outcome.cancelled("it was told to end")))
    [new] = await claim(database, worker, now=NOON + HOUR)
    assert new.scheduled_for == NOON + HOUR
    assert await statuses(db, due) == ["CANCELLED", "RUNNING"]


async def test_cancel_running_does_not_wait_for_a_retry(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)
    await finish(database, worker, (old, Outcome.failed("no")))
    await db.execute("UPDATE rowcall.open_executions SET available_at = $1", NOON + 9 * HOUR)

    assert await claim(database, worker, now=NOON + HOUR) == []
    [new] = await claim(database, worker, now=NOON + HOUR)

    assert new.scheduled_for == NOON + HOUR
    assert await statuses(db, due) == ["CANCELLED", "RUNNING"]
    assert "later occurrence" in (await execution(db, old.execution_id))["reason"]


async def test_cancel_running_waits_for_nobody_who_is_writing_a_result(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="cancel_running")
    [old] = await claim(database, worker)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.open_executions FOR UPDATE")
        assert await claim(database, worker, now=NOON + HOUR) == []

    await finish(database, worker, (old, Outcome.succeeded()))
    assert [new.scheduled_for for new in await claim(database, worker, now=NOON + HOUR)] == [NOON + HOUR]
    assert await statuses(db, due) == ["SUCCEEDED", "RUNNING"]


async def test_catching_up_runs_each_late_occurrence_in_turn(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(coalesce="all", grace_period_seconds=9 * 3600)
    late = NOON + 3 * HOUR

    ran = []
    for _ in range(4):
        [claimed] = await claim(database, worker, now=late)
        ran.append(claimed.scheduled_for)
        await finish(database, worker, (claimed, Outcome.succeeded()))

    assert ran == [NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]
    assert await claim(database, worker, now=late) == []
    assert await statuses(db, due) == ["SUCCEEDED"] * 4
    await assert_chain_holds(db, due)


async def test_a_requested_run_waits_behind_the_open_one(
    database: Database, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    due = await a_schedule()
    [running] = await claim(database, worker)
    first, second = await an_execution(due), await an_execution(due)
    assert await claim(database, worker) == []

    await finish(database, worker, (running, Outcome.succeeded()))
    [claimed] = await claim(database, worker)
    assert claimed.execution_id == first
    await finish(database, worker, (claimed, Outcome.succeeded()))
    assert [claimed.execution_id for claimed in await claim(database, worker)] == [second]


# ── letting go ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def waiting_ids(db: Connection) -> list[int]:
    rows = await db.fetch(
        "SELECT schedule_id FROM rowcall.open_executions WHERE worker_id IS NULL AND available_at IS NULL ORDER BY 1"
    )
    return [row["schedule_id"] for row in rows]


async def one_that_waits(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, *, forgotten: bool
) -> int:
    """A schedule with an execution that waits; `forgotten`: what it waited for ended, and nobody let it go."""
    due = await a_schedule(overlap_policy="queue")
    [running] = await claim(database, worker)
    await claim(database, worker, now=NOON + HOUR)
    if forgotten:
        await db.execute("DELETE FROM rowcall.open_executions WHERE execution_id = $1", running.execution_id)
        await db.execute(
            "UPDATE rowcall.schedule_executions SET status = 'SUCCEEDED', finished_at = now() WHERE execution_id = $1",
            running.execution_id,
        )
    return due


async def test_the_sweep_lets_go_what_nobody_let_go(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await one_that_waits(database, db, a_schedule, worker, forgotten=False)
    forgotten = await one_that_waits(database, db, a_schedule, worker, forgotten=True)

    released = await release_forgotten(database)

    assert [row["schedule_id"] for row in released] == [forgotten]
    assert (await execution(db, released[0]["execution_id"]))["available_at"] is not None
    assert await release_forgotten(database) == []


async def test_hundreds_that_wait_rightly_do_not_hide_one_that_was_forgotten(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, status)"
        " SELECT 'work', 'interval', 60, 'PAUSED' FROM generate_series(1, 600)"
    )
    await db.execute(
        "INSERT INTO rowcall.open_executions"
        " (execution_id, schedule_id, scheduled_for, worker_id, priority, trigger, route)"
        " SELECT -(2 * schedule_id + n), schedule_id, now(), nullif(n, 0) * $1, 5, 'manual', 'work'"
        "   FROM rowcall.schedules, generate_series(0, 1) AS n",
        worker,
    )
    forgotten = await one_that_waits(database, db, a_schedule, worker, forgotten=True)

    assert [row["schedule_id"] for row in await release_forgotten(database)] == [forgotten]


async def test_letting_go_waits_for_a_busy_schedule_and_holds_up_no_other(
    database: Database, db: Connection, another_connection: Connection, a_schedule: ASchedule, worker: int
) -> None:
    busy, free = [await one_that_waits(database, db, a_schedule, worker, forgotten=True) for _ in range(2)]

    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", busy)
        letting_go = asyncio.create_task(release_waiting(database, [busy, free]))
        await until_waiting_for_a_lock(db)
        assert await waiting_ids(db) == [busy], "the free one has been let go already"
        assert [claimed.schedule_id for claimed in await claim(database, worker)] == [free]

    assert sorted(row["schedule_id"] for row in await letting_go) == sorted([busy, free])


async def test_the_sweep_steps_over_a_busy_schedule(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    forgotten = await one_that_waits(database, db, a_schedule, worker, forgotten=True)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        assert await release_forgotten(database) == []

    assert [row["schedule_id"] for row in await release_forgotten(database)] == [forgotten]


async def test_two_replicas_never_give_one_place_away_twice(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    due = await a_schedule(max_instances=2)
    await claim(database, worker)
    for _ in range(6):
        await an_execution(due)
    await db.execute("UPDATE rowcall.open_executions SET available_at = NULL WHERE worker_id IS NULL")

    await asyncio.gather(*(release_waiting(database, [due]) for _ in range(6)))

    assert len(await waiting_ids(db)) == 5
    assert len(await claim(database, worker)) == 1
    assert len(await ledger(db, due)) == 7
