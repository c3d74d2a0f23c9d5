"""Statements counted by the server's own log, which no client can forget to count."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import asyncpg

from .server import Server

_LOGGED = re.compile(r"^\S+ \S+ \S+ \[\d+\] (.*?) LOG:  (?:execute [^:]*|statement): (.*)$", re.MULTILINE)
_TIMED = re.compile(r"^\S+ \S+ \S+ \[\d+\] rowcall.*? LOG:  duration: ([0-9.]+) ms  execute [^:]*: (.*)$", re.MULTILINE)
RELOAD_SECONDS = 0.2


@dataclass(slots=True)
class Statements:
    """How many statements were sent: by the name of the application, and by that of the store's file or their text."""

    by_sender: Counter[str] = field(default_factory=Counter)
    by_name: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All of them."""
        return self.by_sender.total()


@asynccontextmanager
async def counting_statements(
    server: Server, connection: asyncpg.Connection[asyncpg.Record]
) -> AsyncIterator[Statements]:
    """Count those of Rowcall while the block runs; the numbers are there when it has ended. Costs a line of log each.

    All databases of the server are counted together.
    """
    statements = Statements()
    await _log(connection, log_statement="all", log_parameter_max_length="0")
    begin = server.log.stat().st_size
    try:
        yield statements
    finally:
        with server.log.open("rb") as log:
            log.seek(begin)
            written = log.read().decode("utf-8", "replace")
        await _log(connection, log_statement="none")
    for sender, text in _LOGGED.findall(written):
        if sender.startswith("rowcall"):
            statements.by_sender[sender] += 1
            statements.by_name[_names().get(text.strip(), text.strip())] += 1


class Timings:
    """How long each statement took on the server, read from its log as it grows."""

    def __init__(self, server: Server) -> None:
        self._log = server.log
        self._read = self._log.stat().st_size

    def news(self) -> dict[str, list[float]]:
        """Seconds of each statement since the last time this was asked, by the name of the store's file."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            written = log.read()
        whole = written[: written.rfind(b"\n") + 1]
        self._read += len(whole)
        found: dict[str, list[float]] = {}
        for milliseconds, text in _TIMED.findall(whole.decode("utf-8", "replace")):
            if (name := _names().get(text.strip())) is not None:
                found.setdefault(name, []).append(float(milliseconds) / 1e3)
        return found


@asynccontextmanager
async def timing_statements(server: Server, connection: asyncpg.Connection[asyncpg.Record]) -> AsyncIterator[Timings]:
    """Have the server log how long each statement takes, while the block runs."""
    await _log(connection, log_min_duration_statement="0", log_parameter_max_length="0")
    try:
        yield Timings(server)
    finally:
        await _log(connection, log_min_duration_statement="-1")


@cache
def _names() -> dict[str, str]:
    """The first line of each statement of the store, and what it is called."""
    folder = files("rowcall.store").joinpath("sql")
    return {
        each.read_text(encoding="utf-8").split("\n", 1)[0].strip(): each.name.removesuffix(".sql")
        for each in folder.iterdir()
        if each.name.endswith(".sql")
    }


async def _log(connection: asyncpg.Connection[asyncpg.Record], **settings: str) -> None:
    """Change what is logged, in all sessions."""
    for name, value in settings.items():
        await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(RELOAD_SECONDS)
