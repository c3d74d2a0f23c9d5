"""Schedules that PostgreSQL refuses to write: each is set aside by itself, and a look goes on with all the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from rowcall.domain.catching_up import LateLane
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.unroutable import answer_unroutable
from tests.store.stories import (
    A_HUNDRED_YEARS,
    HOUR,
    KEEPS_IT_ACTIVE,
    MINUTE,
    NOON,
    ASchedule,
    Connection,
    change,
    claim,
    ledger,
    patient,
    schedule,
)

BEYOND: dict[str, Any] = {"interval_seconds": A_HUNDRED_YEARS, "created_at": datetime(9000, 12, 31, tzinfo=UTC)}
"""Its first occurrence lies beyond the last moment that the table takes."""

FAR_AHEAD = "next_occurrence_at = '9050-01-01Z', next_run_at = '2035-06-04 12:00Z'"
"""And so does what follows then, of a schedule that fires each hundred years."""


async def far_ahead(db: Connection, a_schedule: ASchedule) -> int:
    """A schedule that is due, and can't be advanced."""
    bad = await a_schedule(interval_seconds=A_HUNDRED_YEARS, next_run_at=NOON, next_occurrence_at=NOON)
    await change(db, bad, FAR_AHEAD)
    return bad


async def answered_by_a_backfill(db: Connection, a_schedule: ASchedule) -> int:
    """A schedule that has answered for nothing, and was moved back to what a backfill has run."""
    bad = await a_schedule(cron_expression="0 * * * *", created_at=NOON)
    await db.execute("SELECT rowcall.ensure_partitions($1, $1)", NOON)
    await db.execute(
        "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, executed_at, finished_at, priority,"
        " schedule_version, trigger, status, task_type, input_data)"
        " VALUES ($1, $2, $2, $2, 5, 1, 'backfill', 'SUCCEEDED', 'work', '{}')",
        bad,
        NOON - HOUR,
    )
    await change(db, bad, f"next_run_at = '{NOON - 3 * HOUR}', next_occurrence_at = '{NOON + HOUR}'")
    return bad


async def assert_set_aside(
    db: Connection, schedule_id: int, reason: str, answers: Sequence[tuple[str, datetime]] = ()
) -> None:
    row = await schedule(db, schedule_id)
    assert (row["status"], row["next_run_at"]) == ("INVALID", None)
    assert reason in row["status_reason"]
    assert await ledger(db, schedule_id) == list(answers)


# ── while it is planned ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_row_whose_next_moment_is_refused_is_set_aside_and_the_others_are_planned(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    before, bad, after = await a_schedule(), await a_schedule(**BEYOND), await a_schedule()

    with capture_logs() as lines:
        found = await look(database, worker, ["work"], 10, now=NOON)

    assert (found.planned, found.stuck) == (3, 0)
    await assert_set_aside(db, bad, "moments in our era")
    assert {claimed.schedule_id for claimed in found.claims} == {before, after}
    assert [(line["event"], line["schedule_id"]) for line in lines] == [("schedule_refused", bad)]


# ── while it is started ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_due_row_that_is_refused_is_set_aside_and_the_others_start(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    before, bad, after = await a_schedule(), await far_ahead(db, a_schedule), await a_schedule()

    found = await look(database, worker, ["work"], 10, now=NOON)

    assert {claimed.schedule_id for claimed in found.claims} == {before, after}
    await assert_set_aside(db, bad, "moments in our era")
    assert await claim(database, worker) == []


async def test_a_row_that_is_due_for_what_a_backfill_has_answered_is_set_aside(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    good, bad = await a_schedule(created_at=NOON - 2 * HOUR), await answered_by_a_backfill(db, a_schedule)

    [claimed] = await claim(database, worker, now=NOON - HOUR + 5 * MINUTE)

    assert claimed.schedule_id == good
    await assert_set_aside(db, bad, "the ledger has a row already", [("SUCCEEDED", NOON - HOUR)])


async def test_of_what_has_been_due_for_long_a_row_that_is_refused_is_set_aside(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    bad, good = await far_ahead(db, a_schedule), await a_schedule(interval_seconds=60)
    await claim(database, worker, limit=0)

    found = await look(database, worker, ["work"], 10, late=LateLane(60, most=0, triage=0), now=NOON + HOUR)

    assert bad not in {claimed.schedule_id for claimed in found.claims}
    await assert_set_aside(db, bad, "moments in our era")
    assert (await schedule(db, good))["status"] == "ACTIVE"


async def test_what_is_refused_ahead_of_its_moment_is_claimed_when_it_is_due(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    bad = await a_schedule(interval_seconds=A_HUNDRED_YEARS)
    good = await a_schedule()
    due_at = await db.fetchval("SELECT clock_timestamp() + interval '300 ms'")
    await db.execute("UPDATE rowcall.schedules SET next_occurrence_at = $1, next_run_at = $1", due_at)
    await change(db, bad, "next_occurrence_at = '9050-01-01Z'")
    await change(db, bad, f"interval_seconds = {A_HUNDRED_YEARS}")

    found = await look(database, worker, ["work"], 10, lead=patient(5))

    assert [(claimed.schedule_id, claimed.executed_at >= due_at) for claimed in found.claims] == [(good, True)]
    await assert_set_aside(db, bad, "moments in our era")


# ── where even that is refused ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("refused_when", ["planned", "started"])
async def test_a_row_that_cant_even_be_set_aside_is_told_of_and_stops_no_other(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, refused_when: str
) -> None:
    good = await a_schedule()
    bad = await (far_ahead(db, a_schedule) if refused_when == "started" else a_schedule(**BEYOND))
    await db.execute(KEEPS_IT_ACTIVE)

    with capture_logs() as lines:
        found = await look(database, worker, ["work"], 10, now=NOON)

    assert [claimed.schedule_id for claimed in found.claims] == [good]
    assert found.stuck == 1
    assert [(line["event"], line["log_level"], line["schedule_id"]) for line in lines] == [
        ("schedule_refused", "error", bad)
    ]
    assert (await schedule(db, bad))["status"] == "ACTIVE"


# ── what nobody here can run ──────────────────────────────────────────────────────────────────────────────────────────


async def test_an_unroutable_row_that_is_refused_is_set_aside_and_the_others_are_answered_for(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    good = await a_schedule(next_run_at=NOON - HOUR, next_occurrence_at=NOON - HOUR)
    bad = await answered_by_a_backfill(db, a_schedule)

    recorded = await answer_unroutable(database, ["other"], now=NOON - HOUR / 2)

    assert [(row["schedule_id"], row["status"]) for row in recorded] == [(good, "MISSED")]
    await assert_set_aside(db, bad, "the ledger has a row already", [("SUCCEEDED", NOON - HOUR)])
