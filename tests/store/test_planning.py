"""Schedules without a next moment: planned whichever door they came through, or set aside with a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowcall.domain.errors import RowcallError
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.planning import plan_schedules
from tests.store.stories import (
    HOUR,
    MINUTE,
    ASchedule,
    AWorker,
    Connection,
    change,
    ledger,
    nested,
    older,
    plan,
    schedule,
)

PRESENT = datetime.now(UTC).replace(microsecond=0)
CREATED = PRESENT - 10 * HOUR - 30 * MINUTE
"""Hourly from here: occurrences at CREATED + 1 h and so on, the last past one half an hour ago."""


# ── new rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_row_inserted_by_sql_gets_its_next_moments(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    new = await a_schedule(created_at=PRESENT)

    assert await plan(database) == 1

    row = await schedule(db, new)
    assert (row["next_occurrence_at"], row["next_run_at"]) == (PRESENT + HOUR, PRESENT + HOUR)
    assert row["status"] == "ACTIVE"
    assert await plan(database) == 0


async def test_jitter_stands_between_the_occurrence_and_the_moment_to_act(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    ids = [await a_schedule(created_at=PRESENT, jitter_seconds=600) for _ in range(5)]
    await plan(database)

    rows = [await schedule(db, new) for new in ids]
    offsets = {row["next_run_at"] - row["next_occurrence_at"] for row in rows}
    assert all(timedelta() <= offset < timedelta(seconds=600) for offset in offsets)
    assert len(offsets) > 1


async def test_any_worker_plans_what_any_client_inserted_even_what_it_cant_run(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    foreign = await a_schedule(task_type="foreign", created_at=PRESENT)

    found = await look(database, await a_worker(), ["work"], 5)

    assert (found.planned, found.claims) == (1, [])
    assert (await schedule(db, foreign))["next_run_at"] == PRESENT + HOUR


async def test_the_first_occurrence_is_at_the_start_where_one_is_given(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    ahead = await a_schedule(created_at=PRESENT, starts_at=PRESENT + 9 * HOUR)
    behind = await a_schedule(created_at=PRESENT, starts_at=CREATED)
    await plan(database)

    assert (await schedule(db, ahead))["next_run_at"] == PRESENT + 9 * HOUR
    assert (await schedule(db, behind))["next_run_at"] == CREATED, "what lies behind is answered for by the claim"


async def test_a_row_that_says_it_was_created_long_ago_owes_what_has_been_due_since(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    imported = await a_schedule(created_at=CREATED)
    await plan(database)

    assert (await schedule(db, imported))["next_run_at"] == CREATED + HOUR


async def test_a_single_moment_that_is_past_is_planned_all_the_same(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    late = await a_schedule(scheduled_time=PRESENT - HOUR, created_at=PRESENT)
    await plan(database)

    assert (await schedule(db, late))["next_run_at"] == PRESENT - HOUR


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"scheduled_time": PRESENT + 2 * HOUR, "ends_at": PRESENT + HOUR}, "finished: no further occurrence"),
        ({"cron_fields": {"year": 1999}}, "finished: no further occurrence"),
        ({"max_executions": 3, "scheduled_runs": 3}, "limit: max_executions 3 is reached"),
    ],
)
async def test_a_rule_that_is_over_before_it_began_is_completed(
    database: Database, db: Connection, a_schedule: ASchedule, columns: dict[str, Any], reason: str
) -> None:
    over = await a_schedule(created_at=PRESENT, **columns)
    await plan(database)

    row = await schedule(db, over)
    assert (row["status"], row["status_reason"], row["next_run_at"]) == ("COMPLETED", reason, None)


async def test_only_those_named_are_planned(database: Database, db: Connection, a_schedule: ASchedule) -> None:
    before, named, after = [await a_schedule(created_at=PRESENT) for _ in range(3)]

    assert await plan(database, named) == 1

    unplanned = await db.fetch("SELECT schedule_id FROM rowcall.schedules WHERE next_run_at IS NULL ORDER BY 1")
    assert [row["schedule_id"] for row in unplanned] == [before, after]


async def test_more_than_one_transaction_takes_are_looked_at_again_at_once(
    database: Database, db: Connection, a_worker: AWorker
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, created_at)"
        " SELECT 'work', 'interval', 3600, $1 FROM generate_series(1, 600)",
        PRESENT,
    )
    worker = await a_worker()

    first = await look(database, worker, ["work"], 1)
    second = await look(database, worker, ["work"], 1)

    assert (first.planned, first.due_in_seconds) == (500, 0.0)
    assert second.planned == 100
    assert second.due_in_seconds is not None
    assert 0 < second.due_in_seconds <= 3600


async def test_a_row_that_somebody_is_changing_is_stepped_over(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    busy = await a_schedule(created_at=PRESENT)
    worker = await a_worker()

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        found = await look(database, worker, ["work"], 5)
        assert (found.planned, found.due_in_seconds) == (0, None), "and nobody spins on it"

    assert await plan(database, busy) == 1


async def test_a_change_that_is_taken_back_leaves_no_plan(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    new = await a_schedule(created_at=PRESENT)

    async def change_of_mind() -> None:
        async with database.transaction() as transaction:
            await plan_schedules(transaction, [new])
            raise RowcallError

    with pytest.raises(RowcallError):
        await change_of_mind()
    assert (await schedule(db, new))["next_run_at"] is None


# ── bad rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────

BAD = [
    ("cron_expression", {"cron_expression": "at noon"}),
    ("cron_expression", {"cron_expression": "0 0 12 * * *"}),
    ("cron_expression", {"cron_expression": "0 0 31 2 *"}),
    ("cron_expression", {"cron_expression": "*," * 20_000 + "*"}),
    ("timezone", {"timezone": "America"}),
    ("timezone", {"timezone": "Mars/Olympus", "cron_expression": "@daily"}),
    ("timezone", {"timezone": "Z" * 10_000}),
    ("cron_fields", {"cron_fields": "[9]"}),
    ("cron_fields", {"cron_fields": "null"}),
    ("cron_fields", {"cron_fields": {}}),
    ("cron_fields", {"cron_fields": {"hour": "x"}}),
    ("cron_fields.year", {"cron_fields": {"year": "2026,9500"}}),
    ("cron_fields", {"cron_fields": '{"hour": 1' + "0" * 5000 + "}"}),
    ("cron_fields", {"cron_fields": '{"hour": 1e400}'}),
]


@pytest.mark.parametrize(("field", "columns"), BAD, ids=lambda value: str(value)[:40])
async def test_a_row_that_cant_be_scheduled_says_why_and_stops_no_other(
    database: Database, db: Connection, a_schedule: ASchedule, field: str, columns: dict[str, Any]
) -> None:
    before, bad, after = await a_schedule(), await a_schedule(**columns), await a_schedule()

    assert await plan(database) == 3

    row = await schedule(db, bad)
    assert (row["status"], row["next_run_at"]) == ("INVALID", None)
    assert field in row["status_reason"]
    assert len(row["status_reason"]) <= 500
    assert (await schedule(db, before))["next_run_at"] is not None
    assert (await schedule(db, after))["next_run_at"] is not None


async def test_an_invalid_row_is_planned_once_it_is_put_right(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    bad = await a_schedule(cron_expression="0 0 31 2 *", created_at=CREATED)
    await plan(database)

    await change(db, bad, "cron_expression = '0 0 31 3 *'")
    await plan(database)

    row = await schedule(db, bad)
    assert (row["status"], row["status_reason"]) == ("ACTIVE", None)
    assert row["next_run_at"] > PRESENT
    assert await ledger(db, bad) == [], "nothing was owed while it could not be scheduled"


async def test_a_row_that_is_nested_deeper_than_anybody_reads_says_why_and_stops_no_other(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    bad = await a_schedule(cron_fields={"hour": 9}, created_at=CREATED)
    good = await a_schedule(input_data={"a": 1}, created_at=PRESENT)
    await older(db, bad, f"cron_fields = {nested(1500)}")
    await older(db, good, f"input_data = {nested(1500)}")

    assert await plan(database) == 2

    row = await schedule(db, bad)
    assert (row["status"], row["next_run_at"]) == ("INVALID", None)
    assert "cron_fields" in row["status_reason"]
    assert (await schedule(db, good))["next_run_at"] == PRESENT + HOUR, "its input is not read until it runs"


async def test_an_older_definition_that_is_nested_deeper_than_anybody_reads_is_seen_by_its_timing_alone(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    paused = await a_schedule(created_at=CREATED, input_data={"a": 1})
    await older(db, paused, f"input_data = {nested(1500)}")
    await plan(database)

    await change(db, paused, "status = 'PAUSED'", at=CREATED + HOUR / 2)
    await change(db, paused, "status = 'ACTIVE'")
    await plan(database)

    assert await ledger(db, paused) == [("SKIPPED", CREATED + 10 * HOUR)]


async def test_an_older_definition_that_nothing_can_read_does_not_stop_the_present_one(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    huge = '{"hour": 1' + "0" * 5000 + "}"
    mended = await a_schedule(cron_fields=huge, labels=huge, created_at=CREATED)

    await change(db, mended, "cron_fields = '{\"hour\": 9}'")
    await plan(database)

    row = await schedule(db, mended)
    assert (row["status"], row["next_run_at"].hour) == ("ACTIVE", 9)
