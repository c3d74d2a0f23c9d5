"""Retention: whole days go, nothing that is open goes with them, and whatever is interrupted is gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from rowcall.domain.errors import InvalidInput, StoreUnavailable
from rowcall.domain.executions import Outcome
from rowcall.store import retention
from rowcall.store.auditing import audit, audit_in
from rowcall.store.backfills import Request, plan_backfill, start_backfill
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.feeding import feed
from rowcall.store.finishing import Result, record_results
from rowcall.store.ledger import ensure_days, ensure_days_ahead
from rowcall.store.retention import DETACH, MARK, Day, Retired, drop_old_days, old_days
from rowcall.store.schedules import find_schedule, lock_schedule
from tests.store.stories import ASchedule, AWorker, Connection, ledger, plan, statuses, until, until_waiting_for_a_lock

DAY = timedelta(days=1)
KEPT = 2 * DAY
ATTACHED = """
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD')
      FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'rowcall.schedule_executions'::regclass AND NOT i.inhdetachpending
     ORDER BY 1"""
TABLES = "SELECT count(*) FROM pg_class WHERE relname ~ '^schedule_executions_[0-9]{8}$' AND relkind = 'r'"


@pytest.fixture
async def today(db: Connection) -> datetime:
    """Midnight, by the database's clock."""
    now: datetime = await db.fetchval("SELECT now()")
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
async def hourly(db: Connection, database: Database, a_schedule: ASchedule, worker: int, today: datetime) -> int:
    """A schedule that has run each hour of the last six days, in an installation of that age."""
    begin = today - 6 * DAY
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1, created_at = $1", begin)
    schedule_id = await a_schedule(name="hourly", created_at=begin, grace_period_seconds=8 * 86400, max_retries=0)
    for hour in range(1, 145):
        await run(database, worker, begin + hour * timedelta(hours=1))
    return schedule_id


async def run(database: Database, worker: int, moment: datetime) -> None:
    claims = (await look(database, worker, ["work"], 10, now=moment)).claims
    await record_results(database, worker, [Result(each, Outcome.succeeded(), 0.5) for each in claims], Random(1))


async def days(db: Connection) -> list[date]:
    return [row[0] for row in await db.fetch(ATTACHED)]


def ago(today: datetime, count: int) -> date:
    return (today - count * DAY).date()


