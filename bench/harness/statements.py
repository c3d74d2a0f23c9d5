"""Statements counted by the server's own log, which no client can forget to count.

What the log tells is set for the whole server, and a statement that is logged before it runs is not told again with its
duration: two that count or time at once would spoil each other's figures, so the second is refused.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
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
    server: Server, connection: asyncpg.Connection[asyncpg.Record], sender: str = "rowcall"
) -> AsyncIterator[Statements]:
    """Count those of applications whose name begins with `sender` while the block runs. Costs a line of log each.

    The numbers are there when the block has ended.

    All databases of the server are counted together.
    """
    statements = Statements()
    async with _logging(server, connection, log_statement="all"):
        begin = server.log.stat().st_size
        yield statements
        with server.log.open("rb") as log:
            log.seek(begin)
            written = log.read().decode("utf-8", "replace")
    for application, text in _LOGGED.findall(written):
        if application.startswith(sender):
            statements.by_sender[application] += 1
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
    async with _logging(server, connection, log_min_duration_statement="0"):
        yield Timings(server)


@cache
def _names() -> dict[str, str]:
    """The first line of each statement of the store, and what it is called."""
    folder = files("rowcall.store").joinpath("sql")
    return {
        each.read_text(encoding="utf-8").split("\n", 1)[0].strip(): each.name.removesuffix(".sql")
        for each in folder.iterdir()
        if each.name.endswith(".sql")
    }


@asynccontextmanager
async def _logging(
    server: Server, connection: asyncpg.Connection[asyncpg.Record], **settings: str
) -> AsyncIterator[None]:
    """Change what is logged, in all sessions, while the block runs. Raises RuntimeError where somebody else has."""
    if server.log_in_use.locked():
        raise RuntimeError("the server's log is read by another benchmark: give each a server of its own")
    settings["log_parameter_max_length"] = "0"
    async with server.log_in_use:
        try:
            await _change(connection, [f"SET {name} = '{value}'" for name, value in settings.items()])
            yield
        finally:
            await _change(connection, [f"RESET {name}" for name in settings])


async def _change(connection: asyncpg.Connection[asyncpg.Record], changes: Sequence[str]) -> None:
    for change in changes:
        await connection.execute(f"ALTER SYSTEM {change}")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(RELOAD_SECONDS)
