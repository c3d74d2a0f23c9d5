"""A change in two statements: whatever comes between them, it is as if the schedule had been locked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowcall.domain.access import Access
from rowcall.domain.definitions import define
from rowcall.domain.errors import Conflict
from rowcall.domain.schedules import ScheduleStatus
from rowcall.store.database import Database
from rowcall.store.executions import execute_schedule
from rowcall.store.schedules import (
    ScheduleRow,
    change_schedule,
    create_schedule,
    definition_of,
    delete_schedule,
    find_schedule,
    lock_schedule,
    pause_schedule,
    resume_schedule,
    set_status,
)
from rowcall.store.sessions import Session
from rowcall.store.swiftly import swiftly
from tests.store.stories import ASchedule, Connection, until_waiting_for_a_lock

NOW = datetime.now(UTC)
Change = Callable[[Session, ScheduleRow], Awaitable[object]]


async def pause(session: Session, schedule: ScheduleRow) -> object:
    return await pause_schedule(session, schedule, "lunch", "me")


async def resume(session: Session, schedule: ScheduleRow) -> object:
    return await resume_schedule(session, schedule)


async def describe(session: Session, schedule: ScheduleRow) -> object:
    given = {**definition_of(schedule).columns(), "description": "another"}
    return await change_schedule(
        session, schedule, define(given, now=schedule["now"], previous=definition_of(schedule))
    )


async def retime(session: Session, schedule: ScheduleRow) -> object:
    given = {**definition_of(schedule).columns(), "interval_seconds": 7200}
    return await change_schedule(
        session, schedule, define(given, now=schedule["now"], previous=definition_of(schedule))
    )


async def delete(session: Session, schedule: ScheduleRow) -> object:
    return await delete_schedule(session, schedule)


async def planned(database: Database, **given: Any) -> int:
    fields = {"task_type": "work", "interval_seconds": 3600, "name": "n", **given}
    async with database.transaction() as session:
        created = await create_schedule(session, define(fields, now=NOW))
    schedule_id: int = created["schedule_id"]
    return schedule_id


async def done(
    database: Database, schedule_id: int, change: Change, *meanwhile: Callable[[], Awaitable[object]]
) -> list[bool]:
    """What was tried: True for swiftly, False for in a transaction. What comes meanwhile comes after the first look."""
    tried = []

    async def do(session: Session) -> None:
        tried.append(session.is_swift)
        schedule = await lock_schedule(session, schedule_id)
        if session.is_swift:
            for each in meanwhile:
                await each()
        await change(session, schedule)

    await swiftly(database, do)
    return tried


@pytest.mark.parametrize("change", [pause, describe, delete])
async def test_one_row_is_written_without_a_lock_and_the_log_says_who_did(
    database: Database, db: Connection, change: Change
) -> None:
    schedule_id = await planned(database)

    assert await done(database.acting(Access("key k of client default")), schedule_id, change) == [True]

    logged = await db.fetchrow("SELECT who, action FROM rowcall.audit_log ORDER BY entry_id DESC LIMIT 1")
    assert logged is not None
    assert tuple(logged) == ("key k of client default", "schedule.changed")
    assert await db.fetchval("SELECT current_setting('rowcall.who', true)") in {None, ""}


async def test_the_name_of_who_acted_stays_with_no_connection(database: Database, db: Connection) -> None:
    schedule_id = await planned(database)
    await done(database.acting(Access("key k of client default")), schedule_id, pause)

    await done(database, schedule_id, resume)

    logged = await db.fetchval("SELECT who FROM rowcall.audit_log ORDER BY entry_id DESC LIMIT 1")
    assert logged.startswith("role ")


@pytest.mark.parametrize(
    ("change", "changed_to"),
    [(pause, ("PAUSED", None)), (describe, ("ACTIVE", "another")), (delete, ("DISABLED", None))],
)
async def test_a_schedule_that_changed_after_the_look_is_looked_at_again(
    database: Database, db: Connection, change: Change, changed_to: tuple[str, str | None]
) -> None:
    schedule_id = await planned(database)

    async def a_run() -> None:
        await db.execute("UPDATE rowcall.schedules SET total_runs = total_runs + 1")

    assert await done(database, schedule_id, change, a_run) == [True, False]

    schedule = await find_schedule(database, schedule_id)
    assert schedule["total_runs"] == 1
    assert (schedule["status"], schedule["description"]) == changed_to


async def test_a_schedule_that_is_being_changed_is_waited_for_and_looked_at_again(
    database: Database, another_connection: Connection, db: Connection
) -> None:
    schedule_id = await planned(database)
    run = another_connection.transaction()
    await run.start()
    await another_connection.execute("UPDATE rowcall.schedules SET total_runs = total_runs + 1")

    async with asyncio.TaskGroup() as group:
        pausing = group.create_task(done(database, schedule_id, pause))
        await until_waiting_for_a_lock(db)
        await run.commit()

    assert pausing.result() == [True, False]
    schedule = await find_schedule(database, schedule_id)
    assert (schedule["status"], schedule["total_runs"]) == ("PAUSED", 1)


async def test_a_schedule_that_was_deleted_after_the_look_is_not_resumed(database: Database, db: Connection) -> None:
    schedule_id = await planned(database)
    await done(database, schedule_id, pause)

    async def deletion() -> None:
        await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED', status_reason = NULL")

    with pytest.raises(Conflict, match="is deleted"):
        await done(database, schedule_id, resume, deletion)

    assert (await find_schedule(database, schedule_id))["status"] == "DISABLED"


async def test_what_has_to_be_planned_anew_is_locked(database: Database) -> None:
    schedule_id = await planned(database)

    assert await done(database, schedule_id, retime) == [True, False]

    schedule = await find_schedule(database, schedule_id)
    assert schedule["next_occurrence_at"] == schedule["created_at"] + timedelta(hours=2)


async def test_resuming_is_swift_where_the_next_occurrence_is_far_off(database: Database) -> None:
    schedule_id = await planned(database)
    await done(database, schedule_id, pause)

    assert await done(database, schedule_id, resume) == [True]

    schedule = await find_schedule(database, schedule_id)
    assert (schedule["status"], schedule["next_run_at"]) == ("ACTIVE", schedule["created_at"] + timedelta(hours=1))


async def test_resuming_is_locked_where_the_next_occurrence_may_come_before_it_is_done(database: Database) -> None:
    schedule_id = await planned(database, interval_seconds=20)  # a statement may take thirty
    await done(database, schedule_id, pause)

    assert await done(database, schedule_id, resume) == [True, False]

    assert (await find_schedule(database, schedule_id))["next_run_at"] is not None


async def test_what_is_queued_of_a_deleted_schedule_is_cancelled(database: Database, db: Connection) -> None:
    schedule_id = await planned(database)
    async with database.transaction() as session:
        await execute_schedule(session, await lock_schedule(session, schedule_id))

    assert await done(database, schedule_id, delete) == [True, False]

    statuses = await db.fetch("SELECT status FROM rowcall.schedule_executions")
    assert [row["status"] for row in statuses] == ["CANCELLED"]


async def test_what_is_queued_after_the_look_is_cancelled_as_well(database: Database, db: Connection) -> None:
    schedule_id = await planned(database)

    async def a_request() -> None:
        async with database.transaction() as session:
            await execute_schedule(session, await lock_schedule(session, schedule_id))

    await done(database, schedule_id, delete, a_request)

    statuses = await db.fetch("SELECT status FROM rowcall.schedule_executions")
    assert [row["status"] for row in statuses] == ["CANCELLED"]


async def test_what_came_by_sql_and_has_no_plan_yet_is_locked(database: Database, a_schedule: ASchedule) -> None:
    schedule_id = await a_schedule(name="n", next_run_at=None, next_occurrence_at=None)

    assert await done(database, schedule_id, describe) == [True, False]


async def test_one_that_is_created_without_a_name_is_planned_in_a_transaction(database: Database) -> None:
    definition = define({"task_type": "work", "interval_seconds": 60}, now=NOW)
    tried = []

    async def do(session: Session) -> ScheduleRow:
        tried.append(session.is_swift)
        return await create_schedule(session, definition, now=NOW)

    created = await swiftly(database, do)

    assert tried == [True, False]
    assert created["next_run_at"] is not None


async def test_a_status_that_leaves_nothing_to_plan_is_one_statement(database: Database) -> None:
    schedule_id = await planned(database)

    async def close(session: Session, schedule: ScheduleRow) -> object:
        return await set_status(session, schedule, ScheduleStatus.COMPLETED, "so it is")

    assert await done(database, schedule_id, close) == [True]
