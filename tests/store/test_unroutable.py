"""What no live worker can run stays due until its grace ends, and then is answered for by any replica."""

import pytest

from rowcall.store.database import Database
from rowcall.store.unroutable import AT_ONCE, OF_A_LANE, STRETCH, Walk, answer_unroutable
from tests.store.stories import HOUR, MINUTE, NOON, ASchedule, Connection, ledger, plan, schedule

PAST_GRACE = NOON + 16 * MINUTE


async def test_past_its_grace_it_is_missed_for_want_of_a_worker(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    plain = await a_schedule(task_type="painting")
    capable = await a_schedule(task_type="painting", capability_required="oil")
    await plan(database)

    recorded = await answer_unroutable(database, ["work"], now=PAST_GRACE)

    assert {row["schedule_id"]: row["reason"] for row in recorded} == {
        plain: "unroutable: no live worker offered task 'painting' before its grace ran out",
        capable: "unroutable: no live worker offered task 'painting' with capability 'oil' before its grace ran out",
    }
    assert await ledger(db, plain) == [("MISSED", NOON)]
    assert (await schedule(db, plain))["next_run_at"] == NOON + HOUR
    assert await answer_unroutable(database, ["work"], now=PAST_GRACE) == []


async def test_within_its_grace_it_stays_due(database: Database, db: Connection, a_schedule: ASchedule) -> None:
    foreign = await a_schedule(task_type="painting")
    await plan(database)

    assert await answer_unroutable(database, ["work"], now=NOON + 15 * MINUTE) == []

    assert (await schedule(db, foreign))["next_run_at"] == NOON


async def test_what_this_replica_can_run_is_left_to_its_claim(database: Database, a_schedule: ASchedule) -> None:
    await a_schedule(task_type="painting")
    await plan(database)

    assert await answer_unroutable(database, ["painting"], now=PAST_GRACE) == []


async def test_where_a_live_worker_offers_it_the_reason_is_that_it_was_late(
    database: Database, a_schedule: ASchedule, db: Connection
) -> None:
    await db.execute(
        "INSERT INTO rowcall.workers (name, host, pid, rowcall_version, routes, slots, lease_seconds, status, ended_at)"
        " VALUES ('alive', 'h', 1, '0', '{painting}', 1, 30, 'RUNNING', NULL),"
        "        ('dead', 'h', 1, '0', '{sculpting}', 1, 30, 'DEAD', now())"
    )
    painting, sculpting = await a_schedule(task_type="painting"), await a_schedule(task_type="sculpting")
    await plan(database)

    recorded = await answer_unroutable(database, ["work"], now=PAST_GRACE)

    reasons = {row["schedule_id"]: row["reason"] for row in recorded}
    assert reasons[painting] == "grace: not started within 900 s of its moment"
    assert reasons[sculpting].startswith("unroutable")


async def test_one_row_answers_for_a_long_absence_and_what_is_within_grace_is_kept(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    foreign = await a_schedule(task_type="painting")
    await plan(database)

    await answer_unroutable(database, ["work"], now=NOON + 100 * HOUR + MINUTE)

    assert await ledger(db, foreign) == [("MISSED", NOON + 99 * HOUR)]
    assert (await schedule(db, foreign))["next_run_at"] == NOON + 100 * HOUR


async def test_a_single_moment_that_nobody_could_run_completes(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    once = await a_schedule(task_type="painting", scheduled_time=NOON)
    await plan(database)

    await answer_unroutable(database, ["work"], now=PAST_GRACE)

    assert await ledger(db, once) == [("MISSED", NOON)]
    assert (await schedule(db, once))["status"] == "COMPLETED"


@pytest.mark.parametrize("count", [1, 40])
async def test_a_row_that_cant_be_planned_stops_none_of_the_others(
    database: Database, db: Connection, a_schedule: ASchedule, count: int
) -> None:
    bad = await a_schedule(
        task_type="painting", cron_expression="@hourly", timezone="Mars/Olympus", next_run_at=NOON - HOUR
    )
    others = [await a_schedule(task_type=f"painting-{number}") for number in range(count)]
    await plan(database)

    recorded = await answer_unroutable(database, ["work"], now=PAST_GRACE)

    assert sorted(row["schedule_id"] for row in recorded) == others
    row = await schedule(db, bad)
    assert row["status"] == "INVALID"
    assert "timezone" in row["status_reason"]


async def test_a_row_that_somebody_holds_has_its_turn_in_the_next_sweep(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    foreign = await a_schedule(task_type="painting")
    await plan(database)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        assert await answer_unroutable(database, ["work"], now=PAST_GRACE) == []

    assert [row["schedule_id"] for row in await answer_unroutable(database, ["work"], now=PAST_GRACE)] == [foreign]


# ── among very many ───────────────────────────────────────────────────────────────────────────────────────────────────

PATIENT = """
    INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, created_at, grace_period_seconds, name)
    SELECT 'painting', 'interval', 86400, $2::timestamptz - interval '1 day', 86400, 'patient-' || n
      FROM generate_series(1, $1::int) AS n
"""


async def test_one_behind_very_many_that_have_more_patience_is_found_by_the_walk(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    await db.execute(PATIENT, STRETCH + OF_A_LANE, NOON - HOUR)
    behind = await a_schedule(task_type="painting")
    while await plan(database):
        pass
    walk = Walk()

    sweeps = [await answer_unroutable(database, ["work"], walk, now=PAST_GRACE) for _ in range(3)]

    assert [[row["schedule_id"] for row in recorded] for recorded in sweeps] == [[], [behind], []]


async def test_a_walk_begins_anew_where_the_schedules_end(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    await db.execute(PATIENT, OF_A_LANE, NOON - HOUR)
    await plan(database)
    walk = Walk(after=10**9)

    assert await answer_unroutable(database, ["work"], walk, now=PAST_GRACE) == []
    assert walk.after == 0


async def test_more_than_one_look_takes_are_answered_in_one_sweep(database: Database, db: Connection) -> None:
    count = 2 * OF_A_LANE + AT_ONCE // 2
    await db.execute(PATIENT, count, NOON - HOUR)
    while await plan(database):
        pass

    recorded = await answer_unroutable(database, ["work"], now=NOON + 24 * HOUR)

    assert len(recorded) == count


async def test_a_walk_leaves_alone_what_this_replica_can_run_and_what_is_not_past_its_grace(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    await db.execute(PATIENT, OF_A_LANE, NOON - HOUR)
    own, paused = await a_schedule(), await a_schedule(task_type="painting", status="PAUSED")
    await plan(database)

    assert await answer_unroutable(database, ["work"], now=PAST_GRACE) == []

    assert [await ledger(db, each) for each in (own, paused)] == [[], []]
