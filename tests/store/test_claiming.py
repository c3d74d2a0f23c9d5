"""What a claim writes, and that it writes all of it or nothing."""

from dataclasses import replace

import asyncpg
import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.database import Database
from tests.store.stories import (
    HOUR,
    MINUTE,
    NOON,
    ASchedule,
    Connection,
    assert_chain_holds,
    claim,
    execution,
    finish,
    ledger,
    schedule,
)

# ── what a claim writes ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_due_schedule_becomes_a_running_execution_with_a_lease(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(
        name="hourly", input_data={"a": 1}, timeout_seconds=7, max_retries=2, retry_backoff_seconds=3
    )

    [claimed] = await claim(database, worker)

    row = await execution(db, claimed.execution_id)
    assert (row["status"], row["scheduled_for"], row["trigger"]) == ("RUNNING", NOON, "schedule")
    assert (row["worker_id"], row["attempt"], row["fence"], row["schedule_version"]) == (worker, 1, 1, 1)
    assert (row["covers_after"], row["task_type"], row["input_data"]) == (None, "work", '{"a": 1}')
    assert (claimed.schedule_id, claimed.schedule_name, claimed.client_id) == (due, "hourly", "default")
    assert (claimed.scheduled_for, claimed.executed_at) == (NOON, row["executed_at"])
    assert (claimed.attempt, claimed.fence, claimed.trigger, claimed.input_data) == (1, 1, "schedule", '{"a": 1}')
    assert (claimed.timeout_seconds, claimed.max_retries, claimed.retry_backoff_seconds) == (7, 2, 3)
    lease = await db.fetchrow("SELECT execution_id, schedule_id, worker_id, fence, route FROM rowcall.open_executions")
    assert lease is not None
    assert tuple(lease) == (claimed.execution_id, due, worker, 1, "work")


ITS_OWN = [
    "schedule_id",
    "execution_id",
    "last_execution_id",
    "name",
    "created_at",
    "updated_at",
    "executed_at",
    "last_run_at",
]
"""What is of one schedule, or one execution, or of the moment."""


