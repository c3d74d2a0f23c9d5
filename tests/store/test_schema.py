"""The schema by itself, through plain SQL: what it fills in, what it writes down, and what a change means."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from tests.store.stories import (
    DEFINITION_CHANGES,
    HOUR,
    NOON,
    RUNTIME_CHANGES,
    ASchedule,
    Connection,
    insertion,
    schedule,
)

SCHEMA = files("rowcall").joinpath("schema.sql").read_text(encoding="utf-8")


# ── what it fills in ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_applied_a_second_time_the_schema_keeps_everything(db: Connection, a_schedule: ASchedule) -> None:
    kept = await a_schedule()
    before = dict(await schedule(db, kept))

    await db.execute(SCHEMA)

    assert dict(await schedule(db, kept)) == before
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedule_versions") == 1


async def test_a_schedule_without_a_name_is_named_after_its_task(db: Connection, a_schedule: ASchedule) -> None:
    first, second = await a_schedule(task_type="mail/send"), await a_schedule(task_type="mail/send")

    assert (await schedule(db, first))["name"] == f"mail-send-{first}"
    assert (await schedule(db, second))["name"] == f"mail-send-{second}"


async def test_a_made_up_name_is_always_allowed(db: Connection, a_schedule: ASchedule) -> None:
    long, digits = await a_schedule(task_type="t" * 200), await a_schedule(task_type="7")

    assert (await schedule(db, long))["name"] == f"{'t' * 150}-{long}"
    assert (await schedule(db, digits))["name"] == f"7-{digits}"


async def test_the_route_follows_task_and_capability_whatever_is_written(db: Connection, a_schedule: ASchedule) -> None:
    plain, capable = await a_schedule(route="elsewhere"), await a_schedule(capability_required="gpu")
    assert (await schedule(db, plain))["route"] == "work"
    assert (await schedule(db, capable))["route"] == "work@gpu"

    await db.execute("UPDATE rowcall.schedules SET route = 'elsewhere'")
    assert (await schedule(db, plain))["route"] == "work"
    await db.execute("UPDATE rowcall.schedules SET task_type = 'play', capability_required = NULL")
    assert (await schedule(db, capable))["route"] == "play"


async def test_the_version_counts_changes_of_the_definition_and_nothing_else(
    db: Connection, a_schedule: ASchedule
) -> None:
    changed = await a_schedule()
    assert (await schedule(db, changed))["version"] == 1

    for counted, change in enumerate(DEFINITION_CHANGES, start=2):
        await db.execute(f"UPDATE rowcall.schedules SET {change}")
        assert (await schedule(db, changed))["version"] == counted, change
        await db.execute(f"UPDATE rowcall.schedules SET {change}")
    for change in (*RUNTIME_CHANGES, "status = 'PAUSED'", "status = 'ACTIVE'", "version = 99"):
        await db.execute(f"UPDATE rowcall.schedules SET {change}")

    assert (await schedule(db, changed))["version"] == len(DEFINITION_CHANGES) + 1


async def test_every_column_is_part_of_the_definition_or_named_here(db: Connection) -> None:
    columns = await db.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'rowcall.schedules'::regclass AND attnum > 0"
    )
    triggering = {
        row["event_object_column"]
        for row in await db.fetch(
            "SELECT event_object_column FROM information_schema.triggered_update_columns"
            " WHERE trigger_name = 'schedule_is_about_to_change'"
        )
    }
    runtime = {change.split(" = ")[0] for change in RUNTIME_CHANGES}
    kept = {"schedule_id", "created_at", "updated_at", "disabled_at"}

    assert {row["attname"] for row in columns} == triggering | runtime | kept
    changed = {change.split(" = ")[0].strip('"') for change in DEFINITION_CHANGES}
    other_kinds = {"schedule_type", "cron_expression", "cron_fields", "scheduled_time"}
    assert triggering - changed == {"status", "status_reason", "route", "version"} | other_kinds


# ── what it writes down ───────────────────────────────────────────────────────────────────────────────────────────────


async def versions(db: Connection, schedule_id: int) -> list[tuple[int, str, str | None]]:
    rows = await db.fetch(
        "SELECT version, status, status_reason FROM rowcall.schedule_versions WHERE schedule_id = $1"
        " ORDER BY valid_from",
        schedule_id,
    )
    return [(row["version"], row["status"], row["status_reason"]) for row in rows]


async def test_every_definition_and_every_status_is_written_down(db: Connection, a_schedule: ASchedule) -> None:
    kept = await a_schedule(created_at=datetime.now(UTC) - HOUR)

    await db.execute("UPDATE rowcall.schedules SET interval_seconds = 60")
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = 'moving house'")
    await db.execute("UPDATE rowcall.schedules SET status_reason = 'still moving'")
    await db.execute("UPDATE rowcall.schedules SET status = 'ACTIVE'")
    await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED'")

    assert await versions(db, kept) == [
        (1, "ACTIVE", None),
        (2, "ACTIVE", None),
        (2, "PAUSED", "moving house"),
        (2, "PAUSED", "still moving"),
        (2, "ACTIVE", None),
        (2, "DISABLED", None),
    ]


async def test_a_version_holds_the_definition_its_beginning_and_the_zone_data(
    db: Connection, a_schedule: ASchedule
) -> None:
    await db.execute("UPDATE rowcall.installation SET tzdata_version = '2031a'")
    kept = await a_schedule(created_at=NOON, cron_fields={"hour": 9}, timezone="Asia/Tokyo")

    row = await db.fetchrow("SELECT * FROM rowcall.schedule_versions WHERE schedule_id = $1", kept)
    assert row is not None
    definition = json.loads(row["definition"])
    assert (row["valid_from"], row["tzdata_version"]) == (NOON, "2031a")
    assert (definition["cron_fields"], definition["timezone"]) == ({"hour": 9}, "Asia/Tokyo")
    assert definition.keys() & {"next_run_at", "total_runs", "status", "version", "route"} == set()


async def test_changes_in_one_transaction_are_kept_apart(db: Connection, a_schedule: ASchedule) -> None:
    async with db.transaction():
        kept = await a_schedule(created_at=datetime.now(UTC))
        for seconds in range(1, 20):
            await db.execute("UPDATE rowcall.schedules SET interval_seconds = $1", seconds)

    assert [version for version, _, _ in await versions(db, kept)] == list(range(1, 21))


async def test_runtime_columns_write_no_version(db: Connection, a_schedule: ASchedule) -> None:
    kept = await a_schedule()
    before = (await schedule(db, kept))["updated_at"]

    for change in RUNTIME_CHANGES:
        await db.execute(f"UPDATE rowcall.schedules SET {change}")

    assert await versions(db, kept) == [(1, "ACTIVE", None)]
    assert (await schedule(db, kept))["updated_at"] == before


async def test_time_passed_while_a_change_waited_is_before_it(
    db: Connection, another_connection: Connection, a_schedule: ASchedule
) -> None:
    changed = await a_schedule(created_at=datetime.now(UTC) - HOUR)
    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        async with another_connection.transaction():
            began = await another_connection.fetchval("SELECT now()")
            change = asyncio.create_task(
                another_connection.execute("UPDATE rowcall.schedules SET interval_seconds = 60")
            )
            await db.execute("SELECT pg_sleep(0.05)")
            released = await db.fetchval("SELECT clock_timestamp()")
            await db.execute("COMMIT")
            await change
        await db.execute("BEGIN")

    assert (await schedule(db, changed))["updated_at"] > released > began + timedelta(milliseconds=50)


# ── what a change of timing or status means ───────────────────────────────────────────────────────────────────────────


TIMING_CHANGES = [
    "interval_seconds = 61", "timezone = 'Asia/Tokyo'", "starts_at = '2034-01-01Z'", "ends_at = '2036-01-01Z'",
    "jitter_seconds = 5", "schedule_type = 'cron', cron_expression = '@daily', interval_seconds = NULL",
    "schedule_type = 'one_time', scheduled_time = '2034-01-01Z', interval_seconds = NULL",
]  # fmt: skip


@pytest.mark.parametrize("change", TIMING_CHANGES)
async def test_a_change_of_timing_clears_the_next_moment(undone: Connection, change: str) -> None:
    await undone.execute(insertion({"next_run_at": "now()", "next_occurrence_at": "now()"}))

    await undone.execute(f"UPDATE rowcall.schedules SET {change}")

    row = await undone.fetchrow("SELECT next_run_at, next_occurrence_at FROM rowcall.schedules")
    assert row is not None
    assert tuple(row) == (None, None)


@pytest.mark.parametrize("change", [TIMING_CHANGES[0], "status = 'ACTIVE'"])
async def test_whoever_says_both_next_moments_along_with_a_change_has_planned_it(
    undone: Connection, change: str
) -> None:
    """One of them alone was not worked out: with it goes what was next before."""
    both = ["next_run_at = '2034-01-01Z'", "next_occurrence_at = '2034-01-01Z'"]
    for said, kept in ((both, True), (both[:1], False), (both[1:], False)):
        await undone.execute("DELETE FROM rowcall.schedules")
        paused = {"status": "'PAUSED'"} if "status" in change else {}
        await undone.execute(insertion({**paused, "created_at": "now()"}))

        await undone.execute(f"UPDATE rowcall.schedules SET {change}, {', '.join(said)}")

        row = await undone.fetchrow("SELECT next_run_at, next_occurrence_at FROM rowcall.schedules")
        assert row is not None
        moment = datetime(2034, 1, 1, tzinfo=UTC) if kept else None
        assert tuple(row) == (moment, moment)


@pytest.mark.parametrize(
    "change", ["priority = 9", "task_type = 'play'", "grace_period_seconds = 1", "name = 'another'"]
)
async def test_any_other_change_keeps_it(undone: Connection, change: str) -> None:
    await undone.execute(insertion({"next_run_at": "now()", "next_occurrence_at": "now()"}))

    await undone.execute(f"UPDATE rowcall.schedules SET {change}")

    assert await undone.fetchval("SELECT next_run_at = now() AND next_occurrence_at = now() FROM rowcall.schedules")


async def test_a_new_name_is_a_change_of_timing_where_the_slot_comes_from_the_name(undone: Connection) -> None:
    slotted = {"schedule_type": "'cron'", "interval_seconds": "NULL", "cron_expression": "'H * * * *'"}
    await undone.execute(insertion({"next_run_at": "now()", **slotted}))

    await undone.execute("UPDATE rowcall.schedules SET name = 'another'")

    assert await undone.fetchval("SELECT next_run_at FROM rowcall.schedules") is None


@pytest.mark.parametrize("status", ["PAUSED", "COMPLETED", "DISABLED", "INVALID"])
async def test_what_is_not_active_has_no_next_moment(undone: Connection, status: str) -> None:
    await undone.execute(insertion({"next_run_at": "now()", "next_occurrence_at": "now()"}))

    await undone.execute("UPDATE rowcall.schedules SET status = $1, status_reason = 'so it is'", status)

    row = await undone.fetchrow(
        "SELECT next_run_at, next_occurrence_at, disabled_at IS NOT NULL FROM rowcall.schedules"
    )
    assert row is not None
    assert tuple(row) == (None, None, status == "DISABLED")


async def test_a_schedule_that_is_active_again_forgets_why_it_was_not(undone: Connection) -> None:
    await undone.execute(insertion({"status": "'PAUSED'", "status_reason": "'moving house'"}))

    await undone.execute("UPDATE rowcall.schedules SET status = 'ACTIVE'")

    assert await undone.fetchval("SELECT status_reason FROM rowcall.schedules") is None


@pytest.mark.parametrize("status", ["INVALID", "COMPLETED"])
async def test_what_ended_or_could_not_be_scheduled_comes_back_with_another_timing(
    undone: Connection, status: str
) -> None:
    await undone.execute(insertion({"status": f"'{status}'", "status_reason": "'so it is'"}))

    await undone.execute("UPDATE rowcall.schedules SET priority = 6")
    assert await undone.fetchval("SELECT status FROM rowcall.schedules") == status
    await undone.execute("UPDATE rowcall.schedules SET interval_seconds = 90")
    row = await undone.fetchrow("SELECT status, status_reason FROM rowcall.schedules")
    assert row is not None
    assert tuple(row) == ("ACTIVE", None)


async def test_a_schedule_that_reached_its_limit_goes_on_with_a_higher_one(undone: Connection) -> None:
    await undone.execute(insertion({"max_executions": "1", "status": "'COMPLETED'", "status_reason": "'limit'"}))

    await undone.execute("UPDATE rowcall.schedules SET max_executions = 2")

    assert await undone.fetchval("SELECT status FROM rowcall.schedules") == "ACTIVE"


@pytest.mark.parametrize("status", ["PAUSED", "DISABLED"])
async def test_what_somebody_stopped_stays_stopped_whatever_its_timing(undone: Connection, status: str) -> None:
    await undone.execute(insertion({"status": f"'{status}'"}))

    await undone.execute("UPDATE rowcall.schedules SET interval_seconds = 90")

    assert await undone.fetchval("SELECT status FROM rowcall.schedules") == status


async def test_a_row_that_is_taken_out_closes_what_was_open_of_it(
    db: Connection, an_execution: Any, a_schedule: ASchedule
) -> None:
    gone, stays = await a_schedule(), await a_schedule()
    of_gone, of_stays = await an_execution(gone), await an_execution(stays)

    await db.execute("DELETE FROM rowcall.schedules WHERE schedule_id = $1", gone)

    assert [r["execution_id"] for r in await db.fetch("SELECT execution_id FROM rowcall.open_executions")] == [of_stays]
    closed = await db.fetchrow(
        "SELECT status, finished_at, reason FROM rowcall.schedule_executions WHERE execution_id = $1", of_gone
    )
    assert closed is not None
    assert closed["status"] == "CANCELLED"
    assert closed["finished_at"] is not None
    assert "deleted" in closed["reason"]
