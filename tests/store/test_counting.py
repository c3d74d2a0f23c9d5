"""Outcomes on their way into the counters of their schedules: each counted once, and waiting for nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.backfills import cancel_queued
from rowcall.store.counting import fold_outcomes
from rowcall.store.database import Database
from rowcall.store.deleted import cancel_left_over
from rowcall.store.executions import cancel_execution
from rowcall.store.schedules import delete_schedule, lock_schedule
from tests.store.stories import (
    HOUR,
    NOON,
    AnExecution,
    ASchedule,
    Connection,
    claim,
    finish,
    older,
    schedule,
)

FAR = NOON + timedelta(days=365)

Door: TypeAlias = Callable[[Database, Connection, int, int], Awaitable[None]]
"""Cancels the queued execution of a schedule, by their ids."""

STREAM = """
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
    SELECT array_fill(1 + n % $2::int, ARRAY[$3::int]), array_fill(n::bigint, ARRAY[$3::int]),
           array_fill('SUCCEEDED'::text, ARRAY[$3::int])
      FROM generate_series(0, $1::int - 1) AS n
"""
"""So many batches of results, each with so many of one schedule, the first schedules in turn."""


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
    assert (await fold_outcomes(database)).changed == 1
    assert await counters(db, due) == (4, 1, 2, "CANCELLED")
    assert (await fold_outcomes(database)).changed == 0
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


async def by_name(database: Database, db: Connection, execution_id: int, schedule_id: int) -> None:
    await cancel_execution(database, execution_id, "a test")


async def by_the_next_run(database: Database, db: Connection, execution_id: int, schedule_id: int) -> None:
    await db.execute("UPDATE rowcall.schedules SET overlap_policy = 'cancel_running'")
    assert await claim(database, 1, now=NOON + 2 * HOUR) == []  # it is queued, and then what was is cancelled


async def with_its_backfill(database: Database, db: Connection, execution_id: int, schedule_id: int) -> None:
    await db.execute("UPDATE rowcall.open_executions SET backfill_id = 7")
    async with database.transaction() as transaction:
        await cancel_queued(transaction, 7, "its backfill was cancelled")


async def with_its_schedule(database: Database, db: Connection, execution_id: int, schedule_id: int) -> None:
    async with database.transaction() as transaction:
        assert await delete_schedule(transaction, await lock_schedule(transaction, schedule_id)) == 1


async def with_its_schedule_by_sql(database: Database, db: Connection, execution_id: int, schedule_id: int) -> None:
    await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED'")


async def behind_the_back_of_who_deleted_it(
    database: Database, db: Connection, execution_id: int, schedule_id: int
) -> None:
    await older(db, schedule_id, "status = 'DISABLED', disabled_at = now(), next_run_at = NULL")
    assert await cancel_left_over(database, [schedule_id])


DOORS = (
    by_name, by_the_next_run, with_its_backfill, with_its_schedule, with_its_schedule_by_sql,
    behind_the_back_of_who_deleted_it,
)  # fmt: skip


@pytest.mark.parametrize("cancel", DOORS)
async def test_a_retry_that_was_cancelled_while_it_was_queued_is_the_last_that_became_of_it(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, cancel: Door
) -> None:
    due = await a_schedule(max_retries=1)
    await run(database, worker, 0, Outcome.succeeded())
    await run(database, worker, 1, Outcome.failed("no"))
    await fold_outcomes(database)
    assert await counters(db, due) == (2, 1, 0, "SUCCEEDED")
    retried = await db.fetchval("UPDATE rowcall.open_executions SET available_at = $1 RETURNING execution_id", FAR)

    await cancel(database, db, retried, due)
    await fold_outcomes(database)
    assert (await counters(db, due))[1:] == (1, 0, "CANCELLED")


async def test_what_was_cancelled_before_it_ever_ran_leaves_the_last_status_alone(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    due = await a_schedule()
    await run(database, worker, 0, Outcome.succeeded())
    await cancel_execution(database, await an_execution(due), "a test")
    await fold_outcomes(database)
    assert await counters(db, due) == (1, 1, 0, "SUCCEEDED")


async def test_two_who_fold_at_once_count_everything_once(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    ids = [await a_schedule() for _ in range(10)]
    for hours in range(3):
        await run(database, worker, hours, Outcome.succeeded())
        await asyncio.gather(*(fold_outcomes(database, at_once=1) for _ in range(4)))
    await fold_outcomes(database)

    assert [await counters(db, each) for each in ids] == [(3, 3, 0, "SUCCEEDED")] * 10
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 0


async def test_a_steady_stream_of_small_batches_is_counted_as_fast_as_it_comes(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    ids = [await a_schedule() for _ in range(3)]
    since = 0
    for rounds in range(1, 4):
        await db.execute(STREAM, 2_100, len(ids), 2)  # a second's worth times seven
        since = (await fold_outcomes(database, since=since)).next_since
        assert [(await counters(db, each))[1] for each in ids] == [rounds * 1_400] * 3
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 0


async def test_a_transaction_counts_so_many_results_however_large_the_batches_are(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    ids = [await a_schedule() for _ in range(6)]
    await db.execute(STREAM, len(ids), len(ids), 1_000)

    first = await database.fetchrow("fold_outcomes", 1_500, 0, None)
    assert first is not None
    assert (first["changed"], first["through"], first["newest"]) == (2, 2, 6)
    assert (await fold_outcomes(database, at_once=1_500)).changed == 4
    assert [(await counters(db, each))[1] for each in ids] == [1_000] * 6


async def test_what_was_numbered_early_and_committed_late_is_counted_too(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    due = await a_schedule()
    async with database.transaction() as slow:
        await slow.connection.execute(STREAM, 1, 1, 1)
        await db.execute(STREAM, 200, 1, 1)
        counted = await fold_outcomes(database)
        assert (await counters(db, due))[1] == 200

    await fold_outcomes(database, since=counted.next_since)
    assert (await counters(db, due))[1] == 201


async def test_folding_ends_where_everything_is_busy(database: Database, db: Connection, a_schedule: ASchedule) -> None:
    ids = [await a_schedule() for _ in range(3)]
    await db.execute(STREAM, 30, len(ids), 1)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        counted = await fold_outcomes(database, at_once=1)
        assert counted.changed == 0
    await fold_outcomes(database, since=counted.next_since)
    assert [(await counters(db, each))[1] for each in ids] == [10] * 3


async def test_folding_waits_for_nobody_and_keeps_what_is_busy_for_the_next_time(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    busy, free = await a_schedule(), await a_schedule()
    for hours in range(2):
        await run(database, worker, hours, Outcome.succeeded())

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", busy)
        assert (await fold_outcomes(database)).changed == 1
    assert [(await counters(db, each))[1] for each in (busy, free)] == [0, 2]

    assert (await fold_outcomes(database)).changed == 1
    assert [(await counters(db, each))[1] for each in (busy, free)] == [2, 2]
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 0


async def test_outcomes_of_a_schedule_that_is_gone_do_not_stay_for_ever(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule()
    await run(database, worker, 0, Outcome.succeeded())
    await db.execute("DELETE FROM rowcall.schedules")

    assert (await fold_outcomes(database)).changed == 0
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 0


LAST_MINUTE = """
    INSERT INTO rowcall.outcomes (finished_at, schedule_ids, execution_ids, statuses)
    SELECT now() - make_interval(secs => $2), ARRAY[$1::bigint], ARRAY[$3::bigint], ARRAY[$4::text]
