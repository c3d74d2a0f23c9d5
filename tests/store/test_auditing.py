"""The audit: a whole ledger passes, and each way of breaking one is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeAlias

import asyncpg
import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.auditing import audit, audit_in
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.finishing import Result, record_results
from rowcall.store.leases import WorkerCard, register_worker
from tests.store.stories import nested, older

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with Database.open(dsn) as opened:
        yield opened


@pytest.fixture
async def worker_id(database: Database) -> int:
    return await register_worker(database, WorkerCard("w", "host", 1, "0", [], ["import"], 10, 3600), [])


@pytest.fixture
async def minutely(db: Connection) -> int:
    """A schedule that is due every minute from noon on, in an installation that is older."""
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1", NOON - timedelta(days=1))
    schedule_id: int = await db.fetchval(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds, created_at, max_retries) "
        "VALUES ('minutely', 'import', 'interval', 60, $1, 0) RETURNING schedule_id",
        NOON,
    )
    return schedule_id


async def work_through(database: Database, worker_id: int, *moments: datetime) -> None:
    """Look at each of these moments, and finish what was claimed."""
    for moment in moments:
        found = await look(database, worker_id, ["import"], 10, now=moment)
        results = [Result(claim, Outcome.succeeded(), 0.1) for claim in found.claims]
        await record_results(database, worker_id, results, Random(1))


@pytest.fixture
async def five_runs(database: Database, worker_id: int, minutely: int) -> int:
    await work_through(database, worker_id, *(NOON + k * MINUTE for k in range(1, 6)))
    return minutely


async def test_a_whole_ledger_passes(database: Database, five_runs: int) -> None:
    report = await audit(database, until=NOON + 5 * MINUTE)
    assert (report.schedules, report.rows, report.findings) == (1, 5, [])


async def test_a_definition_that_is_nested_deeper_than_anybody_reads_is_judged_all_the_same(
    database: Database, db: Connection, five_runs: int
) -> None:
    await older(db, five_runs, f"input_data = {nested(1500)}, labels = {nested(1500)}")

    report = await audit(database, until=NOON + 5 * MINUTE)

    assert (report.schedules, report.rows, report.findings) == (1, 5, [])


async def test_a_missing_row_is_a_gap_with_its_span(database: Database, db: Connection, five_runs: int) -> None:
    await db.execute("DELETE FROM rowcall.schedule_executions WHERE scheduled_for = $1", NOON + 3 * MINUTE)
    [finding] = (await audit(database, until=NOON + 5 * MINUTE)).findings
    assert (finding.kind, finding.since, finding.until) == ("gap", NOON + 2 * MINUTE, NOON + 3 * MINUTE)


async def test_a_row_that_answers_again_is_a_double(database: Database, db: Connection, five_runs: int) -> None:
    await db.execute(
        "UPDATE rowcall.schedule_executions SET covers_after = $1 WHERE scheduled_for = $2",
        NOON + MINUTE,
        NOON + 4 * MINUTE,
    )
    [finding] = (await audit(database, until=NOON + 5 * MINUTE)).findings
    assert finding.kind == "double"


async def test_a_moment_that_the_trigger_does_not_name_is_found(
    database: Database, db: Connection, five_runs: int
) -> None:
    await db.execute(
        "UPDATE rowcall.schedule_executions SET scheduled_for = scheduled_for + interval '1 second' "
        "WHERE scheduled_for = $1",
        NOON + 5 * MINUTE,
    )
    [finding] = (await audit(database, until=NOON + 6 * MINUTE)).findings
    assert finding.kind == "not_an_occurrence"


async def test_an_occurrence_swallowed_by_a_run_past_its_grace_is_found(
    database: Database, db: Connection, five_runs: int
) -> None:
    """The chain still holds, each row following the one before: only recomputing the occurrences shows it."""
    await db.execute("DELETE FROM rowcall.schedule_executions WHERE scheduled_for = $1", NOON + 3 * MINUTE)
    await db.execute(
        "UPDATE rowcall.schedule_executions SET covers_after = $1 WHERE scheduled_for = $2",
        NOON + 2 * MINUTE,
        NOON + 4 * MINUTE,
    )
    [finding] = (await audit(database, until=NOON + 5 * MINUTE)).findings
    assert finding.kind == "swallowed"


async def test_a_chain_that_ends_before_where_the_schedule_stands_is_broken(
    database: Database, db: Connection, five_runs: int
) -> None:
    await db.execute("DELETE FROM rowcall.schedule_executions WHERE scheduled_for = $1", NOON + 5 * MINUTE)
    [finding] = (await audit(database)).findings
    assert finding.kind == "broken"


async def test_advancing_past_an_occurrence_is_a_gap_ahead(
    database: Database, db: Connection, worker_id: int, five_runs: int
) -> None:
    await db.execute(
        "UPDATE rowcall.schedules SET next_occurrence_at = next_occurrence_at + interval '3 minutes', "
        "next_run_at = next_run_at + interval '3 minutes'"
    )
    [finding] = (await audit(database)).findings
    assert (finding.kind, finding.since) == ("gap", NOON + 6 * MINUTE)


async def test_nobody_answering_for_long_is_a_finding_only_while_somebody_works(
    database: Database, db: Connection, five_runs: int
) -> None:
    assert [finding.kind for finding in (await audit(database)).findings] == ["unanswered"]
    await db.execute("UPDATE rowcall.workers SET last_beat_at = now() - interval '1 day'")
    assert (await audit(database)).findings == []


@pytest.mark.usefixtures("five_runs")
async def test_a_pause_a_change_of_timing_and_a_limit_are_no_holes(
    database: Database, db: Connection, worker_id: int
) -> None:
    changes = (
        "status = 'PAUSED', status_reason = 'maintenance'",
        "status = 'ACTIVE', status_reason = NULL",
        "interval_seconds = 90",
        "max_executions = 7",
    )
    now: datetime = await db.fetchval("SELECT now()")
    for passed, change in enumerate(changes):
        await db.execute(f"UPDATE rowcall.schedules SET {change}")
        await work_through(database, worker_id, *(now + (10 * passed + k) * MINUTE for k in range(2, 12, 2)))
    assert await db.fetchval("SELECT status FROM rowcall.schedules") == "COMPLETED"
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedule_executions WHERE status = 'SKIPPED'") > 0
    assert (await audit(database)).findings == []


async def test_a_run_more_than_the_limit_is_found(
    database: Database, db: Connection, worker_id: int, minutely: int
) -> None:
    await db.execute("UPDATE rowcall.schedules SET max_executions = 2")
    await work_through(database, worker_id, NOON + MINUTE, NOON + 2 * MINUTE)
    assert (await audit(database)).findings == []
    await db.execute("UPDATE rowcall.schedules SET status = 'ACTIVE', scheduled_runs = 0")
    await work_through(database, worker_id, await db.fetchval("SELECT now() + interval '2 minutes'"))
    [finding] = (await audit(database)).findings
    assert finding.kind == "over_limit"


async def test_an_execution_that_only_one_table_knows_is_astray(
    database: Database, db: Connection, worker_id: int, minutely: int
) -> None:
    await look(database, worker_id, ["import"], 10, now=NOON + MINUTE)
    assert (await audit(database, until=NOON + MINUTE)).findings == []
    await db.execute("DELETE FROM rowcall.open_executions")
    [finding] = (await audit(database, until=NOON + MINUTE)).findings
    assert finding.kind == "astray"


async def test_a_run_whose_worker_is_long_gone_is_abandoned(
    database: Database, db: Connection, worker_id: int, minutely: int
) -> None:
    await look(database, worker_id, ["import"], 10, now=NOON + MINUTE)
    await db.execute("UPDATE rowcall.workers SET last_beat_at = now() - interval '1 day'")
    [finding] = (await audit(database, until=NOON + MINUTE)).findings
    assert finding.kind == "abandoned"


async def test_two_attempts_at_the_same_time_are_found(database: Database, db: Connection, five_runs: int) -> None:
    await db.execute(
        """UPDATE rowcall.schedule_executions
              SET errors = jsonb_build_array(jsonb_build_object('attempt', 1,
                  'executed_at', executed_at - interval '9 s', 'finished_at', executed_at + interval '9 s'))
            WHERE scheduled_for = $1""",
        NOON + 2 * MINUTE,
    )
    [finding] = (await audit(database, until=NOON + 5 * MINUTE)).findings
    assert finding.kind == "beside"


async def test_an_audit_can_be_kept_to_a_span_and_to_some_schedules(
    database: Database, db: Connection, five_runs: int
) -> None:
    await db.execute("DELETE FROM rowcall.schedule_executions WHERE scheduled_for = $1", NOON + 2 * MINUTE)
    later = await audit(database, since=NOON + 4 * MINUTE, until=NOON + 5 * MINUTE)
    assert (later.rows, later.findings) == (2, [])
    nobody = await audit(database, schedule_ids=[five_runs + 1], until=NOON + 5 * MINUTE)
    assert (nobody.schedules, nobody.findings) == (0, [])


async def drop_constraints(db: Connection) -> None:
    """What the schema refuses can still come from a restore, or from the hands of an administrator."""
    for name in ("executions_status_known", "executions_finished_iff_final", "executions_running_has_a_worker"):
        await db.execute(f"ALTER TABLE rowcall.schedule_executions DROP CONSTRAINT {name}")
    await db.execute("DROP INDEX rowcall.one_row_per_occurrence")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'DONE'", "which is no status"),
        ("finished_at = NULL", "and has no end"),
        ("executed_at = NULL", "and never started"),
        ("status = 'MISSED', reason = 'grace'", "and was started"),
        ("status = 'QUEUED'", "and has an end"),
    ],
)
async def test_a_status_that_can_not_be_is_found(
    database: Database, db: Connection, five_runs: int, change: str, said: str
) -> None:
    await drop_constraints(db)
    await db.execute(f"UPDATE rowcall.schedule_executions SET {change} WHERE scheduled_for = $1", NOON + 2 * MINUTE)
    [finding] = (await audit(database, until=NOON + 5 * MINUTE)).findings
    assert (finding.kind, finding.since) == ("impossible", NOON + 2 * MINUTE)
    assert said in finding.detail


@pytest.mark.parametrize("trigger", ["schedule", "backfill"])
async def test_an_occurrence_that_ran_twice_is_a_double(
    database: Database, db: Connection, five_runs: int, trigger: str
) -> None:
    await drop_constraints(db)
    await db.execute(
        """INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, covers_after, executed_at, finished_at,
                       schedule_version, priority, trigger, status, task_type, input_data)
           SELECT schedule_id, scheduled_for, covers_after, executed_at, finished_at, schedule_version, priority, $2,
                  status, task_type, input_data
             FROM rowcall.schedule_executions WHERE scheduled_for = $1""",
        NOON + 5 * MINUTE,
        trigger,
    )
    [finding] = (await audit(database, until=NOON + 5 * MINUTE)).findings
    assert finding.kind == "double"


async def test_the_first_hole_of_each_schedule_is_named_and_no_second_one(
    database: Database, db: Connection, worker_id: int, minutely: int
) -> None:
    another: int = await db.fetchval(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds, created_at) "
        "VALUES ('another', 'import', 'interval', 60, $1) RETURNING schedule_id",
        NOON,
    )
    await work_through(database, worker_id, *(NOON + k * MINUTE for k in range(1, 8)))
    await db.execute(
        "DELETE FROM rowcall.schedule_executions WHERE scheduled_for = ANY ($1)", [NOON + k * MINUTE for k in (3, 5)]
    )
    report = await audit(database, until=NOON + 7 * MINUTE)
    assert {finding.schedule_id: finding.since for finding in report.findings} == {
        minutely: NOON + 2 * MINUTE,
        another: NOON + 2 * MINUTE,
    }


async def test_how_many_statements_an_audit_sends_does_not_depend_on_how_many_schedules_there_are(
    database: Database, db: Connection
) -> None:
    async def statements() -> int:
        sent = 0

        def count(_: object) -> None:
            nonlocal sent
            sent += 1

        async with database.snapshot() as session:
            assert isinstance(session.connection, asyncpg.pool.PoolConnectionProxy)
            with session.connection.query_logger(count):
                await audit_in(session)
        return sent

    async def add(count: int) -> None:
        await db.execute(
            "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds) "
            "SELECT 'import', 'interval', 60 FROM generate_series(1, $1)",
            count,
        )

    await add(1)
    await statements()  # the driver asks for what it does not know yet
    few = await statements()
    await add(900)
    assert await statements() == few
