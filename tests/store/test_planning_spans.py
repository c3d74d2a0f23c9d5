"""The spans behind a schedule: paused, changed, taken up again; all are answered for, and the chain holds.

Changes are made by plain SQL, at the real present; where a story needs a past, its versions are aged.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from rowcall.domain.jitter import jitter_of
from rowcall.store.claiming import look
from rowcall.store.database import Database
from tests.store.stories import (
    HOUR,
    MINUTE,
    SECOND,
    ASchedule,
    AWorker,
    Connection,
    assert_chain_holds,
    change,
    ledger,
    plan,
    schedule,
    until_waiting_for_a_lock,
)

PRESENT = datetime.now(UTC).replace(microsecond=0)
CREATED = PRESENT - 10 * HOUR - 30 * MINUTE
"""Hourly from here: occurrences at CREATED + 1 h and so on, the last past one half an hour ago."""


async def answered_through(db: Connection, schedule_id: int, moment: datetime) -> None:
    """The schedule has run at this occurrence, and stands there."""
    await db.execute("SELECT rowcall.ensure_partitions($1, $1)", moment)
    await db.execute(
        "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, finished_at, schedule_version, priority,"
        " trigger, status, task_type, input_data) VALUES ($1, $2, $2, 1, 5, 'schedule', 'SUCCEEDED', 'work', '{}')",
        schedule_id,
        moment,
    )
    await change(db, schedule_id, f"last_occurrence_at = '{moment}', next_run_at = '{moment + HOUR}'")


async def test_resuming_answers_for_the_paused_span_with_one_row(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    paused = await a_schedule(created_at=CREATED)
    await answered_through(db, paused, CREATED + 3 * HOUR)
    await change(db, paused, "status = 'PAUSED', status_reason = 'moving house'", at=CREATED + 3 * HOUR + MINUTE)

    await change(db, paused, "status = 'ACTIVE'")
    await plan(database)

    assert (await ledger(db, paused))[1:] == [("SKIPPED", CREATED + 10 * HOUR)]
    skipped = await db.fetchrow("SELECT * FROM rowcall.schedule_executions WHERE status = 'SKIPPED'")
    assert skipped is not None
    assert skipped["covers_after"] == CREATED + 3 * HOUR
    assert skipped["reason"] == "paused: moving house"
    assert (skipped["trigger"], skipped["schedule_version"]) == ("schedule", 1)
    assert skipped["finished_at"] is not None
    row = await schedule(db, paused)
    assert (row["last_occurrence_at"], row["next_run_at"]) == (CREATED + 10 * HOUR, CREATED + 11 * HOUR)
    await assert_chain_holds(db, paused)


async def test_less_jitter_makes_nothing_missed_that_was_not_late(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    moments = [PRESENT - HOUR - seconds * SECOND for seconds in range(100)]
    put_off = next(moment for moment in moments if jitter_of(1, moment, 86400, None) > 2 * HOUR)
    single = await a_schedule(scheduled_time=put_off, jitter_seconds=86400, created_at=CREATED)
    await plan(database)
    assert (await schedule(db, single))["next_run_at"] > PRESENT + HOUR / 2

    await change(db, single, "jitter_seconds = 300")
    found = await look(database, await a_worker(), ["work"], 10)

    assert [claimed.schedule_id for claimed in found.claims] == [single] == [1]


async def test_what_was_due_when_the_pause_began_has_a_row_of_its_own(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    paused = await a_schedule(created_at=CREATED)
    await answered_through(db, paused, CREATED + 3 * HOUR)
    await change(db, paused, "status = 'PAUSED', status_reason = 'moving house'", at=CREATED + 5 * HOUR + MINUTE)

    await change(db, paused, "status = 'ACTIVE'")
    await plan(database)

    assert (await ledger(db, paused))[1:] == [("SKIPPED", CREATED + 5 * HOUR), ("SKIPPED", CREATED + 10 * HOUR)]
    reasons = await db.fetch(
        "SELECT reason FROM rowcall.schedule_executions WHERE status = 'SKIPPED' ORDER BY scheduled_for"
    )
    assert [row["reason"] for row in reasons] == ["paused: it was paused before it could start", "paused: moving house"]
    await assert_chain_holds(db, paused)


async def test_a_pause_in_which_nothing_was_due_leaves_no_row(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    paused = await a_schedule(created_at=CREATED)
    await answered_through(db, paused, CREATED + 10 * HOUR)
    await change(db, paused, "status = 'PAUSED'", at=CREATED + 10 * HOUR + MINUTE)

    await change(db, paused, "status = 'ACTIVE'")
    await plan(database)

    assert len(await ledger(db, paused)) == 1
    assert (await schedule(db, paused))["next_run_at"] == CREATED + 11 * HOUR


async def test_another_timing_closes_the_old_rule_at_that_moment(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    changed = await a_schedule(created_at=CREATED)
    await answered_through(db, changed, CREATED + 9 * HOUR)

    await change(db, changed, "interval_seconds = 7200")
    await plan(database)

    assert (await ledger(db, changed))[1:] == [("SKIPPED", CREATED + 10 * HOUR)]
    reason = await db.fetchval("SELECT reason FROM rowcall.schedule_executions WHERE status = 'SKIPPED'")
    assert reason == "changed: the timing was changed before it could start"
    assert (await schedule(db, changed))["next_run_at"] == CREATED + 12 * HOUR
    await assert_chain_holds(db, changed)


async def test_a_change_right_after_a_run_leaves_no_row(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    changed = await a_schedule(created_at=CREATED)
    await answered_through(db, changed, CREATED + 10 * HOUR)

    await change(db, changed, "interval_seconds = 7200")
    await plan(database)

    assert len(await ledger(db, changed)) == 1
    assert (await schedule(db, changed))["next_run_at"] == CREATED + 12 * HOUR


async def test_several_changes_are_closed_one_after_the_other(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    changed = await a_schedule(created_at=CREATED)
    await answered_through(db, changed, CREATED + HOUR)
    await change(db, changed, "interval_seconds = 1800", at=CREATED + 2 * HOUR + MINUTE)
    await change(db, changed, "status = 'PAUSED', status_reason = 'moving house'", at=CREATED + 4 * HOUR + MINUTE)
    await change(db, changed, "description = 'said otherwise'", at=CREATED + 5 * HOUR)
    await change(db, changed, "interval_seconds = 3600", at=CREATED + 6 * HOUR + MINUTE)

    await change(db, changed, "status = 'ACTIVE'")
    await plan(database)

    assert (await ledger(db, changed))[1:] == [
        ("SKIPPED", CREATED + 2 * HOUR),
        ("SKIPPED", CREATED + 4 * HOUR),
        ("SKIPPED", CREATED + 6 * HOUR),
        ("SKIPPED", CREATED + 10 * HOUR),
    ]
    await assert_chain_holds(db, changed)


async def test_far_days_are_made_for_what_is_answered_there(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    long_ago = PRESENT - timedelta(days=400)
    changed = await a_schedule(created_at=long_ago)
    await change(db, changed, "status = 'PAUSED'", at=long_ago + timedelta(days=1, minutes=1))

    await change(db, changed, "status = 'ACTIVE'")
    await plan(database)

    assert (await ledger(db, changed))[0] == ("SKIPPED", long_ago + timedelta(days=1))


async def test_a_change_that_waits_for_a_claim_finds_what_the_claim_wrote(
    database: Database, db: Connection, another_connection: Connection, a_schedule: ASchedule
) -> None:
    changed = await a_schedule(created_at=CREATED)
    await answered_through(db, changed, CREATED + 9 * HOUR)
    claim = db.transaction()
    await claim.start()
    await db.execute("SELECT FROM rowcall.schedules FOR NO KEY UPDATE")
    waiting = await another_connection.prepare("UPDATE rowcall.schedules SET interval_seconds = 7200")

    task = asyncio.create_task(waiting.fetch())
    await until_waiting_for_a_lock(db)
    await answered_through(db, changed, CREATED + 10 * HOUR)
    await claim.commit()
    await task
    await plan(database)

    assert [status for status, _ in await ledger(db, changed)] == ["SUCCEEDED", "SUCCEEDED"], "and nothing twice"
    assert (await schedule(db, changed))["next_run_at"] == CREATED + 12 * HOUR