async def test_days_that_are_old_enough_go_and_the_others_stay(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    retired = await drop_old_days(database, KEPT)

    assert [day.day for day in retired.dropped] == [ago(today, n) for n in (6, 5, 4, 3)]
    assert [day.executions for day in retired.dropped] == [23, 24, 24, 24]
    assert (await days(db))[0] == ago(today, 2)
    assert await db.fetchval(TABLES) == len(await days(db))
    assert await db.fetchval("SELECT history_floor_at FROM rowcall.installation") == today - 2 * DAY
    assert (await drop_old_days(database, KEPT)).dropped == []


async def test_the_audit_finds_no_hole_where_days_were_dropped_and_every_other_one(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    await drop_old_days(database, KEPT)
    assert [finding.kind for finding in (await audit(database, until=today)).findings] == []

    await db.execute("DELETE FROM rowcall.schedule_executions WHERE scheduled_for = $1", today - timedelta(hours=3))
    [finding] = (await audit(database, until=today)).findings
    assert (finding.kind, finding.since) == ("gap", today - timedelta(hours=4))


async def test_a_schedule_whose_last_answer_was_dropped_goes_on_and_is_no_hole(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, today: datetime
) -> None:
    begin = today - 40 * DAY
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1, created_at = $1", begin)
    monthly = await a_schedule(interval_seconds=30 * 86400, created_at=begin, grace_period_seconds=86400)
    await run(database, worker, begin + 30 * DAY)

    assert len((await drop_old_days(database, KEPT)).dropped) == 1

    assert (await audit(database)).findings == []
    await run(database, worker, begin + 60 * DAY)
    row = await db.fetchrow(
        "SELECT covers_after, status FROM rowcall.schedule_executions WHERE schedule_id = $1", monthly
    )
    assert row is not None
    assert (row["covers_after"], row["status"]) == (begin + 30 * DAY, "SUCCEEDED")


async def test_a_day_with_an_open_execution_stays_and_younger_ones_go(
    database: Database, db: Connection, hourly: int, worker: int, today: datetime
) -> None:
    await db.execute(
        """INSERT INTO rowcall.open_executions
                  (execution_id, schedule_id, scheduled_for, available_at, priority, trigger, route)
           SELECT execution_id, schedule_id, scheduled_for, now(), 5, 'schedule', 'work'
             FROM rowcall.schedule_executions WHERE scheduled_for = $1""",
        today - 4 * DAY,
    )
    retired = await drop_old_days(database, KEPT)

    assert [day.day for day in retired.dropped] == [ago(today, n) for n in (6, 5, 3)]
    [kept] = retired.kept
    assert (kept.day, kept.kept_because) == (ago(today, 4), "1 of its executions are open")
    assert (await days(db))[:2] == [ago(today, 4), ago(today, 2)]

    await db.execute("DELETE FROM rowcall.open_executions")
    assert (await audit(database, until=today)).findings == []
    assert [day.day for day in (await drop_old_days(database, KEPT)).dropped] == [ago(today, 4)]


async def test_an_audit_of_what_is_younger_than_a_dropped_day_finds_no_hole_where_an_older_one_stays(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    """It begins at a day that is kept for what is open in it, and what came next was dropped."""
    await db.execute(
        """INSERT INTO rowcall.open_executions
                  (execution_id, schedule_id, scheduled_for, available_at, priority, trigger, route)
           SELECT execution_id, schedule_id, scheduled_for, now(), 5, 'schedule', 'work'
             FROM rowcall.schedule_executions WHERE scheduled_for = $1""",
        today - 6 * DAY + timedelta(hours=1),
    )
    assert [day.day for day in (await drop_old_days(database, KEPT)).dropped] == [ago(today, n) for n in (5, 4, 3)]
    await db.execute("DELETE FROM rowcall.open_executions")

    for count in (6, 5, 4, 3, 2, 1):
        assert (await audit(database, since=today - count * DAY, until=today)).findings == []
    await db.execute("DELETE FROM rowcall.schedule_executions WHERE scheduled_for = $1", today - 2 * DAY)
    for count in (5, 2):
        [finding] = (await audit(database, since=today - count * DAY, until=today)).findings
        assert finding.kind == "gap"


async def test_a_day_that_a_backfill_needs_stays(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    await db.execute(
        """INSERT INTO rowcall.backfills (schedule_id, schedule_version, since, until, requested_by, total, next_after,
                                          counted_through)
           VALUES ($1, 1, $2, $3, 'a test', 10, $2, $2)""",
        hourly, today - 5 * DAY, today - 4 * DAY,
    )  # fmt: skip
    retired = await drop_old_days(database, KEPT)

    assert [day.day for day in retired.kept] == [ago(today, 5)]
    assert ago(today, 5) in await days(db)


async def test_a_backfill_of_what_was_dropped_is_refused(database: Database, hourly: int, today: datetime) -> None:
    await drop_old_days(database, KEPT)
    with pytest.raises(InvalidInput, match="no longer known"):
        await plan_backfill(database, await find_schedule(database, hourly), today - 4 * DAY, today - 3 * DAY)


async def test_a_backfill_that_was_counted_before_its_days_were_dropped_is_refused(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    """Counting takes seconds and holds nothing up: what ran is forgotten meanwhile, and would run a second time."""
    planned = await plan_backfill(database, await find_schedule(database, hourly), today - 4 * DAY, today - 3 * DAY)
    await drop_old_days(database, KEPT)

    async with database.transaction() as transaction:
        schedule = await lock_schedule(transaction, hourly)
        with pytest.raises(InvalidInput, match="no longer known"):
            await start_backfill(transaction, schedule, planned, Request(requested_by="somebody"))
    assert await db.fetchval("SELECT count(*) FROM rowcall.backfills") == 0


async def test_a_backfill_of_what_lies_before_its_schedule_is_taken_though_days_were_dropped(
    database: Database, a_schedule: ASchedule, a_worker: AWorker, hourly: int, today: datetime
) -> None:
    """Nothing of it can have run then, until it has run once, by a backfill, and its day was dropped in its turn."""
    await drop_old_days(database, KEPT)
    early = await a_schedule(name="early", cron_expression="0 * * * *", created_at=today - 5 * DAY)
    await plan(database)
    since, until = today - 30 * DAY, today - 30 * DAY + timedelta(hours=3)
    async with database.transaction() as transaction:
        schedule = await lock_schedule(transaction, early)
        planned = await plan_backfill(transaction, schedule, since, until)
        assert len(planned.occurrences) == 3
        await start_backfill(transaction, schedule, planned, Request(max_concurrent=3, requested_by="somebody"))
    another = await a_worker()
    assert (await feed(database, ["work"])).enqueued == 3
    assert (await drop_old_days(database, KEPT)).dropped == []
    await run(database, another, today + DAY)
    await feed(database, ["work"])
    assert (await audit(database, until=today)).findings == []
    [gone] = (await drop_old_days(database, KEPT)).dropped
    assert (gone.day, gone.executions) == (since.date(), 3)

    schedule = await find_schedule(database, early)
    for first, last in ((since, until), (since - DAY, until + DAY), (until - timedelta(hours=1), until)):
        with pytest.raises(InvalidInput, match="no longer known"):
            await plan_backfill(database, schedule, first, last)
    assert (await plan_backfill(database, schedule, until, until + DAY)).occurrences
    with pytest.raises(InvalidInput, match="no longer known"):  # it reaches into what the schedule answered for itself
        await plan_backfill(database, schedule, until, today - 4 * DAY)


async def test_figures_and_the_last_failure_survive(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    await db.execute(
        "UPDATE rowcall.schedule_executions SET status = 'FAILED', error_message = 'no such host' "
        "WHERE scheduled_for = $1",
        today - 4 * DAY,
    )
    await drop_old_days(database, KEPT)

    row = await db.fetchrow("SELECT * FROM rowcall.execution_rollups WHERE day = $1", ago(today, 4))
    assert row is not None
    assert (row["schedule_id"], row["executions"], row["succeeded"], row["failed"]) == (hourly, 24, 23, 1)
    assert (row["duration_seconds_sum"], row["duration_seconds_max"]) == (12.0, 0.5)
    assert (row["last_failed_for"], row["last_error_message"]) == (today - 4 * DAY, "no such host")


async def test_what_comes_to_a_dropped_day_later_is_added_to_its_figures(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    await drop_old_days(database, KEPT)
    late = today - 5 * DAY + timedelta(minutes=1)
    await ensure_days(database, [late])
    await db.execute(
        """INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, finished_at, schedule_version, priority,
                       trigger, status, task_type, reason, input_data)
           VALUES ($1, $2, now(), 1, 5, 'schedule', 'MISSED', 'work', 'grace', '{}')""",
        hourly,
        late,
    )
    await drop_old_days(database, KEPT)

    row = await db.fetchrow("SELECT * FROM rowcall.execution_rollups WHERE day = $1", ago(today, 5))
    assert row is not None
    assert (row["executions"], row["succeeded"], row["missed"]) == (25, 24, 1)


@pytest.mark.parametrize("stage", ["marked", "detaching", "detached"])
async def test_whatever_is_interrupted_is_gone_on_with(
    database: Database, db: Connection, another_connection: Connection, hourly: int, today: datetime, stage: str
) -> None:
    """As after kill -9 between any two steps; a detach that is cut off leaves a day that is neither in nor out."""
    name = f"schedule_executions_{ago(today, 6):%Y%m%d}"
    await db.execute(MARK.format(name=name))
    if stage == "detaching":
        async with another_connection.transaction():
            await another_connection.execute("LOCK TABLE ONLY rowcall.schedule_executions IN ACCESS SHARE MODE")
            await db.execute("SET lock_timeout = '50ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await db.execute(DETACH.format(name=name))
            [first, *_] = await old_days(database, KEPT)
            assert (first.name, first.state) == (name, "detaching")
            with pytest.raises(StoreUnavailable, match="is being dropped"):
                await ensure_days(database, [today - 6 * DAY])
    elif stage == "detached":
        await db.execute(DETACH.format(name=name))

    retired = await drop_old_days(database, KEPT)

    assert [day.day for day in retired.dropped] == [ago(today, n) for n in (6, 5, 4, 3)]
    assert await db.fetchval("SELECT sum(executions) FROM rowcall.execution_rollups") == 95
    assert await db.fetchval(TABLES) == len(await days(db))


async def test_a_table_that_somebody_else_detached_is_left_alone(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    name = f"schedule_executions_{ago(today, 6):%Y%m%d}"
    await db.execute(f"ALTER TABLE rowcall.schedule_executions DETACH PARTITION rowcall.{name}")
    await drop_old_days(database, KEPT)
    assert await db.fetchval(f"SELECT count(*) FROM rowcall.{name}") == 23


@pytest.mark.parametrize("ended", ["in vain", "killed"])
async def test_a_day_of_which_a_drop_was_begun_in_vain_is_left_alone_once_somebody_else_detached_it(
    database: Database, db: Connection, another_connection: Connection, hourly: int, today: datetime, ended: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Killed between the mark and all else, the next pass takes the mark away, whichever days that is for."""
    monkeypatch.setattr(retention, "LOCK_SECONDS", 0.3)
    name = f"schedule_executions_{ago(today, 6):%Y%m%d}"
    if ended == "killed":
        await db.execute(MARK.format(name=name))
        assert (await drop_old_days(database, 365 * DAY)).dropped == []
    else:
        async with another_connection.transaction():
            await another_connection.execute(
                "LOCK TABLE ONLY rowcall.schedule_executions IN SHARE UPDATE EXCLUSIVE MODE"
            )
            with pytest.raises(StoreUnavailable, match="in use"):
                await drop_old_days(database, KEPT)

    await db.execute(f"ALTER TABLE rowcall.schedule_executions DETACH PARTITION rowcall.{name}")
    await drop_old_days(database, KEPT)

    assert await db.fetchval(f"SELECT count(*) FROM rowcall.{name}") == 23


async def test_a_day_in_which_something_was_opened_meanwhile_comes_back(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    name = f"schedule_executions_{ago(today, 6):%Y%m%d}"
    await db.execute(
        "UPDATE rowcall.schedule_executions SET status = 'QUEUED', finished_at = NULL WHERE scheduled_for = $1",
        today - 6 * DAY + timedelta(hours=2),
    )
    await db.execute(MARK.format(name=name))
    await db.execute(DETACH.format(name=name))

    retired = await drop_old_days(database, KEPT)

    assert [(day.day, day.kept_because) for day in retired.kept] == [(ago(today, 6), "an execution of it is open")]
    assert (await days(db))[0] == ago(today, 6)


async def test_of_two_replicas_one_drops_and_the_other_leaves_it_to_that_one(
    database: Database, db: Connection, another_connection: Connection, hourly: int
) -> None:
    async with another_connection.transaction():
        await another_connection.execute("LOCK TABLE ONLY rowcall.schedule_executions IN ACCESS SHARE MODE")
        first: asyncio.Task[Retired] = asyncio.create_task(drop_old_days(database, KEPT))
        await until_waiting_for_a_lock(db)
        assert (await drop_old_days(database, KEPT)).busy
    assert len((await first).dropped) == 4
    passes = await asyncio.gather(*(drop_old_days(database, KEPT) for _ in range(4)))
    assert [each.dropped for each in passes] == [[]] * 4


async def test_an_audit_that_began_before_sees_every_row_and_is_waited_for(
    database: Database, db: Connection, hourly: int, today: datetime
) -> None:
    async with database.snapshot() as session:
        await session.fetchrow("audit_facts", None)
        dropping: asyncio.Task[Retired] = asyncio.create_task(drop_old_days(database, KEPT))
        await until_waiting_for_a_lock(db)
        report = await audit_in(session, until=today)
    assert (report.rows, report.findings) == (144, [])
    assert len((await dropping).dropped) == 4


async def test_who_is_in_the_way_for_long_is_not_waited_for_and_holds_up_nobody(
    database: Database, db: Connection, another_connection: Connection, hourly: int, worker: int, today: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Claims, results and new days go on while a reader keeps a day from going."""
    monkeypatch.setattr(retention, "LOCK_SECONDS", 3.0)
    async with another_connection.transaction():
        await another_connection.fetchval("SELECT count(*) FROM rowcall.schedule_executions")
        dropping: asyncio.Task[Retired] = asyncio.create_task(drop_old_days(database, KEPT))
        await until_waiting_for_a_lock(db)
        await run(database, worker, today + timedelta(hours=1))
        await ensure_days(database, [today + 30 * DAY])
        assert not dropping.done()  # whoever was held up would have come after it
        with pytest.raises(StoreUnavailable, match="in use"):
            await dropping
    assert len((await drop_old_days(database, KEPT)).dropped) == 4


DUE_AT = """
    INSERT INTO rowcall.schedules (name, task_type, schedule_type, scheduled_time, overlap_policy, grace_period_seconds)
    VALUES ('late', 'work', 'one_time', $1, 'skip', $2) RETURNING schedule_id"""


async def test_a_worker_forgets_of_days_that_may_be_dropped_that_they_were_there(
    database: Database, db: Connection, hourly: int, worker: int, today: datetime
) -> None:
    """It has been at work for longer than days are kept, and then something is asked for that lies so far back."""
    database.known_days |= {ago(today, n) for n in range(7)}
    await drop_old_days(database, KEPT)
    await ensure_days_ahead(database)  # as every sweep does
    late = await db.fetchval(DUE_AT, today - 5 * DAY, 60)

    await run(database, worker, today + timedelta(hours=1))

    assert await statuses(db, late) == ["MISSED"]
    assert (await statuses(db, hourly))[-1] == "SUCCEEDED"


async def test_who_needs_a_day_that_is_being_dropped_has_to_wait_and_nobody_waits_with_them(
    database: Database, db: Connection, another_connection: Connection, hourly: int, worker: int, today: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(retention, "LOCK_SECONDS", 0.5)
    async with another_connection.transaction():
        await another_connection.fetchval("SELECT count(*) FROM rowcall.schedule_executions")
        with pytest.raises(StoreUnavailable, match="in use"):
            await drop_old_days(database, KEPT)
        missed = await db.fetchval(DUE_AT, today - 6 * DAY, 60)
        late = await db.fetchval(DUE_AT.replace("'late'", "'later'"), today - 6 * DAY, 90 * 86400)

        await run(database, worker, today + timedelta(hours=1))

        assert (await ledger(db, hourly))[-1] == ("SUCCEEDED", today + timedelta(hours=1))
        assert (await statuses(db, missed), await statuses(db, late)) == ([], [])
    await drop_old_days(database, KEPT)
    await run(database, worker, today + timedelta(hours=1))
    assert (await statuses(db, missed), await statuses(db, late)) == (["MISSED"], ["SUCCEEDED"])


async def test_a_day_in_which_a_run_has_begun_meanwhile_is_not_taken_from_it(
    database: Database, db: Connection, hourly: int, worker: int, today: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it was decided that the day may go, and before it goes: the run must find its row when it ends."""
    decided = retention._let_go
    late = await db.fetchval(DUE_AT, today - 5 * DAY + timedelta(minutes=30), 90 * 86400)
    claims: list[Claim] = []

    async def decided_just_before(*arguments: Any) -> Any:
        found = await decided(*arguments)
        claims.extend((await look(database, worker, ["work"], 10, now=today)).claims)
        return found

    async def just_before_it_is_summed_up(connection: Any, day: Day) -> Any:
        if day.day == ago(today, 5):
            await record_results(
                database, worker, [Result(each, Outcome.succeeded(), 0.5) for each in claims], Random(1)
            )
        return await summed_up(connection, day)

    summed_up = retention._sum_up_and_drop
    monkeypatch.setattr(retention, "_let_go", decided_just_before)
    monkeypatch.setattr(retention, "_sum_up_and_drop", just_before_it_is_summed_up)
    retired = await drop_old_days(database, KEPT)

    assert [day.day for day in retired.dropped] == [ago(today, n) for n in (6, 4, 3)]
    assert [day.day for day in retired.kept] == [ago(today, 5)]
    ended = await record_results(
        database, worker, [Result(each, Outcome.succeeded(), 0.5) for each in claims], Random(1)
    )
    assert len(ended.finished) == len(claims) == 1
    assert await statuses(db, late) == ["SUCCEEDED"]


@pytest.fixture
async def steady(database: Database, worker: int, hourly: int, today: datetime) -> AsyncIterator[list[float]]:
    """Claims and results that go on all the time; how long each pair took."""
    spans: list[float] = []
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    async def go_on() -> None:
        hour = 0
        while not stop.is_set():
            hour += 1
            began = loop.time()
            await run(database, worker, today + hour * timedelta(hours=1))
            spans.append(loop.time() - began)

    working = asyncio.create_task(go_on())
    yield spans
    stop.set()
    await working


async def test_claims_and_results_go_on_while_days_are_dropped(
    database: Database, db: Connection, hourly: int, steady: list[float]
) -> None:
    async def some() -> bool:
        return len(steady) >= 5

    await until(some)
    assert len((await drop_old_days(database, KEPT)).dropped) == 4
    so_far = len(steady)

    async def some_more() -> bool:
        return len(steady) >= so_far + 5

    await until(some_more)
    assert max(steady) < retention.LOCK_SECONDS


SUMMING_UP_WAITS = """
    CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared(4711);
        RETURN NULL;
    END $$;
    CREATE TRIGGER wait_for_the_test BEFORE INSERT ON rowcall.execution_rollups
        FOR EACH STATEMENT EXECUTE FUNCTION wait_for_the_test();
"""
"""It takes as long as the test likes."""

STATEMENT_SECONDS = 0.5


@pytest.fixture
async def sessionless(dsn: str) -> AsyncIterator[Database]:
    """As behind a pooler, with no way past it, and little patience."""
    async with Database.open(dsn, size=3, timeout_seconds=STATEMENT_SECONDS, pooled=True) as opened:
        assert opened.direct_dsn is None
        yield opened


async def test_behind_a_pooler_a_large_day_goes_too_and_nobody_waits_until_it_is_summed_up(
    database: Database, db: Connection, another_connection: Connection, sessionless: Database, hourly: int, worker: int,
    today: datetime,
) -> None:  # fmt: skip
    await db.execute(SUMMING_UP_WAITS)
    await another_connection.execute("SELECT pg_advisory_lock(4711)")
    dropping: asyncio.Task[Retired] = asyncio.create_task(drop_old_days(sessionless, KEPT))
    await until_waiting_for_a_lock(db)
    async with asyncio.timeout(20):
        await run(database, worker, today + timedelta(hours=1))
    assert (await ledger(db, hourly))[-1] == ("SUCCEEDED", today + timedelta(hours=1))

    async def longer_than_other_statements_may() -> bool:
        return bool(
            await db.fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event = 'advisory' AND query_start < clock_timestamp() - make_interval(secs => $1))",
                3 * STATEMENT_SECONDS,
            )
            or dropping.done()
        )

    await until(longer_than_other_statements_may)
    await another_connection.execute("SELECT pg_advisory_unlock(4711)")
    assert [day.day for day in (await dropping).dropped] == [ago(today, n) for n in (6, 5, 4, 3)]
    assert await db.fetchval("SELECT sum(executions) FROM rowcall.execution_rollups") == 95


async def test_behind_a_pooler_a_day_in_which_a_run_has_begun_meanwhile_stays_where_it_is(
    db: Connection, sessionless: Database, hourly: int, today: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it was decided that the day may go: seen while nobody else can begin one."""
    decided = retention._let_go

    async def decided_just_before(*arguments: Any) -> Any:
        found = await decided(*arguments)
        await db.execute(
            """INSERT INTO rowcall.open_executions
                      (execution_id, schedule_id, scheduled_for, available_at, priority, trigger, route)
               SELECT execution_id, schedule_id, scheduled_for, now(), 5, 'schedule', 'work'
                 FROM rowcall.schedule_executions WHERE scheduled_for = $1""",
            today - 5 * DAY,
        )
        return found

    monkeypatch.setattr(retention, "_let_go", decided_just_before)
    retired = await drop_old_days(sessionless, KEPT)

    assert [day.day for day in retired.dropped] == [ago(today, n) for n in (6, 4, 3)]
    assert [(day.day, day.kept_because) for day in retired.kept] == [(ago(today, 5), "an execution of it is open")]
    assert ago(today, 5) in await days(db)
    assert {day.state for day in await old_days(sessionless, KEPT)} == {"attached"}
