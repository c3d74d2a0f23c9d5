"""The dead: of workers whose lease ran out, any replica takes back what they ran."""

import asyncio
import json
from datetime import datetime

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.counting import fold_outcomes
from rowcall.store.database import Database
from rowcall.store.forgetting import Kept
from rowcall.store.leases import beat, read_back, recover, set_worker_status
from rowcall.store.releasing import release_forgotten
from rowcall.store.surveying import survey
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
    schedule,
    status_of,
    statuses,
)


async def a_silent_workers_run(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, **columns: object
) -> tuple[int, Claim]:
    await a_schedule(**columns)
    worker = await a_worker()
    [claimed] = await claim(database, worker)
    await go_silent(db, worker)
    return worker, claimed


async def test_a_run_of_a_dead_worker_goes_back_to_the_queue(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    worker, lost = await a_silent_workers_run(database, db, a_schedule, a_worker)

    recovery = await recover(database)

    assert ([row["worker_id"] for row in recovery.dead], recovery.requeued) == ([worker], 1)
    assert recovery.dead[0]["silent_seconds"] >= 61
    row = await execution(db, lost.execution_id)
    assert (row["status"], row["worker_id"], row["attempt"], row["fence"]) == ("QUEUED", None, 1, 1)
    [entry] = json.loads(row["errors"])
    assert (entry["attempt"], entry["status"]) == (1, "LOST")
    assert f"id {worker}" in entry["error"]

    another = await a_worker()
    [again] = await claim(database, another)
    assert (again.execution_id, again.attempt, again.fence) == (lost.execution_id, 2, 2)


async def test_a_run_without_a_retry_left_is_lost_and_counted(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    _, lost = await a_silent_workers_run(database, db, a_schedule, a_worker, max_retries=0)

    recovery = await recover(database)

    assert (recovery.requeued, recovery.lost, recovery.cancelled) == (0, 1, 0)
    row = await execution(db, lost.execution_id)
    assert (row["status"], row["finished_at"] is not None) == ("LOST", True)
    assert "no sign of life" in row["error_message"]
    await fold_outcomes(database)
    counted = await schedule(db, lost.schedule_id)
    assert (counted["failed_runs"], counted["last_status"]) == (1, "LOST")


async def test_a_run_that_was_to_end_has_ended(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    _, lost = await a_silent_workers_run(database, db, a_schedule, a_worker)
    await db.execute("UPDATE rowcall.open_executions SET cancel_requested_at = now()")

    assert (await recover(database)).cancelled == 1

    assert (await execution(db, lost.execution_id))["status"] == "CANCELLED"


async def test_a_frozen_workers_late_result_is_refused(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    frozen, lost = await a_silent_workers_run(database, db, a_schedule, a_worker)
    await recover(database)

    before_the_next_claim = await finish(database, frozen, (lost, Outcome.succeeded("1")))
    another = await a_worker()
    [again] = await claim(database, another)
    after_it = await finish(database, frozen, (lost, Outcome.succeeded("1")))
    await finish(database, another, (again, Outcome.succeeded("2")))

    assert (len(before_the_next_claim.refused), len(after_it.refused)) == (1, 1)
    assert (await execution(db, lost.execution_id))["result_data"] == "2"


async def test_a_result_that_came_before_anyone_noticed_still_counts(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    silent, late = await a_silent_workers_run(database, db, a_schedule, a_worker)

    assert len((await finish(database, silent, (late, Outcome.succeeded()))).finished) == 1
    assert (await recover(database)).requeued == 0
    assert (await execution(db, late.execution_id))["status"] == "SUCCEEDED"


async def test_what_is_claimed_in_the_name_of_the_dead_is_taken_back(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    """A worker that froze in the middle of its claim, and woke up after its funeral."""
    worker = await a_worker()
    await go_silent(db, worker)
    await recover(database)
    await a_schedule()
    assert len(await claim(database, worker)) == 1

    recovery = await recover(database)

    assert (recovery.dead, recovery.requeued) == ([], 1)


async def test_a_worker_that_was_given_up_takes_nothing_away_from_itself(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    given_up, lost = await a_silent_workers_run(database, db, a_schedule, a_worker)

    assert (await recover(database, but=given_up)).requeued == 0
    assert (await execution(db, lost.execution_id))["status"] == "RUNNING"
    assert (await recover(database, but=await a_worker())).requeued == 1


async def test_what_a_stopped_worker_left_behind_is_taken_back_at_once(
    database: Database, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    worker = await a_worker()
    await a_schedule()
    await claim(database, worker)
    await set_worker_status(database, worker, "STOPPED")

    assert (await recover(database)).requeued == 1


async def test_the_living_keep_what_they_run(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_silent_workers_run(database, db, a_schedule, a_worker)
    living = await a_worker()
    kept = await a_schedule()
    await claim(database, living)

    await recover(database)

    assert await statuses(db, kept) == ["RUNNING"]
    assert await status_of(db, living) == "RUNNING"


async def test_the_lease_is_each_workers_own_and_the_moment_may_be_given(
    database: Database, db: Connection, a_worker: AWorker
) -> None:
    short, long = await a_worker(lease_seconds=5), await a_worker(lease_seconds=500)

    assert (await recover(database)).dead == []
    assert [row["worker_id"] for row in (await recover(database, now=await in_seconds(db, 10))).dead] == [short]
    assert [row["worker_id"] for row in (await recover(database, now=await in_seconds(db, 510))).dead] == [long]


async def test_a_worker_that_died_before_the_clock_went_back_is_given_up_a_lease_later(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    """By its last beat its lease would last for an hour and a minute: until the clock has come there again."""
    await a_schedule()
    dead, living = await a_worker(lease_seconds=60), await a_worker(lease_seconds=60)
    [lost] = await claim(database, dead)
    await db.execute("UPDATE rowcall.workers SET last_beat_at = clock_timestamp() + interval '1 hour'")
    assert (await survey(database, ["work"], [], Kept(0, 0, 0))).dead

    assert (await recover(database)).dead == []
    assert await beat(database, living, lease_seconds=500)
    assert not (await survey(database, ["work"], [], Kept(0, 0, 0))).dead
    assert (await recover(database, now=await in_seconds(db, 50))).dead == []
    recovery = await recover(database, now=await in_seconds(db, 61))
    assert ([row["worker_id"] for row in recovery.dead], recovery.requeued) == ([dead], 1)
    assert await statuses(db, lost.schedule_id) == ["QUEUED"]


async def in_seconds(db: Connection, seconds: int) -> datetime:
    moment: datetime = await db.fetchval("SELECT clock_timestamp() + make_interval(secs => $1)", seconds)
    return moment


async def test_many_are_taken_back_in_batches_by_several_replicas_each_once(
    database: Database, db: Connection, a_worker: AWorker
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, created_at, max_retries)"
        " SELECT 'work', 'interval', 3600, $1, n % 2 FROM generate_series(1, 1200) AS n",
        NOON - HOUR,
    )
    workers = [await a_worker() for _ in range(3)]
    claimed = 0
    while claimed < 1200:
        claims = [await claim(database, worker, limit=500) for worker in workers]
        claimed += sum(map(len, claims))
    for worker in workers:
        await go_silent(db, worker)

    recoveries = await asyncio.gather(*(recover(database) for _ in range(3)))

    assert sum(each.requeued for each in recoveries) == 600
    assert sum(each.lost for each in recoveries) == 600
    assert sum(len(each.dead) for each in recoveries) == 3
    entries = await db.fetch("SELECT DISTINCT jsonb_array_length(errors) AS count FROM rowcall.schedule_executions")
    assert [row["count"] for row in entries] == [1]


async def test_what_waited_for_the_lost_run_is_let_go(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    _, lost = await a_silent_workers_run(database, db, a_schedule, a_worker, max_retries=0, overlap_policy="queue")
    another = await a_worker()
    assert await claim(database, another, now=NOON + HOUR) == []

    await recover(database)

    assert [each.scheduled_for for each in await claim(database, another, now=NOON + HOUR)] == [NOON + HOUR]
    assert await statuses(db, lost.schedule_id) == ["LOST", "RUNNING"]


async def test_a_run_whose_result_is_being_written_is_left_alone(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_silent_workers_run(database, db, a_schedule, a_worker)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.open_executions FOR UPDATE")
        assert (await recover(database)).requeued == 0

    assert (await recover(database)).requeued == 1


async def test_who_sits_on_a_schedule_holds_up_no_recovery_and_no_readback(
    database: Database, db: Connection, another_connection: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    """What waits there is let go by a later sweep."""
    await a_schedule(max_retries=0, overlap_policy="queue")
    await a_schedule(overlap_policy="queue")
    dead, living = await a_worker(), await a_worker()
    [lost] = (await look(database, dead, ["work"], 1, now=NOON)).claims
    [unheld] = await claim(database, living)
    assert await claim(database, living, now=NOON + HOUR) == []  # both lie waiting
    await go_silent(db, dead)
    await db.execute(
        "UPDATE rowcall.open_executions SET cancel_requested_at = now() WHERE execution_id = $1", unheld.execution_id
    )

    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        async with asyncio.timeout(20):  # less than a statement may wait for a lock
            assert (await recover(database)).lost == 1
            assert (await read_back(database, living, {})).given_back == 1

    released = await release_forgotten(database)
    assert sorted(row["schedule_id"] for row in released) == sorted([lost.schedule_id, unheld.schedule_id])