async def test_one_and_many_are_started_alike(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    for _ in range(3):
        await a_schedule(input_data={"a": 1}, priority=7)

    one, more = [await claim(database, worker, limit=limit) for limit in (1, 2)]

    assert (len(one), len(more)) == (1, 2)
    assert [each.executed_at for each in one + more] == [
        (await execution(db, each.execution_id))["executed_at"] for each in one + more
    ]
    told = [replace(each, schedule_id=0, execution_id=0, schedule_name="", executed_at=NOON) for each in one + more]
    assert all(each == told[0] for each in told)
    for table in ("schedules", "schedule_executions", "open_executions"):
        written = await db.fetch(f"SELECT DISTINCT to_jsonb(t) - $1::text[] FROM rowcall.{table} AS t", ITS_OWN)
        assert len(written) == 1


@pytest.mark.parametrize("due", [1, 2], ids=["one", "more"])
async def test_what_is_open_of_a_schedule_keeps_it_from_starting(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, due: int
) -> None:
    for _ in range(due):
        await a_schedule()
    assert len(await claim(database, worker, limit=100)) == due

    found = await look(database, worker, ["work"], 100, now=NOON + HOUR)

    assert (found.claims, [row["status"] for row in found.recorded]) == ([], ["SKIPPED"] * due)


async def test_the_schedule_is_advanced_along_with_it(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()

    [claimed] = await claim(database, worker)

    row = await schedule(db, due)
    assert (row["last_occurrence_at"], row["next_occurrence_at"], row["next_run_at"]) == (
        NOON,
        NOON + HOUR,
        NOON + HOUR,
    )
    assert (row["total_runs"], row["scheduled_runs"], row["last_execution_id"]) == (1, 1, claimed.execution_id)
    assert row["last_run_at"] == claimed.executed_at
    assert await claim(database, worker) == []


async def test_every_run_covers_what_lies_between_it_and_the_one_before(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()

    for moment in (NOON, NOON + HOUR, NOON + 2 * HOUR + 10 * MINUTE):
        [claimed] = await claim(database, worker, now=moment)
        await finish(database, worker, (claimed, Outcome.succeeded()))

    assert [moment for _, moment in await ledger(db, due)] == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    await assert_chain_holds(db, due)


async def test_what_was_missed_is_one_row_and_the_latest_within_grace_runs(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(grace_period_seconds=3600 + 900)

    found = await look(database, worker, ["work"], 10, now=NOON + 30 * HOUR + 10 * MINUTE)

    assert await ledger(db, due) == [("MISSED", NOON + 28 * HOUR), ("RUNNING", NOON + 30 * HOUR)]
    assert [(row["status"], row["scheduled_for"]) for row in found.recorded] == [("MISSED", NOON + 28 * HOUR)]
    assert "grace" in found.recorded[0]["reason"]
    await assert_chain_holds(db, due)


async def test_what_is_past_its_grace_altogether_is_missed_and_goes_on(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()

    found = await look(database, worker, ["work"], 10, now=NOON + 20 * MINUTE)

    assert found.claims == []
    assert await ledger(db, due) == [("MISSED", NOON)]
    row = await schedule(db, due)
    assert (row["next_run_at"], row["total_runs"], row["last_run_at"]) == (NOON + HOUR, 0, None)


@pytest.mark.parametrize("beside", [0, 5])
@pytest.mark.parametrize("moved", ["last_occurrence_at", "last_occurrence_at - interval '30 min'"])
async def test_an_occurrence_set_by_hand_that_is_answered_already_is_not_answered_twice(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, moved: str, beside: int
) -> None:
    ids = [await a_schedule() for _ in range(1 + beside)]
    for claimed in await claim(database, worker):
        await finish(database, worker, (claimed, Outcome.succeeded()))
    now = NOON + 10 * MINUTE
    await db.execute(f"UPDATE rowcall.schedules SET next_occurrence_at = {moved}, next_run_at = $1", now)

    claims = await claim(database, worker, now=now)

    assert sorted((claimed.schedule_id, claimed.scheduled_for) for claimed in claims) == [
        (schedule_id, NOON + HOUR) for schedule_id in ids
    ]
    for schedule_id in ids:
        assert (await schedule(db, schedule_id))["next_run_at"] == NOON + 2 * HOUR
        await assert_chain_holds(db, schedule_id)


async def test_a_single_moment_runs_and_completes(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    once = await a_schedule(scheduled_time=NOON)

    [claimed] = await claim(database, worker)

    row = await schedule(db, once)
    assert (row["status"], row["next_run_at"], row["next_occurrence_at"]) == ("COMPLETED", None, None)
    assert (row["last_occurrence_at"], row["last_execution_id"]) == (NOON, claimed.execution_id)
    await finish(database, worker, (claimed, Outcome.succeeded()))
    assert await ledger(db, once) == [("SUCCEEDED", NOON)]


async def test_a_single_moment_past_its_grace_is_missed_and_completes(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    once = await a_schedule(scheduled_time=NOON - HOUR)

    assert await claim(database, worker) == []

    assert await ledger(db, once) == [("MISSED", NOON - HOUR)]
    assert (await schedule(db, once))["status"] == "COMPLETED"


async def test_the_day_that_an_occurrence_falls_on_is_made_where_it_is_missing(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    day = "rowcall.schedule_executions_20350604"
    await a_schedule()
    assert await db.fetchval("SELECT to_regclass($1)", day) is None

    [claimed] = await claim(database, worker)

    assert await db.fetchval(f"SELECT execution_id FROM {day}") == claimed.execution_id


# ── all of it or nothing ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["in the middle", "at its end"])
async def a_failing_claim(request: pytest.FixtureRequest, db: Connection) -> None:
    """While this lasts, whoever writes a lease fails: at once, or when it commits."""
    await db.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is on fire'; END $$"
    )
    kind, when = ("", "") if request.param == "in the middle" else ("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED")
    await db.execute(
        f"CREATE {kind} TRIGGER fail AFTER INSERT OR UPDATE ON rowcall.open_executions {when}"
        " FOR EACH ROW EXECUTE FUNCTION fail()"
    )


@pytest.mark.usefixtures("a_failing_claim")
async def test_a_claim_that_fails_leaves_everything_as_it_was(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due, over, missed = (
        await a_schedule(),
        await a_schedule(scheduled_time=NOON),
        await a_schedule(created_at=NOON - 9 * HOUR),
    )
    await look(database, worker, ["work"], 0, now=NOON)  # plans them, and claims nothing
    before = [dict(await schedule(db, each)) for each in (due, over, missed)]

    with pytest.raises(asyncpg.RaiseError, match="on fire"):
        await claim(database, worker)

    assert [dict(await schedule(db, each)) for each in (due, over, missed)] == before
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedule_executions") == 0
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 0

    await db.execute("DROP TRIGGER fail ON rowcall.open_executions")
    assert {claimed.schedule_id for claimed in await claim(database, worker)} == {due, over, missed}
