"""Schedules in the store: what is locked stays as it is."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from rowcall.domain.definitions import define
from rowcall.domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from rowcall.store.database import Database
from rowcall.store.executions import execute_schedule
from rowcall.store.jsonb import read_jsonb, write_jsonb
from rowcall.store.planning import plan_schedules
from rowcall.store.schedules import (
    change_schedule,
    create_schedule,
    definition_of,
    delete_schedule,
    find_schedule,
    lock_schedule,
    pause_schedule,
    resolve_schedule,
    resume_schedule,
)
from tests.store.stories import NOON, ASchedule, AWorker, Connection, claim, ledger, until_waiting_for_a_lock


async def test_what_is_defined_comes_back_as_it_was(database: Database) -> None:
    definition = define(
        {
            "task_type": "work",
            "cron_fields": {"hour": "*/2"},
            "name": "n",
            "timezone": "Europe/London",
            "starts_at": "2035-01-01T00:00",
            "input_data": {"a": [1, 2.5, "…", None, {"b": True}]},
            "labels": {"k": "v"},
            "timeout_seconds": 0.25,
        },
        now=NOON.replace(year=2030),
    )
    async with database.transaction() as session:
        created = await create_schedule(session, definition)
    assert definition_of(created) == definition
    assert (created["status"], created["version"]) == ("ACTIVE", 1)


async def test_a_name_means_the_one_that_is_not_deleted(database: Database, a_schedule: ASchedule) -> None:
    old = await a_schedule(name="n")
    async with database.transaction() as session:
        await delete_schedule(session, await lock_schedule(session, old))
    with pytest.raises(NotFound, match="'n'"):
        await resolve_schedule(database, "default", "n")
    new = await a_schedule(name="n")
    assert await resolve_schedule(database, "default", "n") == new
    assert await resolve_schedule(database, "default", str(old)) == old


@pytest.mark.parametrize("reference", [str(2**63), "9" * 100])
async def test_an_id_beyond_all_ids_is_not_found(database: Database, reference: str) -> None:
    with pytest.raises(NotFound):
        await resolve_schedule(database, "default", reference)


# ── races ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_claim_steps_over_a_schedule_that_is_being_changed(
    database: Database, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    schedule_id = await a_schedule(next_run_at=NOON, next_occurrence_at=NOON)
    worker_id = await a_worker()
    async with database.transaction() as session:
        schedule = await lock_schedule(session, schedule_id)
        assert await claim(database, worker_id) == []
        await pause_schedule(session, schedule, None, "test")
    assert await claim(database, worker_id) == []
    assert (await find_schedule(database, schedule_id))["status"] == "PAUSED"


async def test_a_delete_waits_for_a_request_and_cancels_it(
    database: Database, a_schedule: ASchedule, db: Connection
) -> None:
    schedule_id = await a_schedule()

    async def delete() -> int | None:
        async with database.transaction() as session:
            return await delete_schedule(session, await lock_schedule(session, schedule_id))

    async with database.transaction() as session:
        await execute_schedule(session, await lock_schedule(session, schedule_id))
        deleting = asyncio.create_task(delete())
        await until_waiting_for_a_lock(db)
    assert await deleting == 1
    assert await db.fetchval("SELECT status FROM rowcall.schedule_executions") == "CANCELLED"


async def test_a_request_that_waited_for_a_delete_is_refused(
    database: Database, a_schedule: ASchedule, db: Connection
) -> None:
    schedule_id = await a_schedule()

    async def execute() -> None:
        async with database.transaction() as session:
            await execute_schedule(session, await lock_schedule(session, schedule_id))

    async with database.transaction() as session:
        await delete_schedule(session, await lock_schedule(session, schedule_id))
        executing = asyncio.create_task(execute())
        await until_waiting_for_a_lock(db)
    with pytest.raises(Conflict, match="DISABLED"):
        await executing
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 0


# ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "pause", "resume", "delete"),
    [
        ("ACTIVE", "PAUSED", "ACTIVE", "DISABLED"),
        ("PAUSED", "PAUSED", "ACTIVE", "DISABLED"),
        ("COMPLETED", None, None, "DISABLED"),
        ("INVALID", None, "ACTIVE", "DISABLED"),
        ("DISABLED", None, None, "DISABLED"),
    ],
)
async def test_what_becomes_of_each_status(
    database: Database, a_schedule: ASchedule, status: str, pause: str | None, resume: str | None, delete: str
) -> None:
    async def after(change: Any) -> str | None:
        schedule_id = await a_schedule(status=status, status_reason="why")
        with suppress(Conflict):
            async with database.transaction() as session:
                await change(session, await lock_schedule(session, schedule_id))
            found: str = (await find_schedule(database, schedule_id))["status"]
            return found
        return None

    assert await after(lambda session, row: pause_schedule(session, row, "x", "test")) == pause
    assert await after(resume_schedule) == resume
    assert await after(delete_schedule) == delete


async def test_what_stands_in_code_is_changed_there_but_can_be_paused(
    database: Database, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule(is_static=True, source="code:app")
    async with database.transaction() as session:
        schedule = await lock_schedule(session, schedule_id)
        with pytest.raises(Forbidden, match="code:app"):
            await change_schedule(session, schedule, definition_of(schedule))
        with pytest.raises(Forbidden):
            await delete_schedule(session, schedule)
        assert (await pause_schedule(session, schedule, None, "test"))["status"] == "PAUSED"


async def test_a_schedule_stays_with_its_client(database: Database, a_schedule: ASchedule) -> None:
    schedule_id = await a_schedule(client_id="acme")
    other = define({"task_type": "work", "interval_seconds": 3600, "client_id": "other"}, now=NOON)
    async with database.transaction() as session:
        with pytest.raises(InvalidInput, match="client_id"):
            await change_schedule(session, await lock_schedule(session, schedule_id), other)


# ── what is next ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "rule",
    [
        {"cron_expression": "0 9 * * *", "timezone": "Europe/London"},
        {"cron_expression": "H H * * *", "name": "slotted"},
        {"interval_seconds": 3600},
        {"interval_seconds": 3600, "starts_at": "2099-01-01T00:00:00Z"},
        {"interval_seconds": 3600, "jitter_seconds": 600},
        {"scheduled_time": "2099-01-01T00:00:00Z"},
    ],
)
@pytest.mark.parametrize("name", [None, "named"])
async def test_what_is_planned_before_it_is_written_is_planned_as_ever(
    database: Database, db: Connection, rule: dict[str, Any], name: str | None
) -> None:
    now = await db.fetchval("SELECT clock_timestamp()")
    definition = define({"task_type": "work", "name": name, **rule}, now=now)

    async with database.transaction() as session:
        ahead = await create_schedule(session, definition, now=now)
    await db.execute("UPDATE rowcall.schedules SET next_run_at = NULL, next_occurrence_at = NULL")
    async with database.transaction() as session:
        assert await plan_schedules(session) == 1

    assert await find_schedule(database, ahead["schedule_id"]) == {**ahead, "now": ANY}
    assert ahead["next_run_at"] is not None


async def test_an_occurrence_between_the_plan_and_the_resumption_belongs_to_the_pause(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    """The plan is made by the clock of the lock, and the schedule is ACTIVE only from its update on."""
    present = await db.fetchval("SELECT now()")
    schedule_id = await a_schedule(status="PAUSED", interval_seconds=3600, created_at=present - timedelta(minutes=50))
    async with database.transaction() as session:
        paused = await lock_schedule(session, schedule_id)
        resumed = await resume_schedule(session, {**paused, "now": present - timedelta(minutes=20)})
        assert resumed["next_occurrence_at"] == present + timedelta(minutes=10)

    away = await a_schedule(status="PAUSED", interval_seconds=3600, created_at=present - timedelta(minutes=70))
    await db.execute("UPDATE rowcall.schedules SET updated_at = created_at WHERE schedule_id = $1", away)
    async with database.transaction() as session:
        paused = await lock_schedule(session, away)
        resumed = await resume_schedule(session, {**paused, "now": present - timedelta(minutes=20)})

    assert resumed["next_occurrence_at"] == present + timedelta(minutes=50)
    assert await ledger(db, away) == [("SKIPPED", present - timedelta(minutes=10))]


# ── jsonb ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_numbers_that_no_reader_could_hold_become_text() -> None:
    digits = "1" + "0" * 5000
    assert read_jsonb(f'{{"a": {digits}, "b": [{digits}.5], "c": 1.5, "d": 7}}') == {
        "a": digits,
        "b": [digits + ".5"],
        "c": 1.5,
        "d": 7,
    }
    assert read_jsonb(None) is None


def test_what_is_nested_too_deeply_becomes_text_whatever_its_texts_hold() -> None:
    deep, flat = "[" * 401 + "]" * 401, {"a": "[" * 5000, "b": [["\\"] * 1000] * 2, "c": '{"' * 500}

    assert read_jsonb(deep) == deep
    assert read_jsonb("[" * 100_000 + "]" * 100_000) == "[" * 100_000 + "]" * 100_000
    assert json.dumps(read_jsonb(deep[1:-1])) == deep[1:-1]
    assert read_jsonb(json.dumps(flat)) == flat


def test_moments_are_written_as_text_and_nothing_else_is_guessed() -> None:
    assert write_jsonb({"at": NOON}) == '{"at": "2035-06-04T12:00:00+00:00"}'
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            write_jsonb({"x": value})
