"""The fixtures that other tests rest on."""

from __future__ import annotations

import asyncio
import os
import secrets

import asyncpg
import pytest

from tests.databases import Admin
from tests.folders import short_lived_folder

FILLED: list[str] = []


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_database_of_its_own(db: asyncpg.Connection[asyncpg.Record], turn: int) -> None:
    assert await db.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await db.execute("CREATE TABLE mine (n int)")
    FILLED.append(await db.fetchval("SELECT current_database()"))
    assert len(set(FILLED)) == len(FILLED)


async def test_the_schema_is_there(db: asyncpg.Connection[asyncpg.Record]) -> None:
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedules") == 0


def test_a_database_can_be_dropped_while_someone_is_connected(admin: Admin, template_database: str) -> None:
    name = f"rowcall_test_{secrets.token_hex(6)}"
    dsn = admin.make(name, template_database)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        connection = runner.run(asyncpg.connect(dsn))
        admin.drop(name)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            runner.run(connection.execute("SELECT 1"))
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            runner.run(asyncpg.connect(dsn))


def test_a_plain_test_may_use_a_database_too(dsn: str) -> None:
    assert "rowcall_test_" in dsn


def test_a_folder_is_removed_by_its_user_and_what_a_killed_run_left_by_the_next() -> None:
    with short_lived_folder() as held:
        abandoned = held.with_name(f"{held.name}-abandoned")
        abandoned.mkdir()
        for folder in (held, abandoned):
            os.utime(folder, (0, 0))
        with short_lived_folder():
            assert held.exists()
            assert not abandoned.exists()
    assert not held.exists()
