"""Which statements have but one plan: those that are said to, and nothing else that their connection carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import permutations
from typing import TypeAlias

import pytest

from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.forgetting import Kept
from rowcall.store.sessions import sql
from rowcall.store.surveying import survey

USED = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"
ASKED = "waiting_of"

Way: TypeAlias = Callable[[Database], Awaitable[object]]


async def alone(database: Database) -> None:
    await database.fetch(ASKED, [1])


async def alone_and_kept(database: Database) -> None:
    await database.keeping_plans().fetch(ASKED, [1])


async def in_a_transaction(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.fetch(ASKED, [1])


async def in_a_transaction_and_kept(database: Database) -> None:
    async with database.keeping_plans().transaction(one_plan=True) as transaction:
        await transaction.fetch(ASKED, [1])


async def in_a_snapshot(database: Database) -> None:
    async with database.snapshot() as snapshot:
        await snapshot.fetch(ASKED, [1])


KEPT = (alone_and_kept, in_a_transaction_and_kept)
WAYS = (alone, in_a_transaction, in_a_snapshot, *KEPT)


@pytest.fixture
async def lone(dsn: str) -> AsyncIterator[Database]:
    """With one connection, so that whatever is said of it is said to all."""
    async with Database.open(dsn, size=1) as database:
        yield database


async def used(database: Database, statement: str = ASKED) -> Counter[str]:
    """How often the statement was carried out by a plan that was kept, and by a new one."""
    async with database.transaction() as transaction:
        row = await transaction.connection.fetchrow(USED, sql(statement))
    return Counter() if row is None else Counter(kept=row["generic_plans"], anew=row["custom_plans"])


async def test_a_statement_is_planned_as_it_is_said_whatever_its_connection_carried_before(lone: Database) -> None:
    for ways in permutations(WAYS):
        for way in ways:
            before = await used(lone)
            await way(lone)
            assert await used(lone) - before == Counter({"kept" if way in KEPT else "anew": 1}), [*ways, way]


async def test_what_is_planned_either_way_is_planned_as_what_came_before_it(lone: Database) -> None:
    for way, how in ((alone, "anew"), (alone_and_kept, "kept"), (in_a_transaction, "kept"), (alone, "anew")):
        await way(lone)
        before = await used(lone)
        await lone.planning_either_way().fetch(ASKED, [1])
        assert await used(lone) - before == Counter({how: 1}), way


async def test_a_worker_that_waits_tells_its_connection_nothing(lone: Database) -> None:
    """A sweep and a look each half a minute are all there is: to tell how to plan would be another two statements."""
    for _ in range(3):
        await survey(lone, ["work"], [], Kept(0, 0, 0))
        assert (await look(lone, 1, ["work"], 10)).found_due == 0
    assert await used(lone, "survey") == Counter(kept=0, anew=3)
    assert await used(lone, "peek") == Counter(kept=0, anew=3)


async def test_a_connection_that_is_rolled_back_is_planned_for_as_it_was(lone: Database) -> None:
    await alone_and_kept(lone)
    with pytest.raises(ZeroDivisionError):
        async with lone.transaction():
            raise ZeroDivisionError
    for way in WAYS:
        before = await used(lone)
        await way(lone)
        assert await used(lone) - before == Counter({"kept" if way in KEPT else "anew": 1}), way
