"""What the schema refuses: every row that could not be, one constraint after the other."""

import re

import asyncpg
import pytest

from tests.store.stories import Connection, insertion, nested

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
    ("schedules_nested_at_most_64_deep", {"input_data": nested(65)}),
    ("schedules_nested_at_most_64_deep", {"input_data": nested(1500)}),
    ("schedules_nested_at_most_64_deep", {"labels": nested(65)}),
    (
        "schedules_nested_at_most_64_deep",
        {"schedule_type": "'cron'", "interval_seconds": "NULL", "cron_fields": nested(65)},
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
    ("schedules_callback_url_length", {"callback_url": "'https://example.org/' || repeat('x', 1981)"}),
    ("schedules_callback_url_length", {"callback_url": "'https://' || repeat('ü', 497)"}),  # an index holds it
    ("schedules_callback_events_known", {"callback_events": "'{}'"}),
    ("schedules_callback_events_known", {"callback_events": "'{DONE}'"}),
    ("schedules_callback_events_known", {"callback_events": "'{NULL}'"}),
    ("schedules_callback_events_known", {"callback_events": "'{lost}'"}),
    ("schedules_status_known", {"status": "'SLEEPING'"}),
    ("schedules_invalid_says_why", {"status": "'INVALID'"}),
]  # fmt: skip


@pytest.mark.parametrize(("constraint", "columns"), IMPOSSIBLE)
async def test_an_impossible_schedule_is_refused(undone: Connection, constraint: str, columns: dict[str, str]) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await undone.execute(insertion(columns))

    assert refusal.value.constraint_name == constraint


async def test_what_is_nested_as_deep_as_over_rest_is_taken(undone: Connection) -> None:
    await undone.execute(insertion({"input_data": nested(64), "labels": nested(64)}))


async def test_every_constraint_of_schedules_is_tried_by_a_test(undone: Connection) -> None:
    named = await undone.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'rowcall.schedules'::regclass AND contype = 'c'"
    )
    judged = await undone.fetchval("SELECT prosrc FROM pg_proc WHERE oid = 'rowcall.broken_rule'::regproc")
    tried = {constraint for constraint, _ in IMPOSSIBLE}
    by_triggers = {"schedules_only_active_ones_are_due", "schedules_disabled_iff_dated"}  # below

    assert {row["conname"] for row in named} | set(re.findall(r"'(schedules_\w+)'", judged)) == tried | by_triggers


@pytest.mark.parametrize(("constraint", "columns"), IMPOSSIBLE)
async def test_no_schedule_becomes_impossible(undone: Connection, constraint: str, columns: dict[str, str]) -> None:
    await undone.execute(insertion({}))
    changes = ", ".join(f"{column} = {value}" for column, value in columns.items())

    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await undone.execute(f"UPDATE rowcall.schedules SET {changes}")

    assert refusal.value.constraint_name == constraint
    assert (refusal.value.schema_name, refusal.value.table_name) == ("rowcall", "schedules")


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
    ("executions_not_well_says_why", {"status": "'FAILED'", "finished_at": "now()"}),
    ("executions_not_well_says_why", {"status": "'TIMED_OUT'", "finished_at": "now()"}),
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
