"""Backfills in the store: what is fed, when and how often; and that the ledger stays whole, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest

from rowcall.domain.errors import Conflict, InvalidInput
from rowcall.domain.executions import Outcome
from rowcall.domain.explain_moment import explain_at
from rowcall.store.auditing import audit
from rowcall.store.backfills import (
    BackfillRow,
    Request,
    cancel_backfill,
    count_already_answered,
    find_backfill,
    plan_backfill,
    start_backfill,
)
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.executions import cancel_execution
from rowcall.store.explaining import moment_of, standing_of
from rowcall.store.feeding import STUCK_SECONDS, feed
from rowcall.store.leases import recover
from rowcall.store.ledger import ensure_days
from rowcall.store.planning import plan_schedules
from rowcall.store.schedules import delete_schedule, find_schedule, lock_schedule, pause_schedule
from tests.store.stories import HOUR, MINUTE, ASchedule, AWorker, Connection, finish, statuses

DAY = timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""In the past: all that is written now comes after it."""

START = {"interval_seconds": 3600, "starts_at": NOON, "created_at": NOON, "overlap_policy": "skip"}
"""Hourly from noon on."""

StartBackfill: TypeAlias = Callable[..., Awaitable[BackfillRow]]


@pytest.fixture
def a_backfill(database: Database) -> StartBackfill:
    async def start(schedule_id: int, since: datetime, until: datetime, **request: Any) -> BackfillRow:
        planned = await plan_backfill(database, await find_schedule(database, schedule_id), since, until)
        async with database.transaction() as transaction:
            schedule = await lock_schedule(transaction, schedule_id)
            return await start_backfill(transaction, schedule, planned, Request(requested_by="a test", **request))

    return start


@pytest.fixture
async def hourly(database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker) -> int:
    """Hourly from noon on; noon ran in time, then nobody looked for five hours, and then 18:00 ran."""
    schedule_id = await a_schedule(**START, grace_period_seconds=900)
    await plan_schedules(database)
    worker_id = await a_worker()
    for moment in (NOON + MINUTE, NOON + 6 * HOUR + MINUTE):
        await run_all(database, worker_id, now=moment)
    assert await rows(db, schedule_id) == [
        (0, "schedule", "SUCCEEDED"),
        (5, "schedule", "MISSED"),
        (6, "schedule", "SUCCEEDED"),
    ]
    return schedule_id


async def run_all(database: Database, worker_id: int, *, now: datetime | None = None) -> int:
    """Claim what there is, and have it succeed; how many that were."""
    found = await look(database, worker_id, ["work"], 100, now=now)
    await finish(database, worker_id, *((claim, Outcome.succeeded()) for claim in found.claims))
    return len(found.claims)


async def run_only(
    database: Database, db: Connection, worker_id: int, *, outcome: Outcome | None = None
) -> list[datetime]:
    """Claim what is queued, though schedules are due too; and end it."""
    await db.execute("UPDATE rowcall.schedules SET next_run_at = next_run_at + interval '100 years'")
    claims = (await look(database, worker_id, ["work"], 100)).claims
    await db.execute("UPDATE rowcall.schedules SET next_run_at = next_run_at - interval '100 years'")
    await finish(database, worker_id, *((claim, outcome or Outcome.succeeded()) for claim in claims))
    return [claim.scheduled_for for claim in claims]


async def work_through(database: Database, db: Connection, backfill_id: int, worker_id: int) -> list[datetime]:
    """Feed and run until the backfill is over; the occurrences that ran, in their order."""
    ran: list[datetime] = []
    for _ in range(100):
        await feed(database, ["work"])
        if (await find_backfill(database, backfill_id))["status"] != "RUNNING":
            return ran
        ran += await run_only(database, db, worker_id)
    raise AssertionError("it does not end")


