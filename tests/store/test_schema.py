"""The schema by itself, through plain SQL: what it refuses, fills in and writes down, and whom it wakes."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import asyncpg
import pytest

from tests.databases import Admin
from tests.store.stories import DEADLINE_SECONDS, HOUR, NOON, ASchedule, Connection, schedule

SCHEMA = files("rowcall").joinpath("schema.sql").read_text(encoding="utf-8")


# ── what it refuses ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def module_dsn(admin: Admin, template_database: str) -> Iterator[str]:
    """A database for the whole file: whoever uses it takes back what was done."""
    name = f"rowcall_test_{secrets.token_hex(6)}"
    yield admin.make(name, template_database)
    admin.drop(name)


@pytest.fixture
async def undone(module_dsn: str) -> AsyncIterator[Connection]:
    """A connection in a transaction that is rolled back."""
    connection = await asyncpg.connect(module_dsn)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


GOOD = {
    "name": "'nightly'", "task_type": "'work'", "schedule_type": "'interval'", "interval_seconds": "60",
}  # fmt: skip

IMPOSSIBLE = [
    ("schedules_name_form", {"name": "''"}),
    ("schedules_name_form", {"name": "repeat('n', 201)"}),
    ("schedules_name_form", {"name": "'reports/nightly'"}),
    ("schedules_name_form", {"name": "'42'"}),
    ("schedules_client_form", {"client_id": "''"}),
    ("schedules_client_form", {"client_id": "repeat('c', 201)"}),
    ("schedules_task_type_form", {"task_type": "''"}),
    ("schedules_task_type_form", {"task_type": "'two words'"}),
    ("schedules_task_type_form", {"task_type": "'task@capability'"}),
    ("schedules_capability_form", {"capability_required": "''"}),
    ("schedules_capability_form", {"capability_required": "'two words'"}),
    ("schedules_input_is_an_object", {"input_data": "'[1, 2]'"}),
    ("schedules_labels_are_an_object", {"labels": "'\"red\"'"}),
    ("schedules_priority_range", {"priority": "0"}),
    ("schedules_priority_range", {"priority": "11"}),
    ("schedules_trigger_matches_its_type", {"interval_seconds": "NULL"}),
    ("schedules_trigger_matches_its_type", {"interval_seconds": "0"}),
    ("schedules_trigger_matches_its_type", {"interval_seconds": "3155760001"}),
    ("schedules_trigger_matches_its_type", {"cron_expression": "'* * * * *'"}),
    ("schedules_trigger_matches_its_type", {"scheduled_time": "now()"}),
    ("schedules_trigger_matches_its_type", {"schedule_type": "'sometimes'"}),
    ("schedules_trigger_matches_its_type", {"schedule_type": "'cron'"}),
    ("schedules_trigger_matches_its_type", {"schedule_type": "'cron'", "interval_seconds": "NULL"}),
    (
        "schedules_trigger_matches_its_type",
        {
            "schedule_type": "'cron'", "interval_seconds": "NULL", "cron_expression": "'* * * * *'",
            "cron_fields": "'{\"hour\": 9}'",
        },
    ),
    ("schedules_trigger_matches_its_type", {"schedule_type": "'one_time'", "interval_seconds": "NULL"}),
    ("schedules_trigger_matches_its_type", {"schedule_type": "'one_time'", "scheduled_time": "now()"}),
    ("schedules_window_is_not_empty", {"starts_at": "now()", "ends_at": "now() - interval '1 s'"}),
    ("schedules_moments_in_our_era", {"starts_at": "'-infinity'"}),
    ("schedules_moments_in_our_era", {"ends_at": "'infinity'"}),
    ("schedules_moments_in_our_era", {"created_at": "'4000-01-01 BC'", "starts_at": "now()"}),
    ("schedules_moments_in_our_era", {"next_run_at": "'20000-01-01'"}),
    ("schedules_moments_in_our_era", {"last_occurrence_at": "'-infinity'"}),
    (
        "schedules_moments_in_our_era",
        {"schedule_type": "'one_time'", "interval_seconds": "NULL", "scheduled_time": "'infinity'"},
    ),
    ("schedules_jitter_range", {"jitter_seconds": "-1"}),
    ("schedules_jitter_range", {"jitter_seconds": "86401"}),
    ("schedules_max_executions_range", {"max_executions": "0"}),
    ("schedules_grace_range", {"grace_period_seconds": "0"}),
    ("schedules_grace_range", {"grace_period_seconds": "3155760001"}),
    ("schedules_coalesce_known", {'"coalesce"': "'some'"}),
    ("schedules_catch_up_range", {"catch_up_limit": "0"}),
    ("schedules_catch_up_range", {"catch_up_limit": "10001"}),
    ("schedules_overlap_known", {"overlap_policy": "'maybe'"}),
    ("schedules_allow_needs_instances", {"overlap_policy": "'allow'"}),
    ("schedules_allow_needs_instances", {"max_instances": "0"}),
    ("schedules_allow_needs_instances", {"max_instances": "1001"}),
    ("schedules_timeout_range", {"timeout_seconds": "0"}),
    ("schedules_timeout_range", {"timeout_seconds": "'NaN'"}),
    ("schedules_timeout_range", {"timeout_seconds": "31536001"}),
    ("schedules_retries_range", {"max_retries": "-1"}),
    ("schedules_retries_range", {"max_retries": "1001"}),
    ("schedules_backoff_range", {"retry_backoff_seconds": "-0.5"}),
    ("schedules_backoff_range", {"retry_backoff_seconds": "'NaN'"}),
    ("schedules_backoff_range", {"retry_backoff_seconds": "3601"}),
    ("schedules_status_known", {"status": "'SLEEPING'"}),
    ("schedules_invalid_says_why", {"status": "'INVALID'"}),
]  # fmt: skip


def insertion(columns: dict[str, str]) -> str:
    given = GOOD | columns
    return f"INSERT INTO rowcall.schedules ({', '.join(given)}) VALUES ({', '.join(given.values())})"


@pytest.mark.parametrize(("constraint", "columns"), IMPOSSIBLE)
async def test_an_impossible_schedule_is_refused(undone: Connection, constraint: str, columns: dict[str, str]) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await undone.execute(insertion(columns))

    assert refusal.value.constraint_name == constraint


async def test_every_constraint_of_schedules_is_tried_by_a_test(undone: Connection) -> None:
    named = await undone.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'rowcall.schedules'::regclass AND contype = 'c'"
    )
    tried = {constraint for constraint, _ in IMPOSSIBLE}
    by_triggers = {"schedules_only_active_ones_are_due", "schedules_disabled_iff_dated"}  # below

    assert {row["conname"] for row in named} == tried | by_triggers


async def test_what_the_triggers_keep_right_is_refused_where_they_do_not_run(undone: Connection) -> None:
    await undone.execute(insertion({"next_run_at": "now()"}))
    await undone.execute("ALTER TABLE rowcall.schedules DISABLE TRIGGER USER")
    for constraint, change in {
        "schedules_only_active_ones_are_due": "status = 'PAUSED'",
        "schedules_disabled_iff_dated": "status = 'DISABLED', next_run_at = NULL",
    }.items():
        with pytest.raises(asyncpg.CheckViolationError) as refusal:
            async with undone.transaction():
                await undone.execute(f"UPDATE rowcall.schedules SET {change}")
        assert refusal.value.constraint_name == constraint


EXECUTION = {
    "schedule_id": "1", "scheduled_for": "now()", "schedule_version": "1", "priority": "5", "trigger": "'manual'",
    "status": "'QUEUED'", "task_type": "'work'", "input_data": "'{}'",
}  # fmt: skip

IMPOSSIBLE_EXECUTIONS = [
    ("executions_trigger_known", {"trigger": "'whim'"}),
    ("executions_status_known", {"status": "'DONE'", "finished_at": "now()"}),
    ("executions_finished_iff_final", {"status": "'SUCCEEDED'"}),
    ("executions_finished_iff_final", {"finished_at": "now()"}),
    ("executions_running_has_a_worker", {"status": "'RUNNING'", "executed_at": "now()", "attempt": "1"}),
    ("executions_running_has_a_worker", {"status": "'RUNNING'", "worker_id": "1", "attempt": "1"}),
    ("executions_running_has_a_worker", {"status": "'RUNNING'", "worker_id": "1", "executed_at": "now()"}),
    ("executions_not_run_says_why", {"status": "'SKIPPED'", "finished_at": "now()"}),
    ("executions_not_run_says_why", {"status": "'MISSED'", "finished_at": "now()"}),
    ("executions_cover_forward", {"covers_after": "now()"}),
]


@pytest.mark.parametrize(("constraint", "columns"), IMPOSSIBLE_EXECUTIONS)
async def test_an_impossible_execution_is_refused(undone: Connection, constraint: str, columns: dict[str, str]) -> None:
    given = EXECUTION | columns
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await undone.execute(
            f"INSERT INTO rowcall.schedule_executions ({', '.join(given)}) VALUES ({', '.join(given.values())})"
        )

    assert refusal.value.constraint_name == constraint


async def test_what_runs_is_not_available(undone: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="open_runs_or_is_available"):
        await undone.execute(
            "INSERT INTO rowcall.open_executions"
            " (execution_id, schedule_id, scheduled_for, available_at, worker_id, priority, trigger, route)"
            " VALUES (1, 1, now(), now(), 1, 5, 'manual', 'work')"
        )


async def test_a_worker_is_gone_exactly_when_it_has_ended(undone: Connection) -> None:
    worker = "INSERT INTO rowcall.workers (name, host, pid, rowcall_version, slots, lease_seconds, status, ended_at)"
    for constraint, values in {
        "workers_ended_iff_gone": "'STOPPED', NULL",
        "workers_status_known": "'ASLEEP', NULL",
    }.items():
        with pytest.raises(asyncpg.CheckViolationError, match=constraint):
            async with undone.transaction():
                await undone.execute(f"{worker} VALUES ('w', 'h', 1, '0', 1, 1, {values})")


async def test_a_name_is_unique_per_client_among_those_not_deleted(undone: Connection) -> None:
    await undone.execute(insertion({}))
    await undone.execute(insertion({"client_id": "'another'"}))
    with pytest.raises(asyncpg.UniqueViolationError, match="schedules_name_taken"):
        async with undone.transaction():
            await undone.execute(insertion({}))

    await undone.execute("UPDATE rowcall.schedules SET status = 'DISABLED' WHERE client_id = 'default'")
    await undone.execute(insertion({}))


# ── one row per occurrence ────────────────────────────────────────────────────────────────────────────────────────────


async def an_answer(db: Connection, trigger: str, moment: datetime = NOON) -> int:
    """A row of the ledger for schedule 1."""
    await db.execute("SELECT rowcall.ensure_partitions($1, $1)", moment)
    execution_id: int = await db.fetchval(
        "INSERT INTO rowcall.schedule_executions"
        " (schedule_id, scheduled_for, schedule_version, priority, trigger, status,"
        " task_type, input_data) VALUES (1, $2, 1, 5, $1, 'QUEUED', 'work', '{}') RETURNING execution_id",
        trigger,
        moment,
    )
    return execution_id


@pytest.mark.parametrize(
    ("first", "second"), [("schedule", "schedule"), ("schedule", "backfill"), ("backfill", "backfill")]
)
async def test_an_occurrence_is_answered_for_once(undone: Connection, first: str, second: str) -> None:
    await an_answer(undone, first)

    with pytest.raises(asyncpg.UniqueViolationError):
        await an_answer(undone, second)


async def test_requests_of_the_same_microsecond_are_told_apart(undone: Connection) -> None:
    ids = {await an_answer(undone, "schedule"), await an_answer(undone, "manual"), await an_answer(undone, "manual")}

    assert len(ids) == 3


async def test_rows_land_in_the_partition_of_their_day_in_utc(undone: Connection) -> None:
    await undone.execute("SET LOCAL timezone = 'Pacific/Kiritimati'")  # 14 hours ahead
    before, after = datetime(2035, 3, 1, 23, 59, 59, 999999, tzinfo=UTC), datetime(2035, 3, 2, tzinfo=UTC)

    await an_answer(undone, "schedule", before)
    await an_answer(undone, "schedule", after)

    rows = await undone.fetch(
        "SELECT c.relname FROM rowcall.schedule_executions AS e JOIN pg_class AS c ON c.oid = e.tableoid"
        " ORDER BY e.scheduled_for"
    )
    assert [row["relname"] for row in rows] == [
        "schedule_executions_20350301",
        "schedule_executions_20350302",
    ]


async def test_a_missing_day_is_refused_until_it_is_made_and_made_once(undone: Connection) -> None:
    day = datetime(1999, 12, 31, 12, tzinfo=UTC)
    with pytest.raises(asyncpg.CheckViolationError, match="no partition"):
        async with undone.transaction():
            await undone.execute(
                "INSERT INTO rowcall.schedule_executions"
                " (schedule_id, scheduled_for, schedule_version, priority, trigger,"
                " status, task_type, input_data) VALUES (1, $1, 1, 5, 'manual', 'QUEUED', 'work', '{}')",
                day,
            )

    make = "SELECT rowcall.ensure_partitions($1::timestamptz, $1 + interval '2 days')"
    assert [await undone.fetchval(make, day), await undone.fetchval(make, day)] == [3, 0]
    await an_answer(undone, "schedule", day)


async def test_two_sessions_may_make_the_same_day_at_once(dsn: str) -> None:
    sessions = [await asyncpg.connect(dsn) for _ in range(4)]
    made = await asyncio.gather(*(s.fetchval("SELECT rowcall.ensure_partitions($1, $1)", NOON) for s in sessions))
    await asyncio.gather(*(session.close() for session in sessions))

    assert sorted(made) == [0, 0, 0, 1]


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


DEFINITION_CHANGES = [
    "description = 'said otherwise'", "input_data = '{\"a\": 1}'", "priority = 9", "labels = '{\"a\": \"b\"}'",
    "interval_seconds = 7", "timezone = 'Asia/Tokyo'", "starts_at = '2034-01-01Z'", "ends_at = '2036-01-01Z'",
    "jitter_seconds = 1", "max_executions = 3", "grace_period_seconds = 1", '"coalesce" = \'all\'',
    "catch_up_limit = 1", "overlap_policy = 'queue'", "max_instances = 2", "timeout_seconds = 1", "max_retries = 1",
    "retry_backoff_seconds = 1", "callback_url = 'https://example.org'", "name = 'renamed'", "task_type = 'play'",
    "capability_required = 'gpu'", "client_id = 'another'", "is_static = true", "source = 'code'",
]  # fmt: skip

RUNTIME_CHANGES = [
    "next_run_at = now()", "next_occurrence_at = now()", "last_occurrence_at = now()", "last_run_at = now()",
    "last_execution_id = 1", "last_status = 'FAILED'", "total_runs = 1", "scheduled_runs = 1", "successful_runs = 1",
    "failed_runs = 1",
]  # fmt: skip


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


# ── whom it wakes ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Ear:
    """Hears the notifications of another session, and is told by a last one when all has been said."""

    def __init__(self, listener: Connection, speaker: Connection) -> None:
        self._listener, self._speaker = listener, speaker
        self._heard: asyncio.Queue[str] = asyncio.Queue()

    async def open(self) -> None:
        await self._listener.add_listener("rowcall", lambda *said: self._heard.put_nowait(str(said[-1])))

    async def heard(self) -> list[str]:
        await self._speaker.execute("NOTIFY rowcall, 'that is all'")
        said: list[str] = []
        while not said or said[-1] != "that is all":
            said.append(await asyncio.wait_for(self._heard.get(), DEADLINE_SECONDS))
        return said[:-1]


@pytest.fixture
async def ear(db: Connection, another_connection: Connection) -> Ear:
    ear = Ear(another_connection, db)
    await ear.open()
    return ear


async def test_an_insert_and_a_change_of_what_is_due_wake_the_workers(
    db: Connection, ear: Ear, a_schedule: ASchedule
) -> None:
    await a_schedule(priority=3)
    assert await ear.heard() == ["look"]

    for change in (
        "interval_seconds = 60",
        "status = 'PAUSED'",
        "status = 'ACTIVE'",
        "task_type = 'play'",
        "priority = 7",
    ):
        await db.execute(f"UPDATE rowcall.schedules SET {change}")
        assert await ear.heard() == ["look"], change


async def test_what_a_claim_writes_wakes_nobody(db: Connection, ear: Ear, a_schedule: ASchedule) -> None:
    await a_schedule()
    await ear.heard()

    for change in (*RUNTIME_CHANGES, "description = 'said otherwise'", "grace_period_seconds = 1"):
        await db.execute(f"UPDATE rowcall.schedules SET {change}")

    assert await ear.heard() == []


async def test_a_herd_wakes_the_workers_once(db: Connection, ear: Ear) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds)"
        " SELECT 'work', 'interval', 60 FROM generate_series(1, 100)"
    )

    assert await ear.heard() == ["look"]


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
