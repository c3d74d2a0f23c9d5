"""Newer time zone data: what older data planned comes by the newer, once, and the ledger is held against what wrote it.

Older data is played by the rule: a zone whose clock was thought to run an hour ahead reads `0 9` as what `0 8` is by
the data of today. So a schedule is planned and run as `0 8`, and then says that it has been `0 9` all along.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from rowcall.domain.executions import Outcome
from rowcall.domain.zones import tzdata_version
from rowcall.store.auditing import audit
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.finishing import Result, record_results
from rowcall.store.leases import set_worker_status
from rowcall.store.zone_data import Standing, adopt_zone_data
from tests.store.stories import HOUR, MINUTE, ASchedule, AWorker, Connection, plan, schedule, until_waiting_for_a_lock

DAY = timedelta(days=1)
OLDER, NEWER = "2020a", "9999a"
NOTED = "SELECT tzdata_version, tzdata_since FROM rowcall.installation"


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def in_tokyo(moment: datetime) -> str:
    """The daily cron rule of a moment, which has nine hours more there and no summer."""
    local = moment + 9 * HOUR
    return f"{local.minute} {local.hour} * * *"


async def noted(db: Connection, version: str) -> None:
    await db.execute("UPDATE rowcall.installation SET tzdata_version = $1", version)


async def was_misread(db: Connection, schedule_id: int, **columns: Any) -> None:
    """Have a schedule say that these were its columns all along: nobody hears of a change."""
    await db.execute("ALTER TABLE rowcall.schedules DISABLE TRIGGER USER")
    for column, value in columns.items():
        await db.execute(f"UPDATE rowcall.schedules SET {column} = $2 WHERE schedule_id = $1", schedule_id, value)
        await db.execute(
            "UPDATE rowcall.schedule_versions SET definition = definition || jsonb_build_object($2::text, $3::text)"
            " WHERE schedule_id = $1",
            schedule_id, column, value,
        )  # fmt: skip
    await db.execute("ALTER TABLE rowcall.schedules ENABLE TRIGGER USER")


@pytest.fixture
async def misread(database: Database, db: Connection, a_schedule: ASchedule) -> Any:
    """Plans a daily schedule of Tokyo for a moment by older data; by that of today it is due an hour later."""
    await noted(db, OLDER)

    async def planned(due: datetime, **columns: Any) -> int:
        given = {"timezone": "Asia/Tokyo", "created_at": now() - 3 * DAY, "last_occurrence_at": due - DAY} | columns
        schedule_id = await a_schedule(cron_expression=in_tokyo(due), **given)
        await plan(database, schedule_id)
        await was_misread(db, schedule_id, cron_expression=in_tokyo(due + HOUR))
        return schedule_id

    return planned


async def test_what_older_data_planned_comes_by_the_newer(database: Database, db: Connection, misread: Any) -> None:
    due = now().replace(second=0) + 5 * HOUR
    one = await misread(due)
    with_jitter = await misread(due, jitter_seconds=600)
    before = await schedule(db, one)
    assert before["next_occurrence_at"] == due

    found = await adopt_zone_data(database)

    assert (found.standing, found.noted, found.moved) == (Standing.ADOPTED, OLDER, 2)
    after = await schedule(db, one)
    assert after["next_occurrence_at"] == after["next_run_at"] == due + HOUR
    assert {name for name, value in after.items() if before[name] != value} == {"next_occurrence_at", "next_run_at"}
    spread = await schedule(db, with_jitter)
    assert spread["next_occurrence_at"] == due + HOUR <= spread["next_run_at"] < due + HOUR + 10 * MINUTE
    row = await db.fetchrow(NOTED)
    assert row is not None
    assert row["tzdata_version"] == tzdata_version()
    assert now() - MINUTE < row["tzdata_since"] <= datetime.now(UTC)
    assert (await adopt_zone_data(database)).standing is Standing.SAME


async def test_what_hangs_on_no_zone_or_is_due_or_right_is_left_alone(
    database: Database, db: Connection, misread: Any, a_schedule: ASchedule
) -> None:
    soon = now().replace(second=0) + 5 * HOUR
    left = [
        await misread(now().replace(second=0) - MINUTE),  # due: the older data owes it
        await misread(soon, status="PAUSED", status_reason="x"),
        await a_schedule(interval_seconds=60, timezone="Asia/Tokyo", next_occurrence_at=soon, next_run_at=soon),
        await a_schedule(scheduled_time=soon, timezone="Asia/Tokyo", next_occurrence_at=soon, next_run_at=soon),
        await a_schedule(cron_expression="1 2 3 4 *", next_occurrence_at=soon, next_run_at=soon),
    ]
    right = await a_schedule(cron_expression=in_tokyo(soon), timezone="Asia/Tokyo", created_at=now())
    put_off = await a_schedule(
        cron_expression=in_tokyo(soon), timezone="Asia/Tokyo", created_at=now(),
        next_occurrence_at=soon, next_run_at=soon + DAY,
    )  # fmt: skip
    await plan(database, right)
    rows = "SELECT xmin::text, * FROM rowcall.schedules WHERE schedule_id = ANY ($1) ORDER BY schedule_id"
    before = await db.fetch(rows, [*left, right, put_off])

    assert (await adopt_zone_data(database)).moved == 0
    assert await db.fetch(rows, [*left, right, put_off]) == before


async def test_what_ran_by_the_older_data_does_not_run_again_for_the_newer(
    database: Database, db: Connection, misread: Any
) -> None:
    """It ran 80 minutes ago; by the newer data that was 20 minutes ago, which nobody owes any more."""
    one = await misread(now().replace(second=0) - 80 * MINUTE + DAY)
    await adopt_zone_data(database)
    assert (await schedule(db, one))["next_occurrence_at"] == now().replace(second=0) - 20 * MINUTE + DAY


async def test_nothing_is_moved_before_the_last_worker_with_older_data_has_ended(
    database: Database, db: Connection, misread: Any, a_worker: AWorker
) -> None:
    due = now().replace(second=0) + 5 * HOUR
    one = await misread(due)
    with_older, with_who_knows_what, _with_ours = await a_worker(), await a_worker(), await a_worker()
    for worker, version in ((with_older, OLDER), (with_who_knows_what, None)):
        await db.execute("UPDATE rowcall.workers SET tzdata_version = $2 WHERE worker_id = $1", worker, version)

    found = await adopt_zone_data(database)
    assert (found.standing, len(found.older_workers)) == (Standing.WAITING, 2)
    await set_worker_status(database, with_who_knows_what, "STOPPED")
    assert (await adopt_zone_data(database)).standing is Standing.WAITING
    assert (await schedule(db, one))["next_occurrence_at"] == due
    assert await db.fetchval(NOTED) == OLDER

    await set_worker_status(database, with_older, "STOPPED")
    assert (await adopt_zone_data(database)).standing is Standing.ADOPTED
    assert (await schedule(db, one))["next_occurrence_at"] == due + HOUR


async def test_older_data_changes_nothing(database: Database, db: Connection, misread: Any) -> None:
    due = now().replace(second=0) + 5 * HOUR
    one = await misread(due)
    await noted(db, NEWER)
    assert (await adopt_zone_data(database)).standing is Standing.OLDER
    assert (await schedule(db, one))["next_occurrence_at"] == due
    assert tuple(await db.fetchrow(NOTED) or ()) == (NEWER, None)


async def test_a_new_installation_is_planned_by_its_data_from_the_first(database: Database, db: Connection) -> None:
    assert (await adopt_zone_data(database)).standing is Standing.ADOPTED
    assert tuple(await db.fetchrow(NOTED) or ()) == (tzdata_version(), None)


async def test_several_at_once_move_each_schedule_once(database: Database, db: Connection, misread: Any) -> None:
    due = now().replace(second=0) + 5 * HOUR
    for _ in range(20):
        await misread(due)
    found = await asyncio.gather(*(adopt_zone_data(database) for _ in range(4)))
    assert sum(each.moved for each in found) == 20
    assert [row[0] for row in await db.fetch("SELECT DISTINCT next_run_at FROM rowcall.schedules")] == [due + HOUR]


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        ("cron_expression = '0 0 1 1 *'", None),  # to be planned
        (
            "next_occurrence_at = '2035-01-01Z', next_run_at = '2035-01-01Z'",
            datetime(2035, 1, 1, tzinfo=UTC),
        ),  # a claim
        ("status = 'PAUSED'", None),
    ],
)
async def test_what_happens_meanwhile_stands(
    database: Database, db: Connection, another_connection: Connection, misread: Any, change: str, stands: object
) -> None:
    one = await misread(now().replace(second=0) + 5 * HOUR)
    transaction = another_connection.transaction()
    await transaction.start()
    await another_connection.execute(f"UPDATE rowcall.schedules SET {change}")
    going_over = asyncio.create_task(adopt_zone_data(database))
    await until_waiting_for_a_lock(db)
    await transaction.commit()
    assert (await going_over).moved == 0
    assert (await schedule(db, one))["next_run_at"] == stands


async def test_what_has_fallen_due_meanwhile_is_owed(database: Database, db: Connection, misread: Any) -> None:
    due, later = now().replace(second=0) - MINUTE, now() + HOUR
    one = await misread(due)
    assert await database.fetchval("move_planned", [one], [1], [due], [later], [later]) == 0
    assert (await schedule(db, one))["next_occurrence_at"] == due


async def worked_through(database: Database, worker_id: int, *moments: datetime) -> None:
    for moment in moments:
        found = await look(database, worker_id, ["work"], 10, now=moment)
        results = [Result(claim, Outcome.succeeded(), 0.1) for claim in found.claims]
        await record_results(database, worker_id, results, Random(1))


@pytest.fixture
async def three_days(database: Database, db: Connection, a_schedule: ASchedule, worker: int) -> datetime:
    """Three runs by older data, each an hour before what is now said to be right; the moment of the last."""
    first = now().replace(second=0) - 3 * DAY
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1", first - DAY)
    created = await a_schedule(cron_expression=in_tokyo(first), timezone="Asia/Tokyo", created_at=first - HOUR)
    await worked_through(database, worker, *(first + k * DAY for k in range(3)))
    await was_misread(db, created, cron_expression=in_tokyo(first + HOUR))
    return first + 2 * DAY


async def found_by(database: Database) -> list[str]:
    return [finding.kind for finding in (await audit(database)).findings]


async def test_the_audit_holds_a_row_against_the_data_that_wrote_it(
    database: Database, db: Connection, three_days: datetime, worker: int
) -> None:
    assert await found_by(database) == ["not_an_occurrence"]
    await noted(db, OLDER)
    await adopt_zone_data(database)
    assert await found_by(database) == []

    await db.execute("DELETE FROM rowcall.schedule_executions WHERE scheduled_for = $1", three_days - DAY)
    assert await found_by(database) == ["gap"]  # the chain holds for them too


@pytest.mark.parametrize(("since", "kinds"), [(MINUTE, []), (-MINUTE, ["not_an_occurrence"])])
async def test_the_audit_holds_every_instant_from_the_change_of_data_on(
    database: Database, db: Connection, three_days: datetime, since: timedelta, kinds: list[str]
) -> None:
    await noted(db, tzdata_version())
    await db.execute("UPDATE rowcall.installation SET tzdata_since = $1", three_days + since)
    report = await audit(database, until=three_days + MINUTE)
    assert [finding.kind for finding in report.findings] == kinds


async def test_after_the_change_of_data_the_chain_goes_on_with_the_next_occurrence(
    database: Database, db: Connection, three_days: datetime, worker: int
) -> None:
    """Half an hour after the run of the older data the newer names a moment: it is owed if it lies ahead then."""
    await noted(db, tzdata_version())
    await db.execute("UPDATE rowcall.installation SET tzdata_since = $1", three_days + MINUTE)
    await db.execute("UPDATE rowcall.schedules SET next_occurrence_at = $1, next_run_at = $1", three_days + 25 * HOUR)
    assert await found_by(database) == ["gap"]
    await db.execute("UPDATE rowcall.installation SET tzdata_since = $1", three_days + HOUR)
    assert await found_by(database) == []


async def test_what_only_the_newer_data_names_before_the_change_is_owed_by_no_row_after_it(
    database: Database, db: Connection, three_days: datetime, worker: int
) -> None:
    await noted(db, tzdata_version())
    await db.execute("UPDATE rowcall.installation SET tzdata_since = $1", three_days + 2 * HOUR)
    following = three_days + 25 * HOUR
    await db.execute("UPDATE rowcall.schedules SET next_occurrence_at = $1, next_run_at = $1", following)
    await worked_through(database, worker, following)
    report = await audit(database, until=following)
    assert (report.rows, report.findings) == (4, [])


async def test_an_audit_with_other_data_holds_the_chain_and_says_so(
    database: Database, db: Connection, three_days: datetime
) -> None:
    await noted(db, NEWER)
    report = await audit(database)
    assert (report.findings, report.zones_held) == ([], False)
    await noted(db, tzdata_version())
    assert (await audit(database)).zones_held
