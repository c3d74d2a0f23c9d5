"""Static schedules: what the code declares stands in the table, once, and pauses are left alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from rowcall.domain.definitions import Defaults
from rowcall.domain.errors import Conflict, Forbidden
from rowcall.store.database import Database
from rowcall.store.leases import WorkerCard, register_worker, set_worker_status
from rowcall.store.schedules import delete_schedule, lock_schedule, pause_schedule, resolve_schedule, resume_schedule
from rowcall.store.static_schedules import Declared, declare_schedules, set_aside_gone
from tests.store.stories import Connection


def daily(name: str = "report", **fields: Any) -> Declared:
    return Declared("billing", name, {"task_type": "report", "cron_expression": "0 9 * * *", **fields})


class Replica:
    """A worker of the app."""

    def __init__(self, database: Database, worker_id: int) -> None:
        self.database, self.worker_id = database, worker_id

    async def declares(self, *declared: Declared) -> list[str]:
        found = await declare_schedules(self.database, self.worker_id, declared, Defaults())
        await set_aside_gone(self.database, ["billing"])
        return [each.outcome for each in found]

    async def ends(self) -> None:
        await set_worker_status(self.database, self.worker_id, "STOPPED")


async def a_replica(database: Database) -> Replica:
    card = WorkerCard("here:1", "here", 1, "0", ["billing"], ["report"], 10, 60.0)
    return Replica(database, await register_worker(database, card, []))


async def state(db: Connection, name: str = "report") -> tuple[object, ...]:
    row = await db.fetchrow("SELECT cron_expression, status, version FROM rowcall.schedules WHERE name = $1", name)
    return tuple(row or ())


async def test_a_declared_schedule_is_created_once_and_planned(database: Database, db: Connection) -> None:
    replica = await a_replica(database)
    assert await replica.declares(daily()) == ["created"]
    assert await replica.declares(daily()) == ["unchanged"]
    [row] = await db.fetch("SELECT is_static, source, next_run_at IS NOT NULL, version FROM rowcall.schedules")
    assert row is not None
    assert tuple(row) == (True, "billing", True, 1)


async def test_a_change_in_the_code_changes_the_row_and_leaves_a_pause_alone(
    database: Database, db: Connection
) -> None:
    replica = await a_replica(database)
    await replica.declares(daily())
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = 'holidays'")
    assert await replica.declares(daily(cron_expression="30 9 * * *", priority=7)) == ["changed"]
    assert await state(db) == ("30 9 * * *", "PAUSED", 2)


async def test_a_run_that_lies_ahead_of_an_older_interval_is_seen(database: Database, db: Connection) -> None:
    replica = await a_replica(database)
    weekly = {"task_type": "report", "weeks": 1}
    assert await replica.declares(Declared("billing", "report", weekly)) == ["created"]
    await db.execute("UPDATE rowcall.schedules SET created_at = created_at - interval '5 days'")
    window = {**weekly, "ends_at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}
    assert await replica.declares(Declared("billing", "report", window)) == ["changed"]


async def test_one_that_cannot_be_written_does_not_stop_the_others(database: Database, db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds) "
        "VALUES ('taken', 'x', 'interval', 60)"
    )
    replica = await a_replica(database)
    outcomes = await replica.declares(daily("taken"), daily("broken", cron_expression="61 * * * *"), daily("fine"))
    assert outcomes == ["refused", "refused", "created"]


async def test_input_that_json_does_not_have_is_refused_with_the_reason(database: Database, db: Connection) -> None:
    replica = await a_replica(database)
    dated = daily("dated", input_data=MappingProxyType({"since": {"day": date(2026, 1, 1)}}))
    found = await declare_schedules(database, replica.worker_id, [dated, daily("fine")], Defaults())
    assert [each.outcome for each in found] == ["refused", "created"]
    assert found[0].reason == "input_data.since.day: is a date, which JSON does not have; write it as text"


async def test_two_replicas_that_start_at_once_create_one_row(database: Database) -> None:
    one, other = await a_replica(database), await a_replica(database)
    outcomes = await asyncio.gather(one.declares(daily()), other.declares(daily()))
    assert sorted(outcomes) == [["created"], ["unchanged"]]


async def test_what_an_older_worker_declares_stays_in_force_until_the_last_of_them_has_ended(
    database: Database, db: Connection
) -> None:
    old, new = await a_replica(database), await a_replica(database)
    later = daily(cron_expression="30 9 * * *")
    await old.declares(daily())
    assert await new.declares(later) == ["waiting"]
    assert await old.declares(daily()) == ["unchanged"]
    await old.ends()
    assert await new.declares(later) == ["changed"]
    assert await (await a_replica(database)).declares(daily()) == ["waiting"]
    assert await state(db) == ("30 9 * * *", "ACTIVE", 2)


async def test_a_worker_that_has_not_said_what_it_declares_may_declare_what_is_in_force(
    database: Database, db: Connection
) -> None:
    old = await a_replica(database)
    await old.declares(daily(), daily("removed"))
    new, silent = await a_replica(database), await a_replica(database)
    await old.ends()
    assert await new.declares(daily(cron_expression="30 9 * * *")) == ["waiting"]
    assert await state(db, "removed") == ("0 9 * * *", "ACTIVE", 1)
    await silent.ends()
    assert await new.declares(daily(cron_expression="30 9 * * *")) == ["changed"]
    assert await state(db, "removed") == ("0 9 * * *", "PAUSED", 1)


async def test_code_that_is_gone_sets_its_schedule_aside_and_code_that_is_back_goes_on(
    database: Database, db: Connection
) -> None:
    replica = await a_replica(database)
    await replica.declares(daily(), daily("removed"))
    await replica.declares(daily())
    row = await db.fetchrow("SELECT status, status_reason FROM rowcall.schedules WHERE name = 'removed'")
    assert row is not None
    assert tuple(row) == ("PAUSED", "gone: no worker of 'billing' declares it any more")
    assert await replica.declares(daily(), daily("removed")) == ["unchanged", "changed"]
    assert await state(db, "removed") == ("0 9 * * *", "ACTIVE", 1)


async def test_while_no_worker_of_the_app_lives_nothing_is_gone(database: Database, db: Connection) -> None:
    replica = await a_replica(database)
    await replica.declares(daily())
    await replica.ends()
    assert await set_aside_gone(database, ["billing"]) == []
    assert await state(db) == ("0 9 * * *", "ACTIVE", 1)


async def test_what_people_paused_stays_paused_when_its_code_goes_and_comes_back(
    database: Database, db: Connection
) -> None:
    replica = await a_replica(database)
    await replica.declares(daily())
    async with database.transaction() as session:
        schedule = await lock_schedule(session, await resolve_schedule(session, "default", "report"))
        await pause_schedule(session, schedule, "stocktaking", "ada")
    await replica.declares()
    assert await replica.declares(daily()) == ["unchanged"]
    row = await db.fetchrow("SELECT status, status_reason FROM rowcall.schedules")
    assert row is not None
    assert tuple(row) == ("PAUSED", "stocktaking (by ada)")


async def test_a_static_schedule_can_be_deleted_only_once_its_code_is_gone_and_not_resumed_then(
    database: Database, db: Connection
) -> None:
    replica = await a_replica(database)
    await replica.declares(daily())
    schedule_id = await resolve_schedule(database, "default", "report")
    with pytest.raises(Forbidden, match="declared in 'billing'"):
        await delete_schedule(database, await lock_schedule(database, schedule_id))
    await replica.declares()
    with pytest.raises(Conflict, match="no code to go on with; start a worker"):
        await resume_schedule(database, await lock_schedule(database, schedule_id))
    await delete_schedule(database, await lock_schedule(database, schedule_id))
    assert (await state(db))[1] == "DISABLED"
