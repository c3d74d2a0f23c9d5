"""The survey finds what there is to do, one thing at a time, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest

from rowcall.store.database import Database
from rowcall.store.forgetting import Kept, forget
from rowcall.store.ledger import ensure_days_ahead
from rowcall.store.surveying import Survey, survey
from tests.store.stories import ASchedule, AWorker, Connection, claim, go_silent

KINDS = [field.name for field in fields(Survey) if field.name != "today"]
SOME_DAYS = 30
KEPT = Kept(audit_days=SOME_DAYS, rollup_days=SOME_DAYS, delivery_days=SOME_DAYS)


async def found(database: Database) -> list[str]:
    """What a replica with the route of the tests' tasks finds."""
    seen = await survey(database, ["work"], ["shop"], KEPT)
    return [kind for kind in KINDS if getattr(seen, kind)]


@pytest.fixture(autouse=True)
async def all_is_quiet(database: Database, a_schedule: ASchedule, a_worker: AWorker) -> None:
    """A schedule, a worker, and nothing to do."""
    await ensure_days_ahead(database)
    await a_worker()
    await a_schedule(next_run_at=await database.fetchval("now") + timedelta(hours=1))
    assert await found(database) == []


async def test_today_is_the_databases(database: Database, db: Connection) -> None:
    seen = await survey(database, [], [], KEPT)
    assert seen.today == await db.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")


async def test_a_day_that_is_missing(database: Database, db: Connection) -> None:
    day = await db.fetchval("SELECT to_char((now() AT TIME ZONE 'UTC')::date + 3, 'YYYYMMDD')")
    await db.execute(f"DROP TABLE rowcall.schedule_executions_{day}")
    assert await found(database) == ["days"]
    await ensure_days_ahead(database)
    assert await found(database) == []


async def test_a_worker_that_fell_silent_and_then_its_runs(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    silent = await a_worker()
    await a_schedule()
    await claim(database, silent)
    assert await found(database) == []
    await go_silent(db, silent)
    assert await found(database) == ["dead"]
    await database.fetch("bury_workers", None)
    assert await found(database) == ["dead"]


async def test_what_waits_for_another_execution(database: Database, db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.open_executions (execution_id, schedule_id, scheduled_for, priority, trigger, route)"
        " SELECT 7, schedule_id, now(), 5, 'manual', 'work' FROM rowcall.schedules"
    )
    assert await found(database) == ["waiting"]
    await db.execute("UPDATE rowcall.open_executions SET available_at = now()")
    assert await found(database) == ["queued"]


async def test_what_is_due_and_none_of_its_business(database: Database, a_schedule: ASchedule) -> None:
    due = await database.fetchval("now")
    await a_schedule(next_run_at=due)
    assert await found(database) == []
    await a_schedule(task_type="another", next_run_at=due)
    assert await found(database) == ["foreign_due"]


async def test_what_is_due_before_the_moment_where_its_looks_begin(database: Database, a_schedule: ASchedule) -> None:
    now = await database.fetchval("now")
    await a_schedule(next_run_at=now - timedelta(minutes=2))
    await a_schedule(task_type="another", next_run_at=now - timedelta(minutes=9))
    for minutes, behind in ((1, True), (3, False)):
        since = now - timedelta(minutes=minutes)
        assert (await survey(database, ["work"], [], KEPT, since=since)).behind is behind


async def test_results_that_are_not_counted_yet(database: Database, db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses) VALUES ('{1}', '{1}', '{SUCCEEDED}')"
    )
    assert await found(database) == ["outcomes"]


async def test_a_worker_that_ended_long_ago(database: Database, db: Connection) -> None:
    ended = "UPDATE rowcall.workers SET status = 'STOPPED', ended_at = now() - make_interval(days => $1)"
    await db.execute(ended, 6)
    assert await found(database) == []
    await db.execute(ended, 8)
    assert await found(database) == ["past"]
    await forget(database, KEPT)
    assert await found(database) == []


PAST = {
    "an idempotency key": "UPDATE rowcall.idempotency_keys SET created_at = now() - interval '2 days'",
    "a change": "UPDATE rowcall.audit_log SET changed_at = now() - interval '31 days'",
    "figures": "UPDATE rowcall.execution_rollups SET day = current_date - 32",
}


@pytest.mark.parametrize("what", PAST)
async def test_what_is_old_enough_to_be_forgotten(database: Database, db: Connection, what: str) -> None:
    await db.execute(
        "INSERT INTO rowcall.idempotency_keys (who, idempotency_key, fingerprint) VALUES ('us', 'k', 'f');"
        "INSERT INTO rowcall.execution_rollups VALUES (1, current_date, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1)"
    )
    assert await found(database) == []
    await db.execute(PAST[what])
    assert await found(database) == ["past"]
    for_ever = Kept(audit_days=0, rollup_days=0, delivery_days=SOME_DAYS)
    assert (await survey(database, [], [], for_ever)).past == (what == "an idempotency key")
    await forget(database, KEPT)
    assert await found(database) == []


async def test_a_static_schedule_that_no_live_worker_declares(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    await db.execute("UPDATE rowcall.workers SET apps = '{shop}'")
    later = await database.fetchval("now") + timedelta(hours=1)
    await a_schedule(name="nightly", is_static=True, source="shop", next_run_at=later)
    assert await found(database) == []  # it has not said yet what it declares
    await db.execute("""UPDATE rowcall.workers SET declares = '{"shop": {"default/nightly": "1"}}'""")
    assert await found(database) == []
    await db.execute("""UPDATE rowcall.workers SET declares = '{"shop": {}}'""")
    assert await found(database) == ["gone"]
    await db.execute("UPDATE rowcall.workers SET status = 'STOPPED', ended_at = now()")
    assert await found(database) == []


async def test_a_backfill_that_goes_on(database: Database, db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.backfills"
        " (schedule_id, schedule_version, since, until, requested_by, total, next_after, counted_through)"
        " SELECT schedule_id, 1, day_ago, now(), 'us', 24, day_ago, day_ago"
        "   FROM rowcall.schedules, (SELECT now() - interval '1 day' AS day_ago) AS moments"
    )
    assert await found(database) == ["backfills"]


async def test_deliveries_to_make_and_those_to_forget(database: Database, db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)"
        " VALUES (1, 1, 'default', 'SUCCEEDED', 'https://example.com/', '{}')"
    )
    assert await found(database) == ["deliveries"]
    over = (
        "UPDATE rowcall.webhook_deliveries"
        " SET status = 'DELIVERED', next_attempt_at = NULL, finished_at = now() - make_interval(days => $1)"
    )
    await db.execute(over, SOME_DAYS - 1)
    assert await found(database) == []
    await db.execute(over, SOME_DAYS + 1)
    assert await found(database) == ["deliveries"]
