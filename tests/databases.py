"""Real databases for the tests: a server for the run, a template for the run, a fresh database for each test.

server_dsn          ROWCALL_TEST_DATABASE_URL, or a throwaway server that all workers of the run share
template_database   the name of a database with schema.sql in it
dsn                 the URL of a fresh copy of it, dropped after the test
empty_dsn           the URL of a fresh database with nothing in it
db                  a connection to that copy
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

import rowcall
from tests.shared_server import dsn_of_shared_server, locked, taking_part

SCHEMA = Path(rowcall.__file__).with_name("schema.sql")


class Admin:
    """A connection that makes and drops databases. It has a loop of its own, so that plain tests can use it too."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection = self._runner.run(asyncpg.connect(dsn))
        self._quick = self._runner.run(_quickest_strategy(self._connection))

    def run(self, sql: str) -> None:
        self._runner.run(self._connection.execute(sql))

    def make(self, name: str, template: str) -> str:
        """Make a database, and return its URL."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}{self._quick}")
        return urlsplit(self.dsn)._replace(path=f"/{name}").geturl()

    def fill(self, dsn: str, script: str) -> None:
        self._runner.run(_execute(dsn, script))

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()


@pytest.fixture(scope="session")
def meeting_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "databases"
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(scope="session")
def admin(meeting_place: Path) -> Iterator[Admin]:
    named = os.environ.get("ROWCALL_TEST_DATABASE_URL")
    dsns: list[str] = []

    def drop_template() -> None:
        if (note := meeting_place / "template").exists():
            last = Admin(dsns[0])
            last.drop(note.read_text())
            last.close()

    with taking_part(meeting_place, last_one=drop_template):
        dsns.append(named or dsn_of_shared_server(meeting_place))
        opened = Admin(dsns[0])
        yield opened
        opened.close()  # while still taking part: the server may stop as soon as nobody does


@pytest.fixture(scope="session")
def server_dsn(admin: Admin) -> str:
    """The URL of the server. What a test does there, all other tests see."""
    return admin.dsn


@pytest.fixture(scope="session")
def template_database(admin: Admin, meeting_place: Path) -> str:
    """The name of a database with the schema in it, to be copied and not touched."""
    note = meeting_place / "template"
    with locked(meeting_place / "template.door"):
        if not note.exists():
            name = f"rowcall_template_{secrets.token_hex(4)}"
            admin.fill(admin.make(name, "template0"), SCHEMA.read_text())
            note.write_text(name)
        return note.read_text()


@pytest.fixture
def dsn(admin: Admin, template_database: str) -> Iterator[str]:
    """The URL of a fresh database with the schema in it."""
    name = f"rowcall_test_{secrets.token_hex(6)}"
    yield admin.make(name, template_database)
    admin.drop(name)


@pytest.fixture
def empty_dsn(admin: Admin) -> Iterator[str]:
    """The URL of a fresh database with nothing in it."""
    name = f"rowcall_test_{secrets.token_hex(6)}"
    yield admin.make(name, "template0")
    admin.drop(name)


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A connection to the fresh database of `dsn`."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def _quickest_strategy(connection: asyncpg.Connection[Any]) -> str:
    """How a database is best copied: as files, unless the server waits for its disk at each of the checkpoints."""
    if connection.get_server_version().major < 15:
        return ""
    return " STRATEGY wal_log" if await connection.fetchval("SHOW fsync") == "on" else " STRATEGY file_copy"


async def _execute(dsn: str, script: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(script)
    finally:
        await connection.close()
