"""What people and workers ask of the store, each timed by itself: the operations whose cost must not grow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import asyncpg

from bench.harness.filling import fill, not_due, tidy
from bench.harness.server import Server, a_connection, a_database
from rowcall.domain.access import Access, Scope
from rowcall.domain.definitions import define
from rowcall.domain.executions import Outcome
from rowcall.domain.explain import explain_now
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.executions import ExecutionFilter, execute_schedule, list_executions
from rowcall.store.explaining import standing_of
from rowcall.store.finishing import Result, record_results
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.store.monitoring import metrics_row, stats
from rowcall.store.schedule_lists import ScheduleFilter, list_schedules
from rowcall.store.schedules import (
    create_schedule,
    find_schedule,
    lock_schedule,
    resolve_schedule,
)

CEILINGS_MS = {
    "create": 10,
    "list of 100": 25,
    "list of 100 of a client": 25,
    "list of 100 of a project": 25,
    "list of those paused": 25,
    "list of a rare task": 25,
    "get by name": 5,
    "execute": 100,
    "look, nothing due": 50,
    "look, one requested": 50,
}
"""What each must stay under on any machine, with a million schedules in the table."""

TASK = "unhurried"
"""Of the schedules that operations are about. No other worker has it: runs that go on meanwhile are none of theirs."""

IDLE_ROUTES = (TASK, "http")
CLAIMED_ROUTES = ("claimed",)
PER_PROJECT = 100
CLAIMED_AT_ONCE = 25
CLAIMS = 20
WRITTEN = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
SPREAD_DUE = """
    UPDATE rowcall.schedules
       SET task_type = 'claimed', route = 'claimed', next_run_at = now() - interval '1 minute',
           next_occurrence_at = date_trunc('minute', now()) - interval '5 minutes',
           last_occurrence_at = date_trunc('minute', now()) - interval '1 day'
     WHERE name = ANY (SELECT 'bench-' || (n * ($1::int / $2::int) | 1) FROM generate_series(0, $2::int - 1) AS n)
"""
"""Due ones all over the table, so that a claim meets as many pages as it has schedules, where there are so many; of
every two neighbours the second, which is none of the default client's. There have to be twice as many schedules.
"""

RARE = """
    WITH few AS (
        UPDATE rowcall.schedules SET task_type = 'rare', route = 'rare'
         WHERE name = ANY (SELECT 'bench-' || n FROM generate_series($1::int - 20, $1::int - 1, 2) AS n)
     RETURNING schedule_id
    ), paused AS (
        UPDATE rowcall.schedules SET status = 'PAUSED', next_run_at = NULL, next_occurrence_at = NULL
         WHERE name = ANY (SELECT 'bench-' || n FROM generate_series($1::int - 60, $1::int - 21, 2) AS n)
    )
    UPDATE rowcall.schedule_terms AS t SET term = 'task:rare'
      FROM few AS f
     WHERE t.schedule_id = f.schedule_id AND t.term LIKE 'task:%'
