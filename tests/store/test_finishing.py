"""The end of an attempt: closed, tried again, given back, or cancelled meanwhile."""

import json
from datetime import datetime, timedelta
from random import Random

import pytest

from rowcall.domain.executions import END_REQUESTED, Outcome
from rowcall.store.database import Database
from rowcall.store.keeping import FEW
from tests.store.stories import (
    ASchedule,
    AWorker,
    Connection,
    claim,
    execution,
    finish,
    schedule,
    statuses,
)


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


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
@pytest.mark.parametrize("callback_url", [None, "https://example.org/told"], ids=["telling nobody", "telling"])
async def test_successes_are_written_down_alike_however_many_come_together(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, count: int, callback_url: str | None
) -> None:
    for _ in range(count):
        await a_schedule(callback_url=callback_url)
    claims = await claim(database, worker)
    mine, [lost] = claims[1:], claims[:1]
    await db.execute("UPDATE rowcall.open_executions SET fence = 2 WHERE execution_id = $1", lost.execution_id)

    recorded = await finish(database, worker, *((each, Outcome.succeeded()) for each in claims))

    assert ([each.claim for each in recorded.finished], [each.claim for each in recorded.refused]) == (mine, [lost])
    for each in mine:
        row = await execution(db, each.execution_id)
        assert (row["status"], row["duration_seconds"], row["finished_at"] > row["executed_at"]) == (
            "SUCCEEDED", 0.25, True
        )  # fmt: skip
        assert (row["result_data"], row["error_message"], row["errors"], row["reason"]) == (None, None, None, None)
    counted = await db.fetchval("SELECT sum(cardinality(execution_ids)) FROM rowcall.outcomes")
    told = await db.fetch("SELECT execution_id FROM rowcall.webhook_deliveries ORDER BY 1")
    assert (counted or 0, await open_rows(db)) == (len(mine), 1)
    assert [row["execution_id"] for row in told] == (sorted(each.execution_id for each in mine) if callback_url else [])


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
    assert row["reason"] == (None if error else END_REQUESTED)
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
