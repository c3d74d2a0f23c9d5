"""Leases: they last while their worker beats, and a worker reads back what runs in its name."""

import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.database import Database
from rowcall.store.leases import (
    Beat,
    OfferedTask,
    WorkerCard,
    beat,
    read_back,
    recover,
    register_worker,
    set_worker_status,
)
from tests.store.stories import (
    HOUR,
    NOON,
    ASchedule,
    AWorker,
    Connection,
    claim,
    execution,
    finish,
    go_silent,
    status_of,
)

# ── beats ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_worker_is_known_by_a_new_id_at_each_start_and_its_tasks_from_then_on(
    database: Database, db: Connection
) -> None:
    card = WorkerCard("here:7", "here", 7, "1.2", ["billing"], ["mail", "mail@fast"], 4, 30)
    task = OfferedTask("mail", "billing", "Sends mail", ["fast", "cheap"], "thread", 9.5)

    first = await register_worker(database, card, [task])
    second = await register_worker(database, card, [task])

    assert second > first
    row = await db.fetchrow("SELECT * FROM rowcall.workers WHERE worker_id = $1", first)
    assert row is not None
    assert (row["name"], row["routes"], row["status"], row["lease_seconds"]) == (
        "here:7",
        ["mail", "mail@fast"],
        "RUNNING",
        30,
    )
    offered = await db.fetchrow("SELECT * FROM rowcall.tasks")
    assert offered is not None
    assert (offered["task_type"], offered["capabilities"], offered["timeout_seconds"]) == (
        "mail",
        ["cheap", "fast"],
        9.5,
    )


async def test_a_beat_renews_the_lease(database: Database, db: Connection, a_worker: AWorker) -> None:
    worker = await a_worker()
    await go_silent(db, worker, seconds=59)

    assert await beat(database, worker)

    silence = await db.fetchval(
        "SELECT extract(epoch FROM clock_timestamp() - last_beat_at)::float8 FROM rowcall.workers"
    )
    assert silence < 10
    assert (await recover(database)).dead == []


async def test_a_beat_after_the_lease_ran_out_is_refused_even_before_anyone_noticed(
    database: Database, db: Connection, a_worker: AWorker
) -> None:
    worker = await a_worker()
    await go_silent(db, worker)

    assert not await beat(database, worker)
    await recover(database)
    assert not await beat(database, worker)
    assert await status_of(db, worker) == "DEAD"


async def test_a_worker_that_has_said_goodbye_does_not_beat(
    database: Database, db: Connection, a_worker: AWorker
) -> None:
    worker = await a_worker()

    await set_worker_status(database, worker, "DRAINING")
    assert await beat(database, worker)
    await set_worker_status(database, worker, "STOPPED")
    assert not await beat(database, worker)
    await set_worker_status(database, worker, "DRAINING")
    assert await status_of(db, worker) == "STOPPED"


async def test_requests_to_end_are_read_by_their_worker(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    worker, another = await a_worker(), await a_worker()
    await a_schedule()
    [claimed] = await claim(database, worker)
    assert await beat(database, worker) == Beat(runs=True, to_end=[])
    await db.execute("UPDATE rowcall.open_executions SET cancel_requested_at = now()")

    assert await beat(database, worker) == Beat(runs=True, to_end=[claimed.execution_id])
    assert await beat(database, another) == Beat(runs=False, to_end=[])


async def test_a_beat_says_for_how_long_the_lease_is_renewed(
    database: Database, db: Connection, a_worker: AWorker
) -> None:
    worker = await a_worker()
    given = "SELECT lease_seconds FROM rowcall.workers WHERE worker_id = $1"

    assert await beat(database, worker, 45.0)
    assert await db.fetchval(given, worker) == 45.0
    assert await beat(database, worker)
    assert await db.fetchval(given, worker) == 45.0


# ── reading back ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_claim_that_nobody_holds_is_given_back(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    """The COMMIT's answer was lost: the database says RUNNING, and the worker knows nothing of it."""
    for _ in range(2):
        await a_schedule(max_retries=0)
    held, unheld = await claim(database, worker)

    readback = await read_back(database, worker, {held.execution_id: held.fence})

    assert (readback.present, readback.given_back) == (frozenset({held.execution_id}), 1)
    row = await execution(db, unheld.execution_id)
    assert (row["status"], row["attempt"], row["fence"], row["errors"]) == ("QUEUED", 0, 1, None)
    [again] = await claim(database, worker)
    assert (again.execution_id, again.attempt, again.fence) == (unheld.execution_id, 1, 2)
    assert (await execution(db, held.execution_id))["status"] == "RUNNING"


async def test_between_full_readbacks_what_is_held_and_what_is_new_is_read(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, worker: int
) -> None:
    for _ in range(2):
        await a_schedule()
    old, held = await claim(database, worker)
    first = await read_back(database, worker, {old.execution_id: old.fence, held.execution_id: held.fence})
    assert first.through == max(old.execution_id, held.execution_id)
    for _ in range(2):
        await a_schedule()
    [unheld] = await claim(database, worker, limit=1)
    await claim(database, await a_worker(), limit=1)

    second = await read_back(database, worker, {held.execution_id: held.fence}, since=first.through)

    assert (second.present, second.given_back, second.through) == (
        frozenset({held.execution_id}), 1, unheld.execution_id
    )  # fmt: skip
    assert (await execution(db, unheld.execution_id))["status"] == "QUEUED"
    assert (await read_back(database, worker, {held.execution_id: held.fence})).given_back == 1, "the full one finds it"
    assert (await execution(db, old.execution_id))["status"] == "QUEUED"


async def test_what_is_held_with_an_old_fence_is_not_held(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule()
    [first] = await claim(database, worker)
    await finish(database, worker, (first, Outcome.given_back()))
    await claim(database, worker)

    readback = await read_back(database, worker, {first.execution_id: first.fence})

    assert (readback.present, readback.given_back) == (frozenset(), 1)


@pytest.mark.parametrize("in_full", [True, False], ids=["a full one", "a short one"])
async def test_what_is_held_but_anothers_by_now_is_missing_from_what_is_present(
    database: Database, a_schedule: ASchedule, a_worker: AWorker, worker: int, in_full: bool
) -> None:
    await a_schedule()
    [claimed] = await claim(database, worker)
    await finish(database, worker, (claimed, Outcome.given_back()))
    await claim(database, await a_worker())

    held = {claimed.execution_id: claimed.fence}
    readback = await read_back(database, worker, held, since=None if in_full else claimed.execution_id)

    assert (readback.present, readback.given_back) == (frozenset(), 0)


async def test_an_unheld_claim_that_was_cancelled_ends(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="queue")
    [unheld] = await claim(database, worker)
    await claim(database, worker, now=NOON + HOUR)
    await db.execute("UPDATE rowcall.open_executions SET cancel_requested_at = now() WHERE worker_id IS NOT NULL")

    assert (await read_back(database, worker, {})).given_back == 1

    row = await execution(db, unheld.execution_id)
    assert (row["status"], row["errors"]) == ("CANCELLED", None)
    assert [each.schedule_id for each in await claim(database, worker, now=NOON + HOUR)] == [due], (
        "and lets the next go"
    )
