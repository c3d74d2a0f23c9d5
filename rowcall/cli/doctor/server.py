"""PostgreSQL: whether it answers, which one it is, its schema and its clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from rowcall.cli.access import Place
from rowcall.cli.output import span
from rowcall.domain.errors import RowcallError
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.diagnosis import ServerFacts, server_facts
from rowcall.store.migrations import check_schema, pending_migrations, schema_version

from .findings import Finding

OLDEST, NEWEST = 14, 18
TOLERATED_SKEW = timedelta(seconds=2)
CONNECTIONS_LEFT = 10
"""For heartbeats, listeners, people and backups."""


async def look_at_server(place: Place, settings: Settings) -> list[Finding]:
    """All findings on the server. Raises StoreUnavailable when it stops answering."""
    asked_at, started = datetime.now(UTC), time.monotonic()
    facts = await server_facts(place.database)
    took = timedelta(seconds=time.monotonic() - started)
    where = "DATABASE_URL" if place.embedded is None else "embedded"
    if place.embedded is not None and place.embedded.owner:
        where += ", not running: started for this look"
    answer = f"database {facts.database} as {facts.role} ({where}), answered in {span(took)}"
    return [
        Finding.ok("database", answer),
        _version(facts),
        await _pooler(place.database, facts),
        _connections(facts, settings),
        _clock(facts, asked_at, took),
        await _schema(place.database),
    ]


def _version(facts: ServerFacts) -> Finding:
    found, major = f"PostgreSQL {facts.version}", facts.version_number // 10_000
    if facts.is_standby:
        return Finding.fail("server", f"{found}, a standby: it takes no changes", "name the primary in DATABASE_URL")
    if major < OLDEST:
        return Finding.fail("server", found, f"upgrade the server: {OLDEST} to {NEWEST} are supported")
    if major > NEWEST:
        return Finding.warn("server", found, f"look for a newer Rowcall: this one was made for {OLDEST} to {NEWEST}")
    return Finding.ok("server", found)


async def _pooler(database: Database, facts: ServerFacts) -> Finding:
    """A pooler takes away what belongs to a session; the way past it must lead to the same database."""
    if not database.pooled:
        return Finding.ok("pooler", "none stands between")
    to_do = "set ROWCALL_DIRECT_DATABASE_URL to the same database, at PostgreSQL itself"
    if database.direct_dsn is None:
        found = "one stands between: no notifications, so runs may start late, and no `rowcall migrate`"
        return Finding.warn("pooler", found, to_do)
    try:
        async with Database.open(database.direct_dsn, size=1, timeout_seconds=database.timeout_seconds) as direct:
            there = await server_facts(direct)
    except RowcallError as fault:
        return Finding.fail("pooler", f"past it: {fault}", to_do)
    if direct.pooled:
        return Finding.fail("pooler", "ROWCALL_DIRECT_DATABASE_URL leads through one too", to_do)
    if (there.database, there.started_at) != (facts.database, facts.started_at):
        return Finding.fail("pooler", f"past it is another database: {there.database}", to_do)
    return Finding.ok("pooler", "one stands between, and ROWCALL_DIRECT_DATABASE_URL leads past it")


def _connections(facts: ServerFacts, settings: Settings) -> Finding:
    found = f"{settings.database_pool_size} per process, of {facts.max_connections}"
    if settings.database_pool_size + CONNECTIONS_LEFT > facts.max_connections:
        return Finding.warn("connections", found, "lower ROWCALL_DATABASE_POOL_SIZE or raise max_connections")
    return Finding.ok("connections", found)


def _clock(facts: ServerFacts, asked_at: datetime, took: timedelta) -> Finding:
    """The server's clock against ours at the middle of the question; half of what it took is the error."""
    skew = abs(facts.now - (asked_at + took / 2))
    found = f"this host and the server differ by {span(skew)}"
    if skew - took / 2 <= TOLERATED_SKEW:
        return Finding.ok("clock", found)
    return Finding.warn(
        "clock", found, "synchronise both (NTP): schedules go by the server's clock, logs by the host's"
    )


async def _schema(database: Database) -> Finding:
    try:
        await check_schema(database)
        pending = await pending_migrations(database)
    except RowcallError as fault:
        return Finding.fail("schema", str(fault), "rowcall migrate")
    version = await schema_version(database)
    if pending:
        return Finding.warn("schema", f"at {version}; {', '.join(pending)} can be applied", "rowcall migrate")
    return Finding.ok("schema", f"at {version}")
