"""Schedules that files declare, in the store: who waits for whom."""

import asyncio

from rowcall.store.database import Database
from rowcall.store.declared_schedules import lock_sources
from tests.store.stories import Connection


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