"""


async def test_a_result_that_was_passed_over_is_not_the_last_once_a_younger_one_was_counted(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    """Its schedule is busy in the first transaction of a counting, and free in the next, which has the younger one."""
    due = await a_schedule()
    await db.execute(LAST_MINUTE, due, 3.0, 1, "FAILED")
    await db.execute(LAST_MINUTE, due, 1.0, 2, "SUCCEEDED")
    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        first = await database.fetchrow("fold_outcomes", 1, 0, None)
    assert first is not None
    await database.fetchrow("fold_outcomes", 1, first["through"] + 1, first["newest"])
    assert await counters(db, due) == (0, 1, 0, "SUCCEEDED")

    await fold_outcomes(database)
    assert await counters(db, due) == (0, 1, 1, "SUCCEEDED")
    await db.execute(LAST_MINUTE, due, 0.0, 3, "TIMED_OUT")
    await fold_outcomes(database)
    assert await counters(db, due) == (0, 1, 2, "TIMED_OUT")


async def test_a_result_from_when_the_clock_was_ahead_is_not_the_last_for_ever(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    due = await a_schedule()
    await db.execute(LAST_MINUTE, due, -86400.0, 1, "FAILED")
    await fold_outcomes(database)
    assert (await counters(db, due))[3] == "FAILED"
    await db.execute(LAST_MINUTE, due, 0.0, 2, "SUCCEEDED")
    await fold_outcomes(database)
    assert (await counters(db, due))[3] == "SUCCEEDED"
