"""The end of an attempt: closed, tried again or given back, and only by the worker whose it still is."""

import asyncio
import json
from datetime import datetime, timedelta
from random import Random

import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.finishing import fold_outcomes
from tests.store.stories import (
    HOUR,
    NOON,
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    claim,
    execution,
    finish,
    schedule,
    statuses,
)


@pytest.fixture
async def worker(a_worker: AWorker) -> int:
    return await a_worker()


async def open_rows(db: Connection) -> int:
    count: int = await db.fetchval("SELECT count(*) FROM rowcall.open_executions")
    return count


class Always(Random):
    """Draws the longest wait there is."""

    def random(self) -> float:
        return 1.0


# ── closed ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_result_is_written_down_and_the_lease_ends(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule()
    [claimed] = await claim(database, worker)

    recorded = await finish(database, worker, (claimed, Outcome.succeeded('{"sent": 3}')))

    row = await execution(db, claimed.execution_id)
    assert (row["status"], row["result_data"], row["duration_seconds"]) == ("SUCCEEDED", '{"sent": 3}', 0.25)
    assert row["finished_at"] > row["executed_at"]
    assert (row["error_message"], row["errors"], row["worker_id"]) == (None, None, worker)
    assert await open_rows(db) == 0
    assert ([each.claim for each in recorded.finished], recorded.requeued, recorded.refused) == ([claimed], [], [])


@pytest.mark.parametrize(
    ("outcome", "status"), [(Outcome.failed("no"), "FAILED"), (Outcome.timed_out("no"), "TIMED_OUT")]
)
async def test_an_attempt_without_a_retry_left_is_final(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, outcome: Outcome, status: str
) -> None:
    await a_schedule(max_retries=0)
    [claimed] = await claim(database, worker)

    await finish(database, worker, (claimed, outcome))

    row = await execution(db, claimed.execution_id)
    assert (row["status"], row["error_message"]) == (status, "no")
    assert [(entry["attempt"], entry["status"], entry["error"]) for entry in json.loads(row["errors"])] == [
        (1, status, "no")
    ]