async def rows(db: Connection, schedule_id: int) -> list[tuple[int, str, str]]:
    """The ledger of a schedule: hours after noon, trigger and status."""
    found = await db.fetch(
        "SELECT scheduled_for, trigger, status FROM rowcall.schedule_executions WHERE schedule_id = $1 AND"
        " trigger <> 'manual' ORDER BY scheduled_for",
        schedule_id,
    )
    return [((row["scheduled_for"] - NOON) // HOUR, row["trigger"], row["status"]) for row in found]


async def assert_whole(database: Database, until: datetime) -> None:
    """The audit has nothing to say of the ledger up to a moment."""
    assert (await audit(database, until=until)).findings == []


def counts(backfill: BackfillRow, *names: str) -> list[int]:
    return [backfill[name] for name in names]


@pytest.fixture(autouse=True)
async def old_installation(db: Connection) -> None:
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1, created_at = $1", NOON - 30 * DAY)


async def test_each_occurrence_that_never_ran_runs_once_in_order_and_the_ledger_stays_whole(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    assert backfill["total"] == 7
    await assert_whole(database, NOON + 6 * HOUR)
    ran = await work_through(database, db, backfill["backfill_id"], await a_worker())
    assert ran == [NOON + k * HOUR for k in (1, 2, 3, 4, 5)]
    assert await rows(db, hourly) == [
        (0, "schedule", "SUCCEEDED"),
        *((k, "backfill", "SUCCEEDED") for k in (1, 2, 3, 4)),
        (5, "schedule", "SUCCEEDED"),
        (6, "schedule", "SUCCEEDED"),
    ]
    done = await find_backfill(database, backfill["backfill_id"])
    assert done["status"] == "DONE"
    assert counts(done, "total", "already_answered", "enqueued", "succeeded", "failed", "cancelled", "open") == [
        7, 2, 5, 5, 0, 0, 0,
    ]  # fmt: skip
    await assert_whole(database, NOON + 6 * HOUR)


async def test_a_missed_row_is_opened_again_and_still_says_why_it_was_late(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    missed = await db.fetchrow("SELECT * FROM rowcall.schedule_executions WHERE status = 'MISSED'")
    assert missed is not None
    await a_backfill(hourly, NOON + 5 * HOUR, NOON + 6 * HOUR)
    await feed(database, ["work"])
    await assert_whole(database, NOON + 6 * HOUR)
    await run_only(database, db, await a_worker())
    row = await db.fetchrow("SELECT * FROM rowcall.schedule_executions WHERE execution_id = $1", missed["execution_id"])
    assert row is not None
    assert [row[name] for name in ("status", "trigger", "covers_after", "attempt", "priority")] == [
        "SUCCEEDED", "schedule", NOON, 1, 1,
    ]  # fmt: skip
    assert row["reason"] == f"backfilled: {missed['reason']}"
    await assert_whole(database, NOON + 6 * HOUR)


async def test_two_backfills_of_one_range_and_many_feeders_run_each_occurrence_once(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    two = [await a_backfill(hourly, NOON, NOON + 7 * HOUR, max_concurrent=3) for _ in range(2)]
    worker_id, ran = await a_worker(), []
    for _ in range(12):
        await asyncio.gather(*(feed(database, ["work"]) for _ in range(6)))
        ran += await run_only(database, db, worker_id)
    assert sorted(ran) == [NOON + k * HOUR for k in (1, 2, 3, 4, 5)]
    found = [await find_backfill(database, each["backfill_id"]) for each in two]
    assert [each["status"] for each in found] == ["DONE", "DONE"]
    assert sum(each["succeeded"] for each in found) == 5
    assert [each["already_answered"] + each["enqueued"] for each in found] == [7, 7]
    await assert_whole(database, NOON + 6 * HOUR)


async def test_a_feeder_that_dies_before_its_commit_leaves_nothing_behind(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    await db.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    await db.execute("CREATE TRIGGER dies AFTER UPDATE OF next_after ON rowcall.backfills EXECUTE FUNCTION die()")
    with pytest.raises(Exception, match="does not answer"):
        await feed(database, ["work"])
    await db.execute("DROP TRIGGER dies ON rowcall.backfills")
    assert (await find_backfill(database, backfill["backfill_id"]))["enqueued"] == 0
    assert len(await work_through(database, db, backfill["backfill_id"], await a_worker())) == 5


async def test_no_more_are_open_at_once_than_was_said(
    database: Database, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    await a_worker()
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR, max_concurrent=2)
    for _ in range(3):
        await feed(database, ["work"])
    assert (await find_backfill(database, backfill["backfill_id"]))["open"] == 2


async def test_all_backfills_together_take_a_quarter_of_the_slots(
    database: Database, db: Connection, hourly: int, a_schedule: ASchedule, a_backfill: StartBackfill
) -> None:
    await db.execute("UPDATE rowcall.workers SET slots = 13")
    for _ in range(2):
        await a_backfill(hourly, NOON, NOON + 7 * HOUR, max_concurrent=10)
    await feed(database, ["work"])
    await feed(database, ["work"])
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 3


async def test_the_rate_is_kept_whatever_else_would_be_possible(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    worker_id = await a_worker()
    backfill = await a_backfill(hourly, NOON + HOUR, NOON + 7 * HOUR, rate_per_minute=1, max_concurrent=5)
    assert (await feed(database, ["work"])).due_in_seconds == 60.0
    await run_only(database, db, worker_id)
    again = await feed(database, ["work"])
    assert again.enqueued == 0
    assert again.due_in_seconds is not None
    assert 50 < again.due_in_seconds <= 60
    await db.execute("UPDATE rowcall.backfills SET next_feed_at = now() - interval '1 hour'")
    assert (await feed(database, ["work"])).enqueued == 1  # what was not used is not saved up
    assert (await find_backfill(database, backfill["backfill_id"]))["enqueued"] == 2


async def test_only_a_worker_that_can_run_it_feeds_it(
    database: Database, hourly: int, a_backfill: StartBackfill
) -> None:
    await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    assert await feed(database, ["play"]) == await feed(database, [])
    assert (await feed(database, ["work"])).enqueued == 1


@pytest.mark.parametrize("policy", ["skip", "queue", "cancel_running", "allow"])
async def test_the_schedules_own_occurrences_run_as_if_no_backfill_were_there(
    database: Database,
    db: Connection,
    hourly: int,
    a_worker: AWorker,
    a_backfill: StartBackfill,
    policy: str,
) -> None:
    await db.execute(
        "UPDATE rowcall.schedules SET overlap_policy = $1, max_instances = $2", policy, 2 if policy == "allow" else 1
    )
    await db.execute("UPDATE rowcall.schedules SET max_executions = scheduled_runs + 1")
    worker_id = await a_worker()
    await a_backfill(hourly, NOON + HOUR, NOON + 7 * HOUR, max_concurrent=2)
    await feed(database, ["work"])
    found = await look(database, worker_id, ["work"], 10, now=NOON + 7 * HOUR)
    assert (7, "schedule", "RUNNING") in await rows(db, hourly)
    assert (await find_schedule(database, hourly))["status"] == "COMPLETED"
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions WHERE cancel_requested_at IS NOT NULL") == 0
    assert len(found.claims) == 1  # by the clock of that look, the backfill's are not available yet
    assert len(await run_only(database, db, worker_id)) == 2
    await assert_whole(database, NOON + 7 * HOUR)


async def test_what_cancels_the_schedules_own_run_leaves_those_of_a_backfill(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    await db.execute("UPDATE rowcall.schedules SET overlap_policy = 'cancel_running'")
    worker_id = await a_worker()
    await db.execute("UPDATE rowcall.workers SET slots = 100")
    await a_backfill(hourly, NOON + HOUR, NOON + 7 * HOUR, max_concurrent=2)
    await feed(database, ["work"])
    [own] = (await look(database, worker_id, ["work"], 10, now=NOON + 7 * HOUR)).claims
    assert len((await look(database, worker_id, ["work"], 1, now=NOON + 7 * HOUR + MINUTE)).claims) == 0
    await db.execute("UPDATE rowcall.open_executions SET available_at = $1 WHERE scheduled_for = $2", NOON, NOON + HOUR)
    assert len((await look(database, worker_id, ["work"], 1, now=NOON + 7 * HOUR + MINUTE)).claims) == 1
    await look(database, worker_id, ["work"], 10, now=NOON + 8 * HOUR)
    asked = await db.fetch("SELECT execution_id FROM rowcall.open_executions WHERE cancel_requested_at IS NOT NULL")
    assert [row["execution_id"] for row in asked] == [own.execution_id]
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions WHERE backfill_id IS NOT NULL") == 2


async def test_a_manual_run_does_not_line_up_behind_a_backfill(
    database: Database,
    hourly: int,
    a_backfill: StartBackfill,
    an_execution: Callable[[int], Awaitable[int]],
    db: Connection,
) -> None:
    await a_backfill(hourly, NOON + HOUR, NOON + 7 * HOUR)
    await feed(database, ["work"])
    execution_id = await an_execution(hourly)
    assert await db.fetchval(
        "SELECT available_at IS NOT NULL FROM rowcall.open_executions WHERE execution_id = $1", execution_id
    )


async def test_a_run_of_a_backfill_fails_is_tried_again_and_is_counted_as_it_ends(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    await db.execute("UPDATE rowcall.schedules SET max_retries = 1, retry_backoff_seconds = 0")
    worker_id = await a_worker()
    backfill = await a_backfill(hourly, NOON + HOUR, NOON + 3 * HOUR)
    await feed(database, ["work"])
    for _ in range(2):
        assert await run_only(database, db, worker_id, outcome=Outcome.failed("no")) == [NOON + HOUR]
        await feed(database, ["work"])
    found = await find_backfill(database, backfill["backfill_id"])
    assert counts(found, "enqueued", "succeeded", "failed", "open") == [2, 0, 1, 1]
    await work_through(database, db, backfill["backfill_id"], worker_id)
    found = await find_backfill(database, backfill["backfill_id"])
    assert counts(found, "enqueued", "succeeded", "failed", "open") == [2, 1, 1, 0]
    again = await a_backfill(hourly, NOON + HOUR, NOON + 3 * HOUR)
    assert await work_through(database, db, again["backfill_id"], worker_id) == []  # what ran and failed did run


async def test_a_worker_lost_in_the_middle_is_recovered_from(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    lost = await a_worker()
    backfill = await a_backfill(hourly, NOON + HOUR, NOON + 7 * HOUR)
    await feed(database, ["work"])
    await db.execute("UPDATE rowcall.schedules SET next_run_at = next_run_at + interval '100 years'")
    [claim] = (await look(database, lost, ["work"], 10)).claims
    await db.execute("UPDATE rowcall.schedules SET next_run_at = next_run_at - interval '100 years'")
    await db.execute("UPDATE rowcall.workers SET last_beat_at = now() - interval '1 hour' WHERE worker_id = $1", lost)
    assert (await recover(database)).requeued == 1
    ran = await work_through(database, db, backfill["backfill_id"], await a_worker())
    assert ran == [NOON + k * HOUR for k in (1, 2, 3, 4, 5)]
    late = await finish(database, lost, (claim, Outcome.succeeded()))
    assert [result.claim for result in late.refused] == [claim]
    assert await statuses(db, hourly) == ["SUCCEEDED"] * 7
    await assert_whole(database, NOON + 6 * HOUR)


async def test_cancelling_ends_what_is_queued_and_another_backfill_can_take_it_up(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    worker_id = await a_worker()
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR, max_concurrent=2)
    await feed(database, ["work"])
    cancelled = await cancel_backfill(database, backfill["backfill_id"], "a test")
    assert (cancelled["status"], cancelled["status_reason"]) == ("CANCELLED", "cancelled by a test")
    assert counts(cancelled, "enqueued", "cancelled", "open") == [2, 2, 0]
    assert (await feed(database, ["work"])).enqueued == 0
    await assert_whole(database, NOON + 6 * HOUR)
    with pytest.raises(Conflict, match="CANCELLED already"):
        await cancel_backfill(database, backfill["backfill_id"], "a test")
    again = await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    assert len(await work_through(database, db, again["backfill_id"], worker_id)) == 5
    assert await statuses(db, hourly) == ["SUCCEEDED"] * 7
    await assert_whole(database, NOON + 6 * HOUR)


async def test_deleting_the_schedule_ends_its_backfills(
    database: Database, hourly: int, a_backfill: StartBackfill
) -> None:
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    await feed(database, ["work"])
    async with database.transaction() as transaction:
        await delete_schedule(transaction, await lock_schedule(transaction, hourly))
    found = await find_backfill(database, backfill["backfill_id"])
    assert (found["status"], found["open"], found["cancelled"]) == ("CANCELLED", 0, 1)


@pytest.mark.parametrize("sql", ["UPDATE rowcall.schedules SET status = 'DISABLED'", "DELETE FROM rowcall.schedules"])
async def test_deleting_the_schedule_by_sql_ends_its_backfills_too(
    database: Database, db: Connection, hourly: int, a_backfill: StartBackfill, sql: str
) -> None:
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    await db.execute(sql)
    assert (await feed(database, [])).schedule_ids == frozenset()
    assert (await find_backfill(database, backfill["backfill_id"]))["status"] == "CANCELLED"


async def test_a_pause_stops_new_occurrences_only_and_the_backfill_goes_on(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    async with database.transaction() as transaction:
        await pause_schedule(transaction, await lock_schedule(transaction, hourly), None, "a test")
    assert len(await work_through(database, db, backfill["backfill_id"], await a_worker())) == 5


async def test_the_trigger_is_that_of_the_start_and_the_input_that_of_the_run(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    backfill = await a_backfill(hourly, NOON, NOON + 7 * HOUR)
    await db.execute("""UPDATE rowcall.schedules SET interval_seconds = 60, input_data = '{"new": 1}'""")
    await plan_schedules(database)
    assert len(await work_through(database, db, backfill["backfill_id"], await a_worker())) == 5
    inputs = await db.fetch("SELECT input_data FROM rowcall.schedule_executions WHERE backfill_id IS NOT NULL")
    assert [row["input_data"] for row in inputs] == ['{"new": 1}'] * 5
    await assert_whole(database, NOON + 6 * HOUR)


async def test_what_the_schedule_has_yet_to_answer_for_is_left_to_it(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    now: datetime = await db.fetchval("SELECT now()")
    backfill = await a_backfill(hourly, NOON, now)
    assert backfill["until"] == NOON + 6 * HOUR + timedelta(microseconds=1)
    worker_id = await a_worker()
    await work_through(database, db, backfill["backfill_id"], worker_id)
    await run_all(database, worker_id)  # the claim writes its rows, and meets none of ours
    assert (await find_schedule(database, hourly))["last_occurrence_at"] > NOON + 6 * HOUR
    async with database.transaction() as transaction:
        await pause_schedule(transaction, await lock_schedule(transaction, hourly), None, "a test")
    paused = await find_schedule(database, hourly)
    await db.execute("UPDATE rowcall.schedules SET last_occurrence_at = $1", NOON + 6 * HOUR)
    with pytest.raises(Conflict, match="is PAUSED, and does not answer"):
        await plan_backfill(database, paused, NOON, now)


async def test_a_new_schedule_can_be_run_for_the_time_before_it_was_created(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    now: datetime = await db.fetchval("SELECT now()")
    schedule_id = await a_schedule(cron_expression="0 3 * * *", created_at=now)
    await plan_schedules(database)
    backfill = await a_backfill(schedule_id, now - 40 * DAY, now)
    assert backfill["until"] == now
    ran = await work_through(database, db, backfill["backfill_id"], await a_worker())
    assert len(ran) == 40 == len(set(ran))
    assert (await audit(database)).findings == []


async def test_what_starts_in_the_past_and_nobody_has_looked_at_is_its_own_to_answer_for(
    database: Database, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule(interval_seconds=3600, starts_at=NOON, created_at=NOON + DAY)
    schedule = await find_schedule(database, schedule_id)
    with pytest.raises(Conflict, match="waits for a worker to plan it"):
        await plan_backfill(database, schedule, NOON - DAY, NOON + DAY)
    await plan_schedules(database)
    planned = await plan_backfill(database, await find_schedule(database, schedule_id), NOON - DAY, NOON + DAY)
    assert (planned.until, planned.occurrences) == (NOON, [])


async def test_a_dry_run_counts_and_changes_nothing(database: Database, db: Connection, hourly: int) -> None:
    before = await rows(db, hourly)
    planned = await plan_backfill(database, await find_schedule(database, hourly), NOON, NOON + 7 * HOUR)
    assert list(planned.occurrences) == [NOON + k * HOUR for k in range(7)]
    assert await count_already_answered(database, planned) == 2
    assert await rows(db, hourly) == before


async def test_a_range_that_was_forgotten_is_refused(database: Database, db: Connection, hourly: int) -> None:
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1", NOON + HOUR)
    with pytest.raises(InvalidInput, match=r"since: lies before .* no longer known"):
        await plan_backfill(database, await find_schedule(database, hourly), NOON, NOON + 7 * HOUR)


@pytest.mark.parametrize(
    ("since", "until", "fields"),
    [
        (NOON, NOON, ["until"]),
        (NOON, datetime(2900, 1, 1, tzinfo=UTC), ["until"]),
        (datetime(1969, 1, 1, tzinfo=UTC), NOON, ["since"]),
        (datetime(2901, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC), ["until", "until"]),
    ],
)
async def test_a_range_that_can_not_be_is_refused(
    database: Database, hourly: int, since: datetime, until: datetime, fields: Sequence[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await plan_backfill(database, await find_schedule(database, hourly), since, until)
    assert [fault.field for fault in refused.value.faults] == fields


async def test_an_empty_range_and_a_change_in_between_are_refused(
    database: Database, db: Connection, hourly: int, a_backfill: StartBackfill
) -> None:
    with pytest.raises(InvalidInput, match="no occurrence"):
        await a_backfill(hourly, NOON + MINUTE, NOON + 2 * MINUTE)
    planned = await plan_backfill(database, await find_schedule(database, hourly), NOON, NOON + 7 * HOUR)
    await db.execute("UPDATE rowcall.schedules SET priority = 9")
    async with database.transaction() as transaction:
        schedule = await lock_schedule(transaction, hourly)
        with pytest.raises(Conflict, match="was changed just now"):
            await start_backfill(transaction, schedule, planned, Request(requested_by="a test"))


async def test_a_backfill_whose_day_was_detached_by_hand_waits_and_all_others_go_on(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    """The day's table is in the way of a new one, until somebody renames it; it is not Rowcall's to drop."""
    worker_id = await a_worker()
    day = NOON - 5 * DAY
    await ensure_days(database, [day])
    table = f"rowcall.schedule_executions_{day:%Y%m%d}"
    await db.execute(f"ALTER TABLE rowcall.schedule_executions DETACH PARTITION {table}")
    stuck = await a_schedule(name="stuck", cron_expression="0 * * * *", created_at=NOON)
    fine = await a_schedule(name="fine", cron_expression="0 * * * *", created_at=NOON)
    await plan_schedules(database)
    waits = await a_backfill(stuck, day, day + 2 * HOUR)
    goes_on = await a_backfill(fine, NOON - 2 * HOUR, NOON)

    assert (await feed(database, ["work"])).enqueued == 1
    assert await work_through(database, db, goes_on["backfill_id"], worker_id) == [NOON - 2 * HOUR, NOON - HOUR]

    left = await find_backfill(database, waits["backfill_id"])
    assert (left["status"], left["enqueued"]) == ("RUNNING", 0)
    assert 0 <= ((await feed(database, ["work"])).due_in_seconds or -1) <= STUCK_SECONDS
    await db.execute(f"ALTER TABLE {table} RENAME TO kept_by_hand")
    await db.execute("UPDATE rowcall.backfills SET next_feed_at = now()")
    assert await work_through(database, db, waits["backfill_id"], worker_id) == [day, day + HOUR]


async def test_what_a_backfilled_row_answers_for_besides_is_still_told_as_missed(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    backfill = await a_backfill(hourly, NOON + 5 * HOUR, NOON + 6 * HOUR)
    await work_through(database, db, backfill["backfill_id"], await a_worker())

    schedule = await find_schedule(database, hourly)
    standing = await standing_of(database, schedule)
    told = [explain_at(await moment_of(database, schedule, NOON + k * HOUR), standing) for k in (4, 5)]

    assert [each.code for each in told] == ["missed", "succeeded"]
    assert "did not run: grace: not started within 900 s of its moment; execution" in told[0].sentence


async def test_how_late_a_schedule_runs_is_not_told_by_what_a_backfill_ran_of_it(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    health = "SELECT runs, lateness_p50_seconds, lateness_p95_seconds FROM rowcall.v_schedule_health"
    before = await db.fetchrow(health)
    assert before is not None
    backfill = await a_backfill(hourly, NOON + 5 * HOUR, NOON + 6 * HOUR)
    await work_through(database, db, backfill["backfill_id"], await a_worker())
    after = await db.fetchrow(health)
    assert after is not None
    assert tuple(after) == (before["runs"] + 1, *list(before.values())[1:])


async def test_the_figures_of_a_cancelled_backfill_stay_when_another_takes_up_what_it_left(
    database: Database, db: Connection, hourly: int, a_worker: AWorker, a_backfill: StartBackfill
) -> None:
    worker_id = await a_worker()
    await db.execute("UPDATE rowcall.workers SET slots = 100")
    given_up = await a_backfill(hourly, NOON + HOUR, NOON + 6 * HOUR, max_concurrent=5)
    await feed(database, ["work"])
    await cancel_execution(database, await db.fetchval("SELECT min(execution_id) FROM rowcall.open_executions"), "me")
    await cancel_backfill(database, given_up["backfill_id"], "me")
    names = ("total", "enqueued", "succeeded", "cancelled", "open")
    assert counts(await find_backfill(database, given_up["backfill_id"]), *names) == [5, 5, 0, 5, 0]

    for _ in range(2):
        another = await a_backfill(hourly, NOON + HOUR, NOON + 4 * HOUR, max_concurrent=5)
        await feed(database, ["work"])
        await cancel_backfill(database, another["backfill_id"], "me")
        assert counts(await find_backfill(database, another["backfill_id"]), *names) == [3, 3, 0, 3, 0]
    last = await a_backfill(hourly, NOON + HOUR, NOON + 6 * HOUR, max_concurrent=5)
    assert len(await work_through(database, db, last["backfill_id"], worker_id)) == 5

    found = [await find_backfill(database, given_up["backfill_id"] + k) for k in range(4)]
    assert [counts(each, *names) for each in found] == [[5, 5, 0, 5, 0], *[[3, 3, 0, 3, 0]] * 2, [5, 5, 5, 0, 0]]
