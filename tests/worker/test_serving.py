"""A worker on a real database: what is inserted runs, and is accounted for."""

from __future__ import annotations

from typing import TypeAlias

import asyncpg

import rowcall
from rowcall.worker import ExecutionEnded, ExecutionNotRun, ExecutionStarted
from tests.worker.apps import app as testing
from tests.worker.conftest import Serve
from tests.worker.journal import Journal
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def is_listening(db: Connection) -> bool:
    """Whether a worker listens for notifications."""
    found: bool = await db.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'rowcall listener %' AND query LIKE 'LISTEN%' AND state = 'idle')"
    )
    return found


async def test_a_schedule_inserted_by_sql_runs_at_once_because_the_worker_is_notified(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    await serve(testing, poll_interval_seconds=NEVER)
    await until(lambda: is_listening(schedules.db))

    for _ in range(3):  # one after the other: no look but the one for the notification can find the later ones
        schedule_id = await schedules.insert("note")
        assert (await schedules.reaches("SUCCEEDED", schedule_id))["attempt"] == 1


async def test_without_notifications_a_schedule_is_found_by_the_poll(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    await serve(testing, notifications=False, poll_interval_seconds=0.2)
    for _ in range(3):
        await schedules.reaches("SUCCEEDED", await schedules.insert("note"))
    assert not await is_listening(schedules.db)


async def test_a_schedule_is_run_at_its_moment_though_the_poll_is_far_off(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    await serve(testing, poll_interval_seconds=NEVER)
    soon = await schedules.db.fetchval("SELECT now() + interval '700 milliseconds'")
    row = await schedules.reaches("SUCCEEDED", await schedules.insert("note", scheduled_time=soon))
    assert row["scheduled_for"] == soon
    assert row["executed_at"] >= soon


async def test_a_row_that_cannot_be_scheduled_stops_no_other(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    async with schedules.db.transaction():  # all in one look
        before = await schedules.insert("note")
        broken = await schedules.insert("note", cron_expression="0 0 30 2 *")
        unknown = await schedules.insert("note", cron_expression="0 * * * *", timezone="Mars/Olympus")
        after = await schedules.insert("note")
    await serve(testing)

    await schedules.reaches("SUCCEEDED", before)
    await schedules.reaches("SUCCEEDED", after)
    for schedule_id in (broken, unknown):
        row = await schedules.row(schedule_id)
        assert row["status"] == "INVALID"
        assert row["status_reason"]
    assert await schedules.executions(broken, unknown) == []


async def test_a_flood_of_new_schedules_is_planned_without_waiting_for_the_poll(
    serve: Serve, schedules: Schedules
) -> None:
    await serve(testing, poll_interval_seconds=NEVER)
    await until(lambda: is_listening(schedules.db))
    await schedules.db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, cron_expression)"
        " SELECT 'note', 'cron', '0 0 1 1 *' FROM generate_series(1, 1200)"  # more than one look plans
    )

    async def all_planned() -> bool:
        planned: int = await schedules.db.fetchval("SELECT count(next_run_at) FROM rowcall.schedules")
        return planned == 1200

    await until(all_planned)


async def test_the_counters_of_a_schedule_follow_its_results(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    app = rowcall.App("moody")
    ends = iter([True, False, True])

    @app.task("moody")
    async def moody() -> None:
        assert next(ends)

    schedule_id = await schedules.insert("moody", interval_seconds=1, max_executions=3, max_retries=0)
    await serve(app)

    async def counted() -> bool:
        row = await schedules.row(schedule_id)
        return (row["successful_runs"], row["failed_runs"]) == (2, 1)

    await until(counted)
    row = await schedules.row(schedule_id)
    assert (row["status"], row["total_runs"], row["scheduled_runs"]) == ("COMPLETED", 3, 3)
    last = (await schedules.executions(schedule_id))[-1]
    assert (row["last_status"], row["last_execution_id"]) == ("SUCCEEDED", last["execution_id"])
    assert row["last_run_at"] == last["executed_at"]


async def test_a_run_knows_what_the_ledger_says_of_it(serve: Serve, schedules: Schedules) -> None:
    app = rowcall.App("curious")
    runs: list[rowcall.Run] = []
    app.task("keep")(runs.append)

    schedule_id = await schedules.insert("keep", name="monthly report", client_id="acme", input_data={"month": 2})
    await serve(app)
    row = await schedules.reaches("SUCCEEDED", schedule_id)

    [run] = runs
    installation = await schedules.db.fetchval("SELECT installation_id FROM rowcall.installation")
    assert (run.schedule_id, run.schedule_name, run.client_id) == (schedule_id, "monthly report", "acme")
    assert (run.execution_id, run.attempt, run.fence) == (row["execution_id"], row["attempt"], row["fence"])
    assert (run.scheduled_for, run.triggered_at) == (row["scheduled_for"], row["executed_at"])
    assert (run.task_type, run.trigger, run.input_data) == ("keep", "schedule", {"month": 2})
    assert run.idempotency_key == f"{installation}-{row['execution_id']}"


async def test_whoever_watches_is_told_of_starts_ends_and_of_what_did_not_run(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    too_late = await schedules.db.fetchval("SELECT now() - interval '1 hour'")
    missed = await schedules.insert("note", name="too late", scheduled_time=too_late, grace_period_seconds=60)
    ran = await schedules.insert("note", name="in time")
    served = await serve(testing)
    await schedules.reaches("MISSED", missed)
    row = await schedules.reaches("SUCCEEDED", ran)

    def heard(kind: type[object]) -> list[object]:
        return [event for event in served.events if isinstance(event, kind)]

    await until(lambda: heard(ExecutionEnded))
    identity = (row["execution_id"], ran, "in time", "default", "note", row["scheduled_for"], row["executed_at"], 1)
    assert heard(ExecutionStarted) == [ExecutionStarted(*identity)]
    assert heard(ExecutionEnded) == [ExecutionEnded(*identity, "SUCCEEDED", row["duration_seconds"], None)]
    [not_run] = heard(ExecutionNotRun)
    assert isinstance(not_run, ExecutionNotRun)
    assert (not_run.schedule_name, not_run.status, not_run.scheduled_for) == ("too late", "MISSED", too_late)


async def test_a_worker_takes_only_what_it_has_the_task_and_the_capability_for(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    foreign = await schedules.insert("restock")
    newer = await schedules.insert("note", capability_required="note-v2")
    await serve(testing)
    await schedules.reaches("SUCCEEDED", await schedules.insert("note"))
    assert await schedules.executions(foreign, newer) == []

    shop = rowcall.App("shop")
    shop.task("restock")(lambda: None)
    await serve(shop, capabilities=())
    await serve(testing, capabilities=("note-v2",))
    assert [row["status"] for row in await schedules.ended(foreign, newer)] == ["SUCCEEDED", "SUCCEEDED"]


async def test_every_start_is_another_worker_that_says_when_it_ends(
    serve: Serve, schedules: Schedules, journal: Journal
) -> None:
    for _ in range(2):
        served = await serve(testing)
        await until(lambda: schedules.workers("RUNNING"))
        served.stop()
        await served.ended()
    first, second = await schedules.workers()
    assert first["worker_id"] != second["worker_id"]
    for worker in (first, second):
        assert (worker["status"], worker["apps"], worker["slots"]) == ("STOPPED", ["testing"], 10)
        assert "note" in worker["routes"]
        assert worker["started_at"] < worker["ended_at"]