async def test_a_cancelled_run_is_not_tried_again(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(max_retries=5)
    [claimed] = await claim(database, worker)

    await finish(database, worker, (claimed, Outcome.cancelled("it was told to end")))

    row = await execution(db, claimed.execution_id)
    assert (row["status"], row["error_message"], await open_rows(db)) == ("CANCELLED", "it was told to end", 0)


# ── tried again ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_failure_goes_back_to_the_queue_and_keeps_its_history(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(max_retries=2, retry_backoff_seconds=0)
    fences, attempts = [], []
    for outcome in (Outcome.failed("first"), Outcome.timed_out("second"), Outcome.succeeded()):
        [claimed] = await claim(database, worker)
        fences.append(claimed.fence)
        attempts.append(claimed.attempt)
        await finish(database, worker, (claimed, outcome))

    row = await execution(db, claimed.execution_id)
    history = json.loads(row["errors"])
    assert (attempts, fences) == ([1, 2, 3], [1, 2, 3])
    assert [(entry["attempt"], entry["status"], entry["error"]) for entry in history] == [
        (1, "FAILED", "first"),
        (2, "TIMED_OUT", "second"),
    ]
    for entry in history:
        began, ended = datetime.fromisoformat(entry["executed_at"]), datetime.fromisoformat(entry["finished_at"])
        assert ended - began == timedelta(seconds=0.25)
    assert await statuses(db, due) == ["SUCCEEDED"], "one row, whatever the number of attempts"
    counted = await schedule(db, due)
    assert (counted["total_runs"], counted["scheduled_runs"]) == (1, 1)


@pytest.mark.parametrize(
    ("base", "attempts", "longest"), [(10, 1, 10), (10, 3, 40), (3600, 2, 3600), (0.5, 2, 1), (0, 4, 0)]
)
async def test_the_wait_doubles_with_every_attempt_up_to_an_hour(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, base: float, attempts: int, longest: float
) -> None:
    await a_schedule(max_retries=9, retry_backoff_seconds=base)
    for _ in range(attempts):
        await db.execute("UPDATE rowcall.open_executions SET available_at = now() WHERE worker_id IS NULL")
        [claimed] = await claim(database, worker)
        before: datetime = await db.fetchval("SELECT clock_timestamp()")
        await finish(database, worker, (claimed, Outcome.failed("no")), random=Always())

    row = await execution(db, claimed.execution_id)
    waits = (row["available_at"] - before).total_seconds()
    assert longest <= waits < longest + 10
    assert (row["status"], row["worker_id"]) == ("QUEUED", None)
    assert await db.fetchval("SELECT available_at FROM rowcall.open_executions") == row["available_at"]


async def test_the_last_attempt_ends_it_with_all_entries(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(max_retries=2, retry_backoff_seconds=0)
    for number in range(3):
        [claimed] = await claim(database, worker)
        await finish(database, worker, (claimed, Outcome.failed(f"no {number}")))

    row = await execution(db, claimed.execution_id)
    assert (row["status"], row["attempt"], row["error_message"]) == ("FAILED", 3, "no 2")
    assert [entry["error"] for entry in json.loads(row["errors"])] == ["no 0", "no 1", "no 2"]
    assert await claim(database, worker) == []


async def test_an_attempt_given_back_is_not_burnt_and_the_fence_still_rises(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, worker: int
) -> None:
    due = await a_schedule(max_retries=0)
    [first] = await claim(database, worker)

    await finish(database, worker, (first, Outcome.given_back()))
    row = await execution(db, first.execution_id)
    assert (row["status"], row["attempt"], row["fence"], row["errors"]) == ("QUEUED", 0, 1, None)

    [second] = await claim(database, await a_worker())
    assert (second.execution_id, second.attempt, second.fence) == (first.execution_id, 1, 2)
    assert (await schedule(db, due))["total_runs"] == 1, "it was counted when it first began"


# ── whose is it ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def taken_over(database: Database, worker: int, another: int) -> tuple[Claim, Claim]:
    """An execution that `worker` claimed and `another` has now."""
    [slow] = await claim(database, worker)
    await finish(database, worker, (slow, Outcome.given_back()))
    [quick] = await claim(database, another)
    return slow, quick


async def test_a_worker_that_lost_its_run_to_another_cant_finish_it(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, worker: int
) -> None:
    await a_schedule(max_retries=3)
    another = await a_worker()
    slow, quick = await taken_over(database, worker, another)

    for outcome in (Outcome.succeeded("1"), Outcome.failed("no"), Outcome.given_back(), Outcome.cancelled("told to")):
        recorded = await finish(database, worker, (slow, outcome))
        assert [each.claim for each in recorded.refused] == [slow]
        row = await execution(db, slow.execution_id)
        assert (row["status"], row["worker_id"], row["fence"], row["errors"]) == ("RUNNING", another, 2, None)

    recorded = await finish(database, another, (quick, Outcome.succeeded("2")))
    assert [each.claim for each in recorded.finished] == [quick]
    assert (await execution(db, quick.execution_id))["result_data"] == "2"


async def test_the_same_worker_with_an_old_fence_cant_finish_either(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(max_retries=3)
    old, new = await taken_over(database, worker, worker)

    assert (await finish(database, worker, (old, Outcome.succeeded("1")))).finished == []
    assert (await finish(database, worker, (old, Outcome.failed("no")))).requeued == []
    assert (await finish(database, worker, (new, Outcome.succeeded("2")))).refused == []
    assert (await execution(db, new.execution_id))["result_data"] == "2"


async def test_another_worker_with_the_right_fence_cant_finish_either(
    database: Database, a_schedule: ASchedule, a_worker: AWorker, worker: int
) -> None:
    await a_schedule()
    [claimed] = await claim(database, worker)

    assert (await finish(database, await a_worker(), (claimed, Outcome.succeeded()))).finished == []
    assert (await finish(database, worker, (claimed, Outcome.succeeded()))).refused == []


async def test_results_sent_again_are_refused_without_harm(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    for _ in range(3):
        await a_schedule(max_retries=1)
    claims = await claim(database, worker)
    results = list(zip(claims, (Outcome.succeeded(), Outcome.failed("no"), Outcome.given_back()), strict=True))
    await finish(database, worker, *results)
    before = [dict(await execution(db, each.execution_id)) for each in claims]

    again = await finish(database, worker, *results)

    assert (again.finished, again.requeued, len(again.refused)) == ([], [], 3)
    assert [dict(await execution(db, each.execution_id)) for each in claims] == before
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 1


async def test_a_batch_of_all_kinds_is_sorted_out(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, worker: int
) -> None:
    stolen_from = await a_schedule(priority=10)
    stolen, _ = await taken_over(database, worker, await a_worker())
    for name in ("good", "bad", "worse", "late", "back", "gone"):
        await a_schedule(name=name, max_retries=0 if name == "worse" else 1)
    claims = {each.schedule_name: each for each in await claim(database, worker)}

    recorded = await finish(
        database,
        worker,
        (claims["good"], Outcome.succeeded()),
        (claims["bad"], Outcome.failed("no")),
        (claims["worse"], Outcome.failed("no")),
        (claims["late"], Outcome.timed_out("late")),
        (claims["back"], Outcome.given_back()),
        (claims["gone"], Outcome.cancelled("told to")),
        (stolen, Outcome.succeeded()),
    )

    assert [each.claim.schedule_name for each in recorded.finished] == ["good", "worse", "gone"]
    assert [each.claim.schedule_name for each in recorded.requeued] == ["bad", "late", "back"]
    assert [each.claim.schedule_id for each in recorded.refused] == [stolen_from]
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 4


# ── its end was requested meanwhile ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("outcome", "error"),
    [(Outcome.failed("no"), "no"), (Outcome.timed_out("late"), "late"), (Outcome.given_back(), None)],
)
async def test_what_was_to_end_is_not_tried_again(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, outcome: Outcome, error: str | None
) -> None:
    await a_schedule(max_retries=3)
    [claimed] = await claim(database, worker)
    await db.execute("UPDATE rowcall.open_executions SET cancel_requested_at = now()")

    recorded = await finish(database, worker, (claimed, outcome))

    row = await execution(db, claimed.execution_id)
    assert (row["status"], row["error_message"], await open_rows(db)) == ("CANCELLED", error, 0)
    assert [each.outcome.status for each in recorded.finished] == ["CANCELLED"]


async def test_what_ended_by_itself_before_the_request_was_heard_keeps_its_end(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    for name, retries in (("good", 3), ("bad", 0)):
        await a_schedule(name=name, max_retries=retries)
    claims = {each.schedule_name: each for each in await claim(database, worker)}
    await db.execute("UPDATE rowcall.open_executions SET cancel_requested_at = now()")

    await finish(database, worker, (claims["good"], Outcome.succeeded()), (claims["bad"], Outcome.failed("no")))

    assert (await execution(db, claims["good"].execution_id))["status"] == "SUCCEEDED"
    assert (await execution(db, claims["bad"].execution_id))["status"] == "FAILED"


# ── the counters ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def counters(db: Connection, schedule_id: int) -> tuple[int, int, int, str | None]:
    row = await schedule(db, schedule_id)
    return row["total_runs"], row["successful_runs"], row["failed_runs"], row["last_status"]


async def run(database: Database, worker: int, hours: int, outcome: Outcome) -> None:
    claims = await claim(database, worker, now=NOON + hours * HOUR)
    await finish(database, worker, *((each, outcome) for each in claims))


async def test_outcomes_are_folded_into_the_counters(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(max_retries=0)
    endings = [Outcome.succeeded(), Outcome.failed("no"), Outcome.timed_out("no"), Outcome.cancelled("told to")]
    for hours, outcome in enumerate(endings):
        await run(database, worker, hours, outcome)

    assert await counters(db, due) == (4, 0, 0, None)
    assert await fold_outcomes(database) == 1
    assert await counters(db, due) == (4, 1, 2, "CANCELLED")
    assert await fold_outcomes(database) == 0
    assert (await schedule(db, due))["version"] == 1


async def test_a_retry_counts_once_and_only_in_the_end(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(max_retries=1, retry_backoff_seconds=0)
    await run(database, worker, 0, Outcome.failed("no"))
    await fold_outcomes(database)
    assert await counters(db, due) == (1, 0, 0, None)

    await run(database, worker, 0, Outcome.succeeded())
    await fold_outcomes(database)
    assert await counters(db, due) == (1, 1, 0, "SUCCEEDED")


async def test_two_who_fold_at_once_count_everything_once(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    ids = [await a_schedule() for _ in range(10)]
    for hours in range(3):
        await run(database, worker, hours, Outcome.succeeded())
        await asyncio.gather(*(fold_outcomes(database, batches=1) for _ in range(4)))
    await fold_outcomes(database)

    assert [await counters(db, each) for each in ids] == [(3, 3, 0, "SUCCEEDED")] * 10
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 0


async def test_folding_waits_for_nobody_and_keeps_what_is_busy_for_the_next_time(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    busy, free = await a_schedule(), await a_schedule()
    for hours in range(2):
        await run(database, worker, hours, Outcome.succeeded())

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", busy)
        assert await fold_outcomes(database) == 1
    assert [(await counters(db, each))[1] for each in (busy, free)] == [0, 2]

    assert await fold_outcomes(database) == 1
    assert [(await counters(db, each))[1] for each in (busy, free)] == [2, 2]
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 0


async def test_outcomes_of_a_schedule_that_is_gone_do_not_stay_for_ever(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule()
    await run(database, worker, 0, Outcome.succeeded())
    await db.execute("DELETE FROM rowcall.schedules")

    assert await fold_outcomes(database) == 0
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 0


async def test_finishing_touches_the_schedule_of_nobody(
    database: Database,
    db: Connection,
    another_connection: Connection,
    a_schedule: ASchedule,
    an_execution: AnExecution,
    worker: int,
) -> None:
    """Whoever holds an open execution never waits for a schedule: a session that sits on one delays no result."""
    await an_execution(await a_schedule())
    [claimed] = await claim(database, worker)

    async with another_connection.transaction():
        await another_connection.execute("LOCK rowcall.schedules IN SHARE ROW EXCLUSIVE MODE")
        recorded = await asyncio.wait_for(finish(database, worker, (claimed, Outcome.succeeded())), 10)

    assert len(recorded.finished) == 1
    assert (await execution(db, claimed.execution_id))["status"] == "SUCCEEDED"