"""
"""Ten of a rare task and twenty that are paused, where a walk along the ids would come to last."""


@asynccontextmanager
async def a_populated_database(server: Server, count: int) -> AsyncIterator[Operations]:
    """A database with so many schedules, of which 500 are due, of a task type of their own."""
    async with a_database(server, f"scale_{count}") as dsn:
        async with a_connection(dsn) as connection, connection.transaction():
            await fill(
                connection, not_due(count, datetime.now(UTC), task_type=TASK, per_project=PER_PROJECT), whole=True
            )
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(SPREAD_DUE, count, CLAIMED_AT_ONCE * CLAIMS)
            await connection.execute(RARE, count)
        async with a_connection(dsn) as connection:
            await tidy(connection)
        async with Database.open(dsn, size=2) as database, a_connection(dsn) as connection:
            card = WorkerCard("bench", "bench", 0, "0", [], [*IDLE_ROUTES, *CLAIMED_ROUTES], CLAIMED_AT_ONCE, 3600.0)
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
        number = 2 * chosen.randrange(self.count // 2 - 50)  # every other one is the default client's
        name = f"bench-{number}"
        client = f"default{number // (2 * PER_PROJECT)}"
        project = {"project": f"p{number // PER_PROJECT}"}
        spans = {
            "next due": await _timed(lambda: self.database.fetch("peek", IDLE_ROUTES, None, None, None)),
            "look, nothing due": await _timed(self._look),
            "get by name": await _timed(lambda: self._get(name)),
            "list of 100": await _timed(lambda: self._list(number, 100)),
            "list of 100 of a client": await _timed(lambda: self._list(0, 100, client_id=client)),
            "list of 100 of a project": await _timed(lambda: self._list(0, 100, labels=project)),
            "list of those paused": await _timed(lambda: self._list(0, 20, statuses=["PAUSED"])),
            "list of a rare task": await _timed(lambda: self._list(0, 10, task_type="rare")),
            "executions of a schedule": await _timed(lambda: self._executions(number)),
            "explain": await _timed(lambda: self._explain(name)),
            "create": await _timed(lambda: self._create(f"created-{turn}-{time.monotonic_ns()}")),
            "execute": await _timed(lambda: self._execute(name)),
        }
        found: list[Claim] = []

        async def look_for_it() -> None:
            found.extend(await self._look())

        spans["look, one requested"] = await _timed(look_for_it)
        await self._done(found, 1)
        return spans

    async def counting(self, _turn: int) -> dict[str, float]:
        """What counts all schedules, and so grows with them; how long each took."""
        client = self.database.acting(Access("bench", "default", Scope.READ))
        return {
            "/v1/stats": await _timed(lambda: stats(self.database, 24)),
            "/v1/stats of a client with half of them": await _timed(lambda: stats(client, 24)),
            "v_metrics": await _timed(lambda: metrics_row(self.database)),
        }

    async def _look(self) -> list[Claim]:
        return (await look(self.database, self.worker_id, IDLE_ROUTES, CLAIMED_AT_ONCE)).claims

    async def _done(self, claims: list[Claim], expected: int) -> None:
        """Give them back as done, so that nothing piles up."""
        assert len(claims) == expected, f"{expected} were to be claimed, {len(claims)} were"
        results = [Result(claim, Outcome.succeeded(None), 0.0) for claim in claims]
        await record_results(self.database, self.worker_id, results, Random(1))

    async def _get(self, name: str) -> None:
        await find_schedule(self.database, await resolve_schedule(self.database, "default", name))

    async def _list(self, after: int, expected: int, **wanted: Any) -> None:
        found = await list_schedules(self.database, ScheduleFilter(**wanted), after, 100)
        assert len(found) == expected, f"{expected} schedules were to be listed of {wanted}, {len(found)} were"

    async def _executions(self, number: int) -> None:
        await list_executions(self.database, ExecutionFilter(schedule_id=number + 1), None, 100)

    async def _explain(self, name: str) -> None:
        schedule = await find_schedule(self.database, await resolve_schedule(self.database, "default", name))
        explain_now(await standing_of(self.database, schedule))

    async def _create(self, name: str) -> None:
        fields = {"name": name, "task_type": TASK, "cron_expression": "15 4 * * *", "input_data": {"n": 1}}
        definition = define(fields, now=datetime.now(UTC))
        async with self.database.transaction() as transaction:
            await create_schedule(transaction, definition)

    async def _execute(self, name: str) -> None:
        async with self.database.transaction() as transaction:
            schedule_id = await resolve_schedule(transaction, "default", name)
            await execute_schedule(transaction, await lock_schedule(transaction, schedule_id))

    async def claim(self) -> tuple[float, int]:
        """Claim some of the due ones: how long it took, and how many bytes of write-ahead log."""
        claims: list[Claim] = []

        async def claim() -> None:
            claims.extend((await look(self.database, self.worker_id, CLAIMED_ROUTES, CLAIMED_AT_ONCE)).claims)

        before = await self.connection.fetchval(WRITTEN)
        span = await _timed(claim)
        written = await self.connection.fetchval(WRITTEN) - before
        await self._done(claims, CLAIMED_AT_ONCE)
        return span, written


async def _timed(operation: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await operation()
    return time.perf_counter() - began
