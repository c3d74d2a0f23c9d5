"""Whose a run is: a result counts from the worker that has the run now, at its present fence, and only once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from rowcall.domain.executions import DONE, Outcome
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from tests.store.stories import (
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    claim,
    execution,
    finish,
)


async def taken_over(database: Database, worker: int, another: int) -> tuple[Claim, Claim]:
    """An execution that `worker` claimed and `another` has now."""
    [slow] = await claim(database, worker)
    await finish(database, worker, (slow, Outcome.given_back()))
    [quick] = await claim(database, another)
    return slow, quick


@pytest.mark.parametrize("first_attempts", [0, 1, 3], ids=["none", "one", "most"])
async def test_results_of_first_and_later_attempts_go_together_in_a_batch(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, first_attempts: int
) -> None:
    retried = [await a_schedule(max_retries=3) for _ in range(5 - first_attempts)]
    await finish(database, worker, *((each, Outcome.given_back()) for each in await claim(database, worker)))
    for _ in range(first_attempts):
        await a_schedule()
    claims = await claim(database, worker)
    assert sorted(each.schedule_id for each in claims if each.fence == 2) == retried
    assert len(claims) == 5

    of_another_attempt = [replace(each, fence=3 - each.fence) for each in claims]
    assert (await finish(database, worker, *((each, DONE) for each in of_another_attempt))).finished == []
    assert (await finish(database, worker, *((each, DONE) for each in claims))).refused == []
    rows = await db.fetch("SELECT status, fence FROM rowcall.schedule_executions ORDER BY fence")
    assert [tuple(row) for row in rows] == [("SUCCEEDED", each.fence) for each in sorted(claims, key=lambda c: c.fence)]


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


SUCCESSES = pytest.mark.parametrize("success", [Outcome.succeeded("1"), DONE], ids=["with a result", "and that is all"])


@SUCCESSES
async def test_the_same_worker_with_an_old_fence_cant_finish_either(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, success: Outcome
) -> None:
    await a_schedule(max_retries=3)
    old, new = await taken_over(database, worker, worker)

    assert (await finish(database, worker, (old, success))).finished == []
    assert (await finish(database, worker, (old, Outcome.failed("no")))).requeued == []
    assert (await finish(database, worker, (new, Outcome.succeeded("2")))).refused == []
    assert (await execution(db, new.execution_id))["result_data"] == "2"


@SUCCESSES
async def test_another_worker_with_the_right_fence_cant_finish_either(
    database: Database, a_schedule: ASchedule, a_worker: AWorker, worker: int, success: Outcome
) -> None:
    await a_schedule()
    [claimed] = await claim(database, worker)

    assert (await finish(database, await a_worker(), (claimed, success))).finished == []
    assert (await finish(database, worker, (claimed, success))).refused == []


async def test_a_retry_is_not_queued_for_another_worker_with_the_right_fence(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, worker: int
) -> None:
    await a_schedule(max_retries=3)
    [claimed] = await claim(database, worker)

    for outcome in (Outcome.failed("no"), Outcome.given_back()):
        assert (await finish(database, await a_worker(), (claimed, outcome))).requeued == []
    assert (await execution(db, claimed.execution_id))["worker_id"] == worker


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


async def test_a_result_never_ends_a_run_of_another_occurrence_that_was_given_the_same_id(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(max_retries=3)
    [now] = await claim(database, worker)
    of_another_schedule = replace(now, schedule_id=now.schedule_id + 1)
    of_another_moment = replace(now, scheduled_for=now.scheduled_for - timedelta(seconds=1))

    for before in (of_another_schedule, of_another_moment):  # both lost with the last commits of another primary
        for outcome in (Outcome.succeeded("1"), Outcome.given_back()):
            assert (await finish(database, worker, (before, outcome))).refused
    assert [each.claim for each in (await finish(database, worker, (now, Outcome.succeeded("2")))).finished] == [now]
    assert (await execution(db, now.execution_id))["result_data"] == "2"
