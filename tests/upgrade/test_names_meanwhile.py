"""Names move into a table of their own while programs write: each is refused what it would have been, and no more."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import asyncpg

from rowcall.store.database import Database
from rowcall.store.migrations import apply_schema, check_schema, known_migrations
from tests.store.stories import Connection
from tests.worker.waiting import until

TODAY = known_migrations()
NAMES = "0004"
CLIENTS, OF_EACH = 4, 600

INSERTED = "INSERT INTO rowcall.schedules (client_id, name, task_type, schedule_type, interval_seconds)"
FILLED = f"""{INSERTED}
    SELECT client, 'n' || n, 't', 'interval', 60 FROM unnest($1::text[]) AS client, generate_series(1, $2::int) AS n"""
WITHOUT_NAME = """
    SELECT count(*) FROM rowcall.schedules AS s
     WHERE s.status <> 'DISABLED' AND NOT EXISTS (
           SELECT FROM rowcall.schedule_names AS n WHERE (n.client_id, n.name) = (s.client_id, s.name))"""
ASTRAY = """
    SELECT n.*, s.* FROM rowcall.schedule_names AS n
      FULL JOIN (SELECT * FROM rowcall.schedules WHERE status <> 'DISABLED') AS s USING (schedule_id, client_id, name)
     WHERE s.status IS NULL OR n.ctid IS NULL"""


@dataclass
class Writer:
    """One client's only program: it knows what is called what, and so which changes have to be refused."""

    client: str
    db: Connection
    called: dict[int, str]
    deleted: dict[int, str] = field(default_factory=dict)
    became: Counter[str] = field(default_factory=Counter)

    async def write(self, random: Random, over: asyncio.Event) -> None:
        while not over.is_set():
            name = f"n{random.randrange(2 * OF_EACH)}"
            await random.choice([self._insert, self._rename, self._delete, self._bring_back])(random, name)
        await self.db.close()

    async def _insert(self, _: Random, name: str) -> None:
        statement = f"{INSERTED} VALUES ($1, $2, 't', 'interval', 60) RETURNING schedule_id"
        if (new := await self._does(name not in self.called.values(), statement, self.client, name)) is not None:
            self.called[new] = name

    async def _rename(self, random: Random, name: str) -> None:
        one = random.choice(list(self.called))
        fits = self.called[one] == name or name not in self.called.values()
        if await self._does(fits, _set("name = $2"), one, name) is not None:
            self.called[one] = name

    async def _delete(self, random: Random, _: str) -> None:
        one = random.choice(list(self.called))
        await self._does(True, _set("status = 'DISABLED'"), one)
        self.deleted[one] = self.called.pop(one)

    async def _bring_back(self, random: Random, _: str) -> None:
        if self.deleted:
            one = random.choice(list(self.deleted))
            fits = self.deleted[one] not in self.called.values()
            if await self._does(fits, _set("status = 'ACTIVE'"), one) is not None:
                self.called[one] = self.deleted.pop(one)

    async def _does(self, fits: bool, statement: str, *arguments: object) -> int | None:
        """Make a change; None where it was refused, which it is exactly where it does not fit."""
        try:
            changed: int = await self.db.fetchval(statement, *arguments)
        except asyncpg.UniqueViolationError as refusal:
            assert (fits, refusal.constraint_name) == (False, "schedules_name_taken"), (statement, arguments)  # noqa: PT017
            self.became["refused"] += 1
            return None
        assert fits, (statement, arguments)
        self.became["done"] += 1
        return changed


def _set(columns: str) -> str:
    return f"UPDATE rowcall.schedules SET {columns} WHERE schedule_id = $1 RETURNING schedule_id"


async def a_writer(dsn: str, client: str) -> Writer:
    db = await asyncpg.connect(dsn)
    rows = await db.fetch("SELECT schedule_id, name FROM rowcall.schedules WHERE client_id = $1", client)
    return Writer(client, db, {row["schedule_id"]: row["name"] for row in rows})


async def test_names_are_moved_while_programs_rename_and_delete(empty_dsn: str) -> None:
    db, over = await asyncpg.connect(empty_dsn), asyncio.Event()
    await db.execute(TODAY[0].script)
    clients = [f"client-{number}" for number in range(CLIENTS)]
    await db.execute(FILLED, [*clients, "busy"], OF_EACH)
    writers = [await a_writer(empty_dsn, client) for client in clients]
    writing = [asyncio.create_task(each.write(Random(n), over)) for n, each in enumerate(writers)]

    async with Database.open(empty_dsn, size=2) as database:
        await database.fetch("record_migration", TODAY[0].version, TODAY[0].name, None)
        await apply_schema(database, [migration for migration in TODAY if migration.version < NAMES])
        async with db.transaction():
            await db.execute("UPDATE rowcall.schedules SET total_runs = 1 WHERE client_id = 'busy' AND name = 'n7'")
            migrating = asyncio.create_task(apply_schema(database))
            await until(lambda: _is(db, WITHOUT_NAME, 1), what="a name for all but the one that is busy")
            assert not migrating.done()
        assert await migrating == [migration.version for migration in TODAY if migration.version >= NAMES]
        await check_schema(database)
    done = {writer.client: writer.became["done"] for writer in writers}
    await until(lambda: all(writer.became["done"] > done[writer.client] + 20 for writer in writers))
    over.set()
    await asyncio.gather(*writing)

    assert await db.fetch(ASTRAY) == []
    kept = await db.fetch("SELECT client_id, schedule_id, name FROM rowcall.schedule_names WHERE client_id <> 'busy'")
    assert {(row["client_id"], row["schedule_id"], row["name"]) for row in kept} == {
        (writer.client, schedule_id, name) for writer in writers for schedule_id, name in writer.called.items()
    }
    assert all(writer.became["refused"] for writer in writers)
    await db.close()


async def _is(db: Connection, question: str, answer: int) -> bool:
    found: int = await db.fetchval(question)
    return found == answer
