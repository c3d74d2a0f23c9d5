"""What has been due for long is claimed in a lane of its own; and a look may begin where the one before it ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rowcall.domain.catching_up import LateLane
from rowcall.domain.executions import Outcome
from rowcall.store.claiming import Look, look
from rowcall.store.database import Database
from tests.store.stories import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    AnExecution,
    ASchedule,
    Connection,
    claim,
    execution,
    finish,
    plan,
    statuses,
)

HALF_A_MINUTE = 30.0


async def looked(database: Database, worker: int, limit: int, most: int, *, ahead: int = 0) -> Look:
    lane = LateLane(HALF_A_MINUTE, most, ahead)
    return await look(database, worker, ["work"], limit, late=lane, now=NOON)


def due_since(**ago: float) -> dict[str, datetime]:
    return {"created_at": NOON - HOUR - timedelta(**ago)}


def names(found: Look) -> list[str]:
    return [claimed.schedule_name for claimed in found.claims]


async def test_what_is_due_now_goes_first_whatever_its_priority(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(name="late", priority=10, **due_since(minutes=10))
    await a_schedule(name="now", priority=1, **due_since(seconds=29))

    first, second = await looked(database, worker, 1, 1), await looked(database, worker, 1, 1)

    assert (names(first), first.late, names(second)) == (["now"], set(), ["late"])
    assert second.late == {second.claims[0].execution_id}


async def test_in_either_lane_priority_comes_first_and_then_what_has_been_due_for_longest(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    for lane, ago in (("late", 60), ("now", 0)):
        for priority, seconds in ((5, 3), (5, 9), (10, 1)):
            name = f"{lane} {priority} {seconds}"
            await a_schedule(name=name, priority=priority, **due_since(seconds=ago + seconds))

    found = await looked(database, worker, 10, 10)

    order = ["10 1", "5 9", "5 3"]
    assert names(found) == [f"now {each}" for each in order] + [f"late {each}" for each in order]


async def test_late_work_takes_no_more_than_its_places(database: Database, a_schedule: ASchedule, worker: int) -> None:
    for _ in range(5):
        await a_schedule(**due_since(minutes=5))
    await a_schedule(created_at=NOON + HOUR)

    found, full = await looked(database, worker, 10, 3), await looked(database, worker, 10, 0)

    assert (len(found.claims), len(found.late), found.late_is_left) == (3, 3, True)
    assert (len(full.claims), full.late_is_left, full.found_due) == (0, True, 0)
    assert full.due_in_seconds is not None, "it sleeps until what is due next"


async def test_a_turn_of_late_work_comes_before_what_is_due_now(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    for number in range(3):
        await a_schedule(name=f"now {number}", **due_since(seconds=3 - number))
        await a_schedule(name=f"late {number}", **due_since(minutes=3 - number))

    found = await looked(database, worker, 4, 2, ahead=1)

    assert names(found) == ["late 0", "now 0", "now 1", "now 2"]
    assert names(await looked(database, worker, 4, 1)) == ["late 1"]


async def test_the_queue_has_the_same_two_lanes(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    late, now = [await an_execution(await a_schedule(created_at=NOON + HOUR)) for _ in range(2)]
    for execution_id, moment in ((late, NOON - HOUR), (now, NOON - SECOND)):
        await db.execute(
            "UPDATE rowcall.open_executions SET available_at = $2 WHERE execution_id = $1", execution_id, moment
        )

    assert [claimed.execution_id for claimed in (await looked(database, worker, 1, 1)).claims] == [now]
    found = await looked(database, worker, 1, 1)
    assert ([claimed.execution_id for claimed in found.claims], found.late) == ([late], {late})


async def test_what_is_made_up_for_one_by_one_stays_in_the_late_lane(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(coalesce="all", interval_seconds=60, created_at=NOON - 6 * MINUTE)
    first = await looked(database, worker, 10, 10)
    assert len(first.late) == 1

    await finish(database, worker, (first.claims[0], Outcome.succeeded(None)))

    second = await looked(database, worker, 10, 10)
    assert (len(second.claims), len(second.late)) == (1, 1)
    assert (await statuses(db, due))[:3] == ["SUCCEEDED", "RUNNING", "QUEUED"]


async def test_what_waited_for_its_own_schedule_is_due_from_its_release_on(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="queue")
    [running] = await claim(database, worker)
    await claim(database, worker, now=NOON + HOUR)
    before: datetime = await db.fetchval("SELECT clock_timestamp()")

    await finish(database, worker, (running, Outcome.succeeded(None)))

    waited = await db.fetchval("SELECT execution_id FROM rowcall.open_executions WHERE schedule_id = $1", due)
    assert (await execution(db, waited))["available_at"] >= before


# ── from where a look begins ──────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_is_left_before_the_moment_that_a_look_names(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(**due_since(minutes=5))
    await a_schedule(created_at=NOON + MINUTE)

    behind = await look(database, worker, ["work"], 10, now=NOON)
    done = await look(database, worker, ["work"], 10, now=NOON)

    assert behind.all_answered_before == NOON - 5 * MINUTE
    assert done.all_answered_before == NOON


async def test_without_a_schedule_no_such_moment_is_known(database: Database, worker: int) -> None:
    assert (await look(database, worker, ["work"], 10, now=NOON)).all_answered_before is None


@pytest.mark.parametrize("late", [None, LateLane(HALF_A_MINUTE, 10)])
async def test_a_look_from_a_moment_on_leaves_what_was_due_before_to_the_next_that_sees_everything(
    database: Database, a_schedule: ASchedule, worker: int, late: LateLane | None
) -> None:
    await a_schedule(name="before", **due_since(minutes=5))
    await a_schedule(name="since", **due_since(minutes=1))
    await plan(database)

    async def names_since(moment: datetime | None) -> list[str]:
        return names(await look(database, worker, ["work"], 10, since=moment, late=late, now=NOON))

    assert await names_since(NOON - 2 * MINUTE) == ["since"]
    assert await names_since(NOON - 2 * MINUTE) == []
    assert await names_since(None) == ["before"]


async def test_what_is_planned_during_a_look_is_found_however_long_it_has_been_due(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(name="new", **due_since(minutes=5))

    assert names(await look(database, worker, ["work"], 10, since=NOON, now=NOON)) == ["new"]


async def test_the_queue_is_always_seen_from_its_beginning(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    asked = await an_execution(await a_schedule(created_at=NOON + HOUR))
    await db.execute("UPDATE rowcall.open_executions SET available_at = $1", NOON - HOUR)

    found = await look(database, worker, ["work"], 10, since=NOON, now=NOON)

    assert [claimed.execution_id for claimed in found.claims] == [asked]


# ── triage ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def sorted_behind(database: Database, worker: int, limit: int = 10, triage: int = 0) -> Look:
    lane = LateLane(HALF_A_MINUTE, most=0, triage=triage)
    return await look(database, worker, ["work"], limit, late=lane, now=NOON)


async def test_what_fires_often_is_due_now_as_well_and_needs_no_late_place(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    hourly = await a_schedule(name="hourly", **due_since(minutes=10))
    often = await a_schedule(name="often", interval_seconds=15, created_at=NOON - 10 * MINUTE)

    found = await sorted_behind(database, worker)

    assert (names(found), found.late) == (["often"], set())
    assert await statuses(db, hourly) == []
    assert await statuses(db, often) == ["RUNNING"]
    assert names(await looked(database, worker, 10, 10)) == ["hourly"]


async def test_what_is_past_its_grace_is_answered_for_without_a_place(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    missed = await a_schedule(grace_period_seconds=60, **due_since(minutes=10))

    found = await sorted_behind(database, worker)

    assert (names(found), len(found.recorded)) == ([], 1)
    assert await statuses(db, missed) == ["MISSED"]


async def test_a_triage_takes_half_of_the_free_slots_at_most(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    for _ in range(6):
        await a_schedule(interval_seconds=15, created_at=NOON - 10 * MINUTE)

    assert [len((await sorted_behind(database, worker, limit)).claims) for limit in (1, 4, 10)] == [0, 2, 4]


async def test_occurrences_that_are_made_up_for_one_by_one_are_left_in_their_lane(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(coalesce="all", interval_seconds=15, created_at=NOON - 10 * MINUTE)

    assert names(await sorted_behind(database, worker)) == []
    assert await statuses(db, due) == []


async def test_every_lane_has_its_turn_and_so_has_what_stands_behind_very_many(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, created_at, priority)"
        " SELECT 'work', 'interval', 3600, $1::timestamptz - n * interval '1 second', 1 + n % 2"
        "   FROM generate_series(0, 800) AS n",
        NOON - HOUR - 2 * MINUTE,
    )
    for priority in (1, 2):
        await a_schedule(
            priority=priority, interval_seconds=15, created_at=NOON - 4 * MINUTE - 15 * SECOND, name=f"p{priority}"
        )
    while await plan(database):
        pass

    sorted_out: list[str] = []
    for triage in range(40):
        sorted_out += names(await sorted_behind(database, worker, triage=triage))

    assert sorted(sorted_out) == ["p1", "p2"]
