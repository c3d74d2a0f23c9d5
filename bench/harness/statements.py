"""Statements counted by the server's own log, which no client can forget to count."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from .server import Server

_LOGGED = re.compile(rb"^\S+ \S+ \S+ \[\d+\] (.*?) LOG:  (?:execute [^:]*|statement): ", re.MULTILINE)
RELOAD_SECONDS = 0.2


@dataclass(slots=True)
class Statements:
    """How many statements each application sent, by its name."""

    counted: Counter[str] = field(default_factory=Counter)

    def of(self, prefix: str) -> int:
        """Those of applications whose name begins so."""
        return sum(count for name, count in self.counted.items() if name.startswith(prefix))


@asynccontextmanager
async def counting_statements(
    server: Server, connection: asyncpg.Connection[asyncpg.Record]
) -> AsyncIterator[Statements]:
    """Count while the block runs; the numbers are there when it has ended. Costs a line of log per statement."""
    statements = Statements()
    await _log(connection, "all")
    begin = server.log.stat().st_size
    try:
        yield statements
    finally:
        with server.log.open("rb") as log:
            log.seek(begin)
            written = log.read()
        await _log(connection, "none")
    names = (name.decode("utf-8", "replace") for name in _LOGGED.findall(written))
    statements.counted.update(name for name in names if name != "bench")


async def _log(connection: asyncpg.Connection[asyncpg.Record], what: str) -> None:
    """Log statements of whichever kind, without their arguments, in all sessions."""
    await connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
    await connection.execute("ALTER SYSTEM SET log_parameter_max_length = 0")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(RELOAD_SECONDS)
