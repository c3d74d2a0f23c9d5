"""The monitoring views: what each of them shows, and that they stay what they are."""

from __future__ import annotations

import asyncio
import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from rowcall.domain.executions import ExecutionStatus, Outcome
from rowcall.store.database import Database
from tests.store.stories import (
    HOUR,
    MINUTE,
    NOON,
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    change,
    claim,
    finish,
    plan,
    until_waiting_for_a_lock,
)

CONTRACT = {
    "v_installation": "installation_id schema_version tzdata_version history_floor_at created_at",
    "v_schedules": "schedule_id client_id name description task_type capability_required route priority labels"
    " schedule_type cron_expression cron_fields interval_seconds scheduled_time timezone starts_at ends_at"
    " jitter_seconds max_executions grace_period_seconds coalesce catch_up_limit overlap_policy max_instances"
    " timeout_seconds max_retries retry_backoff_seconds is_static source status status_reason next_occurrence_at"
    " next_run_at last_occurrence_at last_run_at last_execution_id last_status total_runs scheduled_runs"
    " successful_runs failed_runs created_at updated_at disabled_at version",
    "v_versions": "schedule_id valid_from version status status_reason name task_type schedule_type cron_expression"
    " cron_fields interval_seconds scheduled_time timezone starts_at ends_at tzdata_version",
    "v_workers": "worker_id name host pid rowcall_version apps routes slots status started_at last_beat_at ended_at"
    " lease_seconds silent_seconds is_alive running free_slots",
    "v_executions": "execution_id schedule_id client_id name schedule_version trigger scheduled_for covers_after"
    " task_type capability_required priority status attempt worker_id cancel_requested_at executed_at finished_at"
    " duration_seconds lateness_seconds reason error_kind available_at backfill_id created_at",
    "v_open": "execution_id schedule_id client_id name route priority trigger state scheduled_for available_at attempt"
    " executed_at running_seconds timeout_seconds worker_id worker host cancel_requested_at backfill_id",
    "v_running": "execution_id schedule_id client_id name route trigger scheduled_for attempt executed_at"
    " running_seconds timeout_seconds worker_id worker host cancel_requested_at",
    "v_overdue": "schedule_id client_id name route priority next_run_at overdue_seconds grace_ends_at offering_workers",
    "v_unroutable": "route schedules next_run_at",
    "v_upcoming": "schedule_id client_id name route priority next_occurrence_at next_run_at",
    "v_failures": "execution_id schedule_id client_id name trigger scheduled_for task_type status attempt executed_at"
    " finished_at duration_seconds error_kind worker_id",
    "v_not_run": "execution_id schedule_id client_id name scheduled_for covers_after task_type status reason",
    "v_schedule_health": "schedule_id client_id name status runs succeeded failed not_run success_rate"
    " failures_in_a_row duration_p50_seconds duration_p95_seconds lateness_p50_seconds lateness_p95_seconds"
    " last_success_at since next_run_at",
    "v_backlog": "route due queued running to_be_retried waiting oldest_due_at oldest_due_seconds offering_workers"
    " free_slots",
    "v_history": "partition day total_bytes index_bytes estimated_executions",
    "v_locks": "waiting_pid waiting waiting_seconds lock_mode relation blocking_pid blocking_role blocking"
    " blocking_state blocking_transaction_seconds",
    "v_snapshots": "held_by pid name role_name state held_seconds transactions",
    "v_metrics": "at postgres schema_version history_floor_at schedules_active schedules_paused schedules_completed"
    " schedules_invalid schedules_unplanned due queued running to_be_retried waiting oldest_due_seconds"
    " unroutable_due workers_running workers_draining workers_silent slots free_slots history_bytes"
    " history_partitions history_days_ahead oldest_snapshot_seconds sessions_waiting_for_locks",
}
"""What was promised: columns may be added at the end of a line, and lines; nothing goes away or moves."""


async def rows(db: Connection, view: str, where: str = "true", *arguments: Any) -> list[asyncpg.Record]:
    return await db.fetch(f"SELECT * FROM rowcall.{view} WHERE {where}", *arguments)


async def only(db: Connection, view: str, where: str = "true", *arguments: Any) -> asyncpg.Record:
    [row] = await rows(db, view, where, *arguments)
    return row


async def test_a_view_keeps_the_columns_that_were_promised(db: Connection) -> None:
    found = await db.fetch(
        "SELECT c.relname, string_agg(a.attname, ' ' ORDER BY a.attnum) AS columns,"
        "       obj_description(c.oid) IS NOT NULL AS is_described"
        "  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relname LIKE 'v\\_%' GROUP BY c.oid, c.relname"
    )

    assert {row["relname"]: row["columns"] for row in found} == CONTRACT
    assert [row["relname"] for row in found if not row["is_described"]] == []


