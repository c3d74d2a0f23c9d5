"""Schedules that files declare, in the store: who waits for whom, and what stays as it is."""

import asyncio

import pytest

from rowcall.domain.declaring import Action, Change
from rowcall.domain.errors import Conflict
from rowcall.store.database import Database
from rowcall.store.declared_schedules import carry_out, find_declared, lock_sources
from rowcall.store.sessions import Transaction
from tests.store.stories import ASchedule, Connection


async def test_who_waits_for_another_apply_is_told_of_it_and_comes_next(database: Database) -> None:
    told: list[str] = []
    waits, done = asyncio.Event(), asyncio.Event()

    def tell(source: str) -> None:
        told.append(source)
        waits.set()

    async def second() -> None:
        async with database.transaction() as session:
            await lock_sources(session, ["file:b", "file:a"], tell)
            done.set()

    async with database.transaction() as session:
        await lock_sources(session, ["file:a"], tell)
        assert told == []
        waiting = asyncio.create_task(second())
        await waits.wait()
        assert not done.is_set()
    await waiting
    assert told == ["file:a"]


async def test_applies_of_different_sources_do_not_wait(database: Database, db: Connection) -> None:
    told: list[str] = []
    async with database.transaction() as one, database.transaction() as other:
        await lock_sources(one, ["file:a"], told.append)
        await lock_sources(other, ["file:b"], told.append)
    assert told == []


async def test_a_plan_may_take_longer_than_a_statement(database: Database) -> None:
    async def longest_pause(session: Transaction) -> str:
        longest: str = await session.connection.fetchval("SHOW idle_in_transaction_session_timeout")
        return longest

    async with database.transaction() as session:
        before = await longest_pause(session)
        await lock_sources(session, ["file:a"], pytest.fail)
        assert (before, await longest_pause(session)) == ("30s", "10min")
    async with database.transaction() as session:
        assert await longest_pause(session) == before


async def test_what_was_changed_since_the_plan_was_made_is_not_overwritten(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule(name="report", source="file:a")
    planned = Change(Action.PRUNE, "default", "report", "file:a", schedule_id, version=1)
    await db.execute("UPDATE rowcall.schedules SET priority = 9")
    with pytest.raises(Conflict, match="was changed since the plan was made"):
        async with database.transaction() as session:
            _ = [change async for change in carry_out(session, [planned])]
    assert await db.fetchval("SELECT status FROM rowcall.schedules") == "ACTIVE"


async def test_only_what_is_changed_is_locked(database: Database, db: Connection, a_schedule: ASchedule) -> None:
    changed, left = await a_schedule(name="changed"), await a_schedule(name="left")
    planned = Change(Action.PRUNE, "default", "changed", "sql", changed, version=1)
    free = "SELECT schedule_id FROM rowcall.schedules FOR NO KEY UPDATE SKIP LOCKED"
    async with database.transaction() as session:
        assert len(await find_declared(session, [("default", "changed"), ("default", "left")])) == 2
        _ = [change async for change in carry_out(session, [planned])]
        assert [row["schedule_id"] for row in await db.fetch(free)] == [left]
