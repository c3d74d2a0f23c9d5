"""A fresh PostgreSQL with default durability for a benchmark, and fresh databases on it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from rowcall.embedded import start_throwaway
from rowcall.embedded.binaries import find_binaries
from rowcall.embedded.folders import folders_of
from rowcall.store.database import Database
from rowcall.store.migrations import apply_schema

SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "max_connections": "200",
    "scram_iterations": "4096",
}
"""Durability as PostgreSQL has it by default, and memory for a machine of the size that is measured on."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `pid` is its first process, the parent of all its others."""

    dsn: str = field(repr=False)
    folder: Path
    pid: int
    version: str
    settings: Mapping[str, str]
    log_in_use: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False, compare=False)
    """Held by whoever has set what the log tells: that holds for all databases."""

    def dsn_of(self, database: str) -> str:
        """The URL of one of its databases."""
        return urlsplit(self.dsn)._replace(path=f"/{database}").geturl()

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return folders_of(self.folder).startup_log


@contextlib.contextmanager
def a_server(base: Path | None = None, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server in a new folder below `base` (a disk, or the figures mean nothing), gone afterwards with its data.

    Not to be used inside a running event loop. `settings` go on top of SETTINGS.
    """
    folder = Path(tempfile.mkdtemp(prefix="rowcall-bench-", dir=base))
    whole = {**SETTINGS, **(settings or {})}
    try:
        folder.chmod(0o711)  # every account may pass through, the server's too; it has a folder of its own below
        data = folder / "data"
        with start_throwaway(data, whole) as started:
            pid = int((folders_of(data).cluster / "postmaster.pid").read_text().split()[0])
            yield Server(started.dsn, data, pid, started.version, whole)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def a_database(server: Server, name: str, *, schema: bool = True) -> AsyncIterator[str]:
    """The URL of a new database with Rowcall's schema in it, or empty; dropped afterwards.

    Its name begins with `name`, and is no other's.
    """
    name = f"{name}_{secrets.token_hex(3)}"
    admin = await asyncpg.connect(server.dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        dsn = server.dsn_of(name)
        if schema:
            async with Database.open(dsn, size=1) as database:
                await apply_schema(database)
        try:
            yield dsn
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def a_connection(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection without a time limit."""
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "bench"})
    try:
        yield connection
    finally:
        await connection.close()


def tool(name: str) -> str:
    """One of PostgreSQL's own programs."""
    return find_binaries().tool(name)


def environment_of(dsn: str) -> dict[str, str]:
    """The variables that make PostgreSQL's own programs connect there, so that no password stands in an argument."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    return {
        "PGHOST": query["host"][0],
        "PGPORT": query["port"][0],
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }
