"""What people and workers ask of the store, each timed by itself: the operations whose cost must not grow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import asyncpg

from bench.harness.filling import fill, not_due, tidy
from bench.harness.server import Server, a_connection, a_database
from rowcall.domain.definitions import define
from rowcall.domain.executions import Outcome
from rowcall.domain.explain import explain_now
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.executions import execute_schedule
from rowcall.store.explaining import standing_of
from rowcall.store.finishing import Result, record_results
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.store.schedule_lists import ScheduleFilter, list_schedules
from rowcall.store.schedules import (
    create_schedule,
    find_schedule,
    lock_schedule,
    resolve_schedule,
)

CEILINGS_MS = {"create": 10, "list of 100": 25, "get by name": 5, "execute": 100, "look, nothing due": 50}
"""What each must stay under on any machine, with a million schedules in the table."""

ROUTES = ("claimed", "http")
IDLE_ROUTES = ("http", "noop")
CLAIMED_AT_ONCE = 25
CLAIMS = 20
WRITTEN = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
SPREAD_DUE = """
    UPDATE rowcall.schedules
       SET task_type = 'claimed', route = 'claimed', next_run_at = now() - interval '1 minute',
           next_occurrence_at = date_trunc('minute', now()) - interval '5 minutes',
           last_occurrence_at = date_trunc('minute', now()) - interval '1 day'
     WHERE name = ANY (SELECT 'bench-' || n * ($1::int / $2::int) FROM generate_series(0, $2::int - 1) AS n)
"""
"""Due ones all over the table, so that a claim meets as many pages as it has schedules, where there are so many."""


@asynccontextmanager
async def a_populated_database(server: Server, count: int) -> AsyncIterator[Operations]:
    """A database with so many schedules, of which 500 are due, of a task type of their own."""
    async with a_database(server, f"scale_{count}") as dsn:
        async with a_connection(dsn) as connection, connection.transaction():
            await fill(connection, not_due(count, datetime.now(UTC)), versions=True)
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(SPREAD_DUE, count, CLAIMED_AT_ONCE * CLAIMS)
        async with a_connection(dsn) as connection:
            await tidy(connection)
        async with Database.open(dsn, size=2) as database, a_connection(dsn) as connection:
            card = WorkerCard("bench", "bench", 0, "0", [], ROUTES, CLAIMED_AT_ONCE, 3600.0)
            yield Operations(database, dsn, count, await register_worker(database, card, []), connection)


@dataclass(slots=True)
class Operations:
    """The operations, on one database with `count` schedules named bench-0 and on."""

    database: Database
    dsn: str
    count: int
    worker_id: int
    connection: asyncpg.Connection[asyncpg.Record]

    async def all(self, turn: int) -> dict[str, float]:
        """Each of them once; how long each took. `turn` says which schedules are chosen, by a fixed chance."""
        chosen = Random(turn)
        number = chosen.randrange(self.count)
        return {
            "peek": await _timed(lambda: self.database.fetch("peek", IDLE_ROUTES, None, None, None)),
            "look, nothing due": await _timed(self._look),
            "get by name": await _timed(lambda: self._get(f"bench-{number}")),
            "list of 100": await _timed(lambda: self._list(chosen.randrange(max(1, self.count - 100)))),
            "explain": await _timed(lambda: self._explain(f"bench-{number}")),
            "create": await _timed(lambda: self._create(f"created-{turn}-{time.monotonic_ns()}")),
            "execute": await _timed(lambda: self._execute(f"bench-{number}")),
        }

    async def _look(self) -> None:
        await look(self.database, self.worker_id, IDLE_ROUTES, CLAIMED_AT_ONCE)

    async def _get(self, name: str) -> None:
        await find_schedule(self.database, await resolve_schedule(self.database, "default", name))

    async def _list(self, after: int) -> None:
        found = await list_schedules(self.database, ScheduleFilter(client_id="default"), after, 100)
        assert len(found) == 100

    async def _explain(self, name: str) -> None:
        schedule = await find_schedule(self.database, await resolve_schedule(self.database, "default", name))
        explain_now(await standing_of(self.database, schedule))

    async def _create(self, name: str) -> None:
        fields = {"name": name, "task_type": "noop", "cron_expression": "15 4 * * *", "input_data": {"n": 1}}
        definition = define(fields, now=datetime.now(UTC))
        async with self.database.transaction() as transaction:
            await create_schedule(transaction, definition)

    async def _execute(self, name: str) -> None:
        async with self.database.transaction() as transaction:
            schedule_id = await resolve_schedule(transaction, "default", name)
            await execute_schedule(transaction, await lock_schedule(transaction, schedule_id))

    async def claim(self) -> tuple[float, int]:
        """Claim some of the due ones: how long it took, and how many bytes of write-ahead log.

        They are given back as done, so that nothing piles up.
        """
        claims: list[Claim] = []

        async def claim() -> None:
            claims.extend((await look(self.database, self.worker_id, ROUTES, CLAIMED_AT_ONCE)).claims)

        before = await self.connection.fetchval(WRITTEN)
        span = await _timed(claim)
        written = await self.connection.fetchval(WRITTEN) - before
        assert len(claims) == CLAIMED_AT_ONCE
        done = [Result(claim, Outcome.succeeded(None), 0.0) for claim in claims]
        await record_results(self.database, self.worker_id, done, Random(1))
        return span, written


async def _timed(operation: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await operation()
    return time.perf_counter() - began
