"""Names: each client has one once among its schedules that are not deleted, however many write them at once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random

import asyncpg
import pytest

from rowcall.domain.definitions import define
from rowcall.domain.errors import Conflict
from rowcall.store.auditing import audit
from rowcall.store.database import Database
from rowcall.store.schedules import create_schedule
from tests.store.stories import ASchedule, Connection, insertion, until_waiting_for_a_lock

TAKEN = "schedules_name_taken"
KEPT = "SELECT client_id, name, schedule_id FROM rowcall.schedule_names ORDER BY schedule_id"
OUGHT = "SELECT client_id, name, schedule_id FROM rowcall.schedules WHERE status <> 'DISABLED' ORDER BY schedule_id"


async def names(db: Connection) -> list[tuple[str, str, int]]:
    """Those that are kept; they are those of the schedules that are not deleted."""
    kept = [tuple(row) for row in await db.fetch(KEPT)]
    assert kept == [tuple(row) for row in await db.fetch(OUGHT)]
    return kept


async def create(database: Database, name: str) -> int:
    """A schedule of that name, as the API creates one; its id."""
    definition = define({"name": name, "task_type": "work", "hours": 1}, now=datetime.now(UTC))
    async with database.transaction() as session:
        return int((await create_schedule(session, definition))["schedule_id"])


@pytest.fixture
async def another(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


# ── they are kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_names_follow_every_change_of_a_schedule(db: Connection, a_schedule: ASchedule) -> None:
    one, other = await a_schedule(name="a", client_id="acme"), await a_schedule(name="a", client_id="other")
    assert await names(db) == [("acme", "a", one), ("other", "a", other)]

    await db.execute("UPDATE rowcall.schedules SET name = 'b', client_id = 'third' WHERE schedule_id = $1", one)
    assert await names(db) == [("third", "b", one), ("other", "a", other)]

    await db.execute("UPDATE rowcall.schedules SET name = 'c', status = 'DISABLED' WHERE schedule_id = $1", one)
    assert await names(db) == [("other", "a", other)]

    await db.execute("UPDATE rowcall.schedules SET name = 'd' WHERE schedule_id = $1", one)
    assert await names(db) == [("other", "a", other)]

    await db.execute("UPDATE rowcall.schedules SET name = 'e', status = 'PAUSED' WHERE schedule_id = $1", one)
    assert await names(db) == [("third", "e", one), ("other", "a", other)]

    await db.execute("DELETE FROM rowcall.schedules WHERE schedule_id = $1", one)
    assert await names(db) == [("other", "a", other)]

    await db.execute("TRUNCATE rowcall.schedules")
    assert await names(db) == []
    assert await db.fetch("SELECT FROM rowcall.schedule_terms") == []


async def test_a_name_that_was_made_up_is_kept_too(db: Connection) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds) VALUES ('t', 'interval', 1)"
    )
    [(_, name, schedule_id)] = await names(db)
    assert name == f"t-{schedule_id}"


async def test_a_run_or_another_change_writes_no_name(db: Connection, a_schedule: ASchedule) -> None:
    await a_schedule()
    before = await db.fetchval("SELECT array_agg(xmin::text) FROM rowcall.schedule_names")
    await db.execute("UPDATE rowcall.schedules SET next_run_at = now(), total_runs = 1, last_status = 'FAILED'")
    await db.execute("UPDATE rowcall.schedules SET priority = 7, name = name, status = 'PAUSED'")
    await db.execute("UPDATE rowcall.schedules SET status = 'ACTIVE', client_id = client_id")
    assert await db.fetchval("SELECT array_agg(xmin::text) FROM rowcall.schedule_names") == before


# ── each once ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE rowcall.schedules SET name = 'taken' WHERE name = 'free'",
        "UPDATE rowcall.schedules SET client_id = 'default' WHERE client_id = 'other'",
        "UPDATE rowcall.schedules SET status = 'ACTIVE' WHERE status = 'DISABLED'",
        insertion({"name": "'taken'", "status": "'PAUSED'"}),
        "UPDATE rowcall.schedules SET name = 'both' WHERE client_id = 'default' AND status = 'ACTIVE'",
    ],
)
async def test_no_change_gives_a_name_to_two(db: Connection, a_schedule: ASchedule, change: str) -> None:
    gone = await a_schedule(name="taken")
    await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED' WHERE schedule_id = $1", gone)
    for client, name in (("default", "taken"), ("default", "free"), ("other", "taken")):
        await a_schedule(client_id=client, name=name)
    before = await names(db)

    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await db.execute(change)

    assert refusal.value.constraint_name == TAKEN
    assert await names(db) == before


@pytest.mark.parametrize("first_one", ["commits", "rolls back", "renames it", "deletes it"])
async def test_who_wants_a_name_that_another_takes_waits_for_what_becomes_of_it(
    db: Connection, another: Connection, database: Database, first_one: str
) -> None:
    transaction = another.transaction()
    await transaction.start()
    await another.execute(insertion({"name": "'wanted'"}))
    second = asyncio.create_task(create(database, "wanted"))
    await until_waiting_for_a_lock(db)
    if first_one == "renames it":
        await another.execute("UPDATE rowcall.schedules SET name = 'other'")
    elif first_one == "deletes it":
        await another.execute("UPDATE rowcall.schedules SET status = 'DISABLED'")

    if first_one == "rolls back":
        await transaction.rollback()
    else:
        await transaction.commit()

    if first_one == "commits":
        with pytest.raises(Conflict, match="a schedule with this name exists"):
            await second
    else:
        await second
    assert [name for _, name, _ in await names(db)].count("wanted") == 1


async def test_a_name_that_is_about_to_be_given_up_is_waited_for(
    db: Connection, another: Connection, database: Database, a_schedule: ASchedule
) -> None:
    old = await a_schedule(name="wanted")
    async with another.transaction():
        await another.execute("UPDATE rowcall.schedules SET status = 'DISABLED' WHERE schedule_id = $1", old)
        taking = asyncio.create_task(create(database, "wanted"))
        await until_waiting_for_a_lock(db)
    new = await taking

    assert await names(db) == [("default", "wanted", new)]


async def test_many_at_once_never_share_a_name(dsn: str, db: Connection) -> None:
    """Four sessions insert, rename, move, delete and bring back among few names: some are refused, none is doubled."""

    async def change(seed: int) -> Counter[str]:
        random, became = Random(seed), Counter[str]()
        connection = await asyncpg.connect(dsn)
        for _ in range(150):
            chosen = random.choice(CHANGES)
            try:
                await connection.execute(
                    chosen.format(name=random.randrange(6), client=random.choice("ab"), id=random.randrange(1, 40))
                )
                became["done"] += 1
            except asyncpg.DeadlockDetectedError:  # two that exchange their names, as ever
                became["to be tried again"] += 1
            except asyncpg.UniqueViolationError as refusal:
                became[str(refusal.constraint_name)] += 1
        await connection.close()
        return became

    became = sum(await asyncio.gather(*(change(seed) for seed in range(4))), Counter[str]())

    assert min(became["done"], became[TAKEN]) > 20, became
    assert set(became) <= {"done", TAKEN, "to be tried again"}
    kept = await names(db)
    assert len({(client, name) for client, name, _ in kept}) == len(kept) > 0


async def test_the_audit_tells_of_names_that_are_not_those_of_schedules(
    db: Connection, database: Database, a_schedule: ASchedule
) -> None:
    lost, called_otherwise, well = [await a_schedule(name=name) for name in ("lost", "new", "well")]
    assert (await audit(database)).findings == []
    await db.execute("DELETE FROM rowcall.schedule_names WHERE schedule_id = $1", lost)
    await db.execute("INSERT INTO rowcall.schedule_names VALUES ('other', 'old', $1)", called_otherwise)

    found = (await audit(database)).findings
    assert [(each.schedule_id, each.schedule_name, each.kind) for each in found] == [
        (lost, "lost", "misnamed"),
        (called_otherwise, "old", "misnamed"),
    ]
    assert [each.detail.split(":")[0] for each in found] == [
        "nothing leads from its name to it",
        "this name leads to it, which is deleted or called otherwise",
    ]
    assert len((await audit(database, schedule_ids=[lost, well])).findings) == 1


CHANGES = (
    insertion({"name": "'n{name}'", "client_id": "'{client}'"}),
    "UPDATE rowcall.schedules SET name = 'n{name}' WHERE schedule_id = {id}",
    "UPDATE rowcall.schedules SET client_id = '{client}' WHERE schedule_id = {id}",
    "UPDATE rowcall.schedules SET status = 'DISABLED' WHERE schedule_id = {id}",
    "UPDATE rowcall.schedules SET status = 'ACTIVE' WHERE schedule_id = {id}",
    "DELETE FROM rowcall.schedules WHERE schedule_id = {id}",
)


# ── they are the way to a schedule ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("called", ["locked_schedule('n4711', 'acme')", "explanation('n4711', NULL, 'acme')"])
async def test_functions_find_a_name_by_a_probe(db: Connection, called: str) -> None:
    await db.execute("SET session_replication_role = replica")
    await db.execute(
        "INSERT INTO rowcall.schedules (client_id, name, task_type, route, schedule_type, cron_expression)"
        " SELECT 'acme', 'n' || n, 'work', 'work', 'cron', '@daily' FROM generate_series(1, 20000) AS n"
    )
    await db.execute(
        "INSERT INTO rowcall.schedule_names (client_id, name, schedule_id)"
        " SELECT s.client_id, s.name, s.schedule_id FROM rowcall.schedules AS s"
    )
    await db.execute("SET session_replication_role = origin")
    await db.execute("ANALYZE")
    pages = await db.fetchval("SELECT pg_relation_size('rowcall.schedules') / 8192")

    for _ in range(2):  # catalogues are read the first time
        [[told]] = await db.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM rowcall.{called}")
    plan = json.loads(told)[0]["Plan"]

    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100 < pages / 5