async def test_what_is_due_is_overdue_and_without_a_worker_unroutable(
    db: Connection, database: Database, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_worker("work")
    late, foreign, ahead = await a_schedule(), await a_schedule(task_type="bake"), await a_schedule()
    for schedule_id, minutes in ((late, -5), (foreign, -7), (ahead, 5)):
        await db.execute(
            "UPDATE rowcall.schedules SET next_run_at = now() + $2 WHERE schedule_id = $1",
            schedule_id,
            minutes * MINUTE,
        )

    overdue = {row["schedule_id"]: row for row in await rows(db, "v_overdue")}
    assert overdue.keys() == {late, foreign}
    assert 300 < overdue[late]["overdue_seconds"] < 330
    assert (overdue[late]["offering_workers"], overdue[foreign]["offering_workers"]) == (1, 0)
    assert overdue[late]["grace_ends_at"] - overdue[late]["next_run_at"] == timedelta(seconds=900)
    assert [tuple(row)[:2] for row in await rows(db, "v_unroutable")] == [("bake", 1)]
    assert [row["schedule_id"] for row in await rows(db, "v_upcoming")] == [ahead]

    work, bake = await only(db, "v_backlog", "route = 'work'"), await only(db, "v_backlog", "route = 'bake'")
    assert (work["due"], work["offering_workers"], work["free_slots"]) == (1, 1, 10)
    assert (bake["due"], bake["offering_workers"], bake["free_slots"]) == (1, 0, 0)
    metrics = await only(db, "v_metrics")
    assert (metrics["due"], metrics["unroutable_due"], metrics["schedules_active"]) == (2, 1, 3)
    assert 420 < metrics["oldest_due_seconds"] < 450


async def test_what_runs_now_and_where(
    db: Connection, database: Database, a_schedule: ASchedule, a_worker: AWorker, an_execution: AnExecution
) -> None:
    worker = await a_worker("work")
    runs, waits, elsewhere = await a_schedule(), await a_schedule(), await a_schedule(task_type="bake")
    first = await an_execution(runs)
    await claim(database, worker, now=NOON)
    behind, queued = await an_execution(runs), await an_execution(elsewhere)
    await db.execute("DELETE FROM rowcall.schedules WHERE schedule_id = $1", waits)

    assert {row["execution_id"]: row["state"] for row in await rows(db, "v_open")} == {
        first: "running",
        behind: "waiting",
        queued: "queued",
    }
    running = await only(db, "v_running")
    assert (running["execution_id"], running["worker_id"], running["worker"], running["host"], running["attempt"]) == (
        first, worker, "here:1", "here", 1,
    )  # fmt: skip
    assert (await only(db, "v_workers"))["free_slots"] == 9
    metrics = await only(db, "v_metrics")
    assert (metrics["running"], metrics["queued"], metrics["waiting"], metrics["slots"], metrics["free_slots"]) == (
        1, 1, 1, 10, 9,
    )  # fmt: skip


async def test_the_health_of_a_schedule_is_that_of_its_latest_hundred(
    db: Connection, database: Database, a_schedule: ASchedule
) -> None:
    watched = await a_schedule()
    ended = [("SUCCEEDED" if n % 4 or n < 20 else "FAILED", n * 0.01, n * 0.1) for n in range(1, 131)]
    ended[-1] = ended[-2] = ("TIMED_OUT", 2.0, 0.5)
    await db.execute(
        "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, executed_at, finished_at,"
        " duration_seconds, schedule_version, priority, trigger, status, task_type, input_data, attempt, fence,"
        " error_message)"
        " SELECT $1, moment, moment + make_interval(secs => late), moment + make_interval(secs => late + took), took,"
        " 1, 5, 'schedule', status, 'work', '{}', 1, 1, nullif(status, 'SUCCEEDED')"
        " FROM unnest($2::text[], $3::float8[], $4::float8[]) WITH ORDINALITY AS e (status, took, late, n),"
        " LATERAL (SELECT now() - make_interval(secs => 131 - n)) AS m (moment)",
        watched, *map(list, zip(*ended, strict=True)),
    )  # fmt: skip
    latest = ended[-100:]

    health = await only(db, "v_schedule_health")
    assert (health["runs"], health["failures_in_a_row"]) == (100, 3)
    succeeded = sum(status == "SUCCEEDED" for status, _, _ in latest)
    assert (health["succeeded"], health["failed"], health["not_run"]) == (succeeded, 100 - succeeded, 0)
    assert health["success_rate"] == succeeded / 100
    assert health["duration_p50_seconds"] == pytest.approx(statistics.median(took for _, took, _ in latest))
    late = sorted(late for _, _, late in latest)
    assert health["lateness_p95_seconds"] == pytest.approx(statistics.quantiles(late, n=20, method="inclusive")[-1])
    assert health["last_success_at"] == await db.fetchval(
        "SELECT max(finished_at) FROM rowcall.schedule_executions WHERE status = 'SUCCEEDED'"
    )


async def test_failures_and_what_did_not_run_are_told_with_their_reasons(
    db: Connection, database: Database, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    worker = await a_worker("work")
    now = await db.fetchval("SELECT now()")
    fails = await a_schedule(name="fails", created_at=now - HOUR, starts_at=now - MINUTE, max_retries=0)
    missed = await a_schedule(name="missed", created_at=now - HOUR, starts_at=now - 20 * MINUTE)
    await plan(database)
    [failing] = await claim(database, worker, now=now)
    await finish(database, worker, (failing, Outcome(ExecutionStatus.FAILED, error="shop.Closed: the key is 4711")))

    failure = await only(db, "v_failures")
    assert (failure["name"], failure["status"], failure["error_kind"]) == ("fails", "FAILED", "shop.Closed")
    assert failure["schedule_id"] == fails
    not_run = await only(db, "v_not_run")
    assert (not_run["schedule_id"], not_run["status"]) == (missed, "MISSED")
    assert "not started within 900 s" in not_run["reason"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("ValueError: 12", "ValueError"),
        ("shop.errors.Closed: no", "shop.errors.Closed"),
        ("KeyError\n\nTraceback", "KeyError"),
        ("TimeoutError", "TimeoutError"),
        ("the server answered 500: secret", None),
        ("hunter2: secret", None),
        ('  File "x.py"', None),
    ],
)
async def test_of_an_error_only_its_class_is_shown(undone: Connection, error: str, kind: str | None) -> None:
    await undone.execute(
        "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, finished_at, schedule_version, priority,"
        " trigger, status, task_type, input_data, error_message)"
        " VALUES (1, now(), now(), 1, 5, 'manual', 'FAILED', 'work', '{}', $1)",
        error,
    )
    assert await undone.fetchval("SELECT error_kind FROM rowcall.v_executions") == kind


async def test_versions_tell_every_change_of_timing_and_status(db: Connection, a_schedule: ASchedule) -> None:
    changed = await a_schedule(cron_expression="0 9 * * *", created_at=datetime.now(UTC) - HOUR)
    await change(db, changed, "cron_expression = '0 10 * * *'")
    await change(db, changed, "status = 'PAUSED', status_reason = 'moving house'")

    told = await db.fetch(
        "SELECT cron_expression, status, status_reason FROM rowcall.v_versions"
        " WHERE schedule_id = $1 ORDER BY valid_from",
        changed,
    )
    assert [tuple(row) for row in told] == [
        ("0 9 * * *", "ACTIVE", None),
        ("0 10 * * *", "ACTIVE", None),
        ("0 10 * * *", "PAUSED", "moving house"),
    ]


async def test_locks_name_who_waits_and_whom_for(
    db: Connection, dsn: str, another_connection: Connection, a_schedule: ASchedule
) -> None:
    locked = await a_schedule()
    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        async with Database.open(dsn, size=1, application_name="rowcall worker") as waiter:
            waiting = asyncio.create_task(waiter.fetch("set_schedule_status", locked, "PAUSED", *[None] * 6))
            await until_waiting_for_a_lock(db)
            lock = await only(db, "v_locks")
            metrics = await only(db, "v_metrics")
            await another_connection.execute("COMMIT")
            await waiting
        await another_connection.execute("BEGIN")

    assert (lock["waiting"], lock["relation"]) == ("rowcall worker", "rowcall.schedules")
    assert lock["blocking_pid"] == another_connection.get_server_pid()
    assert (lock["blocking_state"], metrics["sessions_waiting_for_locks"]) == ("idle in transaction", 1)


async def test_a_held_snapshot_is_told_with_who_holds_it(db: Connection, another_connection: Connection) -> None:
    async with another_connection.transaction(isolation="repeatable_read"):
        await another_connection.fetchval("SELECT count(*) FROM rowcall.schedules")
        await db.execute("INSERT INTO rowcall.tasks (task_type) VALUES ('work')")
        held = await only(db, "v_snapshots", "pid = $1", another_connection.get_server_pid())
        oldest = (await only(db, "v_metrics"))["oldest_snapshot_seconds"]

    assert (held["held_by"], held["state"]) == ("session", "idle in transaction")
    assert held["transactions"] >= 1
    assert 0 <= held["held_seconds"] <= oldest + 1


async def test_history_is_told_by_day_with_its_size(db: Connection) -> None:
    history = await rows(db, "v_history")
    metrics = await only(db, "v_metrics")

    assert len(history) == metrics["history_partitions"] == 5
    assert metrics["history_bytes"] == sum(row["total_bytes"] for row in history) > 0
    assert metrics["history_days_ahead"] == 3
    assert {row["partition"] for row in history} == {f"schedule_executions_{row['day']:%Y%m%d}" for row in history}


async def test_a_worker_that_lost_its_lease_is_silent(db: Connection, a_worker: AWorker) -> None:
    silent, alive, leaving = await a_worker(), await a_worker(), await a_worker()
    await db.execute("UPDATE rowcall.workers SET last_beat_at = now() - interval '2 min' WHERE worker_id = $1", silent)
    await db.execute("UPDATE rowcall.workers SET status = 'DRAINING' WHERE worker_id = $1", leaving)

    assert {row["worker_id"]: row["is_alive"] for row in await rows(db, "v_workers")} == {
        silent: False,
        alive: True,
        leaving: True,
    }
    metrics = await only(db, "v_metrics")
    assert (metrics["workers_running"], metrics["workers_draining"], metrics["workers_silent"]) == (1, 1, 1)
