"""What a dump does to a queue: a transaction holds its snapshot, and nothing dead can be cleaned away.

Looks, claims and counting step over no more of it after many rounds than after few. It is told by the pages that they
turn to, which is the same on any machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.counting import LOOK_BACK_BATCHES, fold_outcomes
from rowcall.store.database import PROBES, Database
from tests.store.plans import pages_visited
from tests.store.stories import NOON, ASchedule, Connection, finish

FIRING = 20
EVERY = timedelta(seconds=20)
LOOK_BACK = timedelta(seconds=1)
LEASES = """
    INSERT INTO rowcall.open_executions
           (execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, route)
    SELECT 900000 + n, n, now(), $1::bigint, 1, 5, 'schedule', 'work' FROM generate_series(1, 20000) AS n
"""
"""Twenty thousand runs of a worker."""

BATCHES = """
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
    SELECT ARRAY[$1::bigint], ARRAY[n], '{SUCCEEDED}' FROM generate_series(1, $2::int) AS n
"""


@pytest.fixture
async def held(dsn: str) -> AsyncIterator[None]:
    """A transaction that has looked once and stays open."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute("CREATE TEMPORARY TABLE a_report ON COMMIT DROP AS SELECT now() AS began_at")
        yield
    await connection.close()


@pytest.fixture
async def asked(dsn: str) -> AsyncIterator[Connection]:
    """A connection that plans as those of the store do."""
    connection = await asyncpg.connect(dsn, server_settings=dict(PROBES), statement_cache_size=0)
    yield connection
    await connection.close()


class Stream:
    """Schedules that fire in turn, and a worker that looks for each where it looked last."""

    def __init__(self, database: Database, worker_id: int) -> None:
        self._database = database
        self._worker_id = worker_id
        self._counted_since = 0
        self.since: datetime | None = None
        self.now = NOON

    async def fires(self, rounds: int) -> None:
        for _ in range(rounds):
            found = await look(self._database, self._worker_id, ["work"], 2 * FIRING, since=self.since, now=self.now)
            assert len(found.claims) == FIRING
            assert found.all_answered_before is not None
            self.since = found.all_answered_before - LOOK_BACK
            await finish(self._database, self._worker_id, *((claim, Outcome.succeeded()) for claim in found.claims))
            counted = await fold_outcomes(self._database, since=self._counted_since)
            assert counted.changed == FIRING
            self._counted_since = counted.next_since
            self.now += EVERY


async def test_looks_and_claims_step_over_no_more_of_the_dead_after_many_rounds(
    database: Database, asked: Connection, a_schedule: ASchedule, worker: int, held: None
) -> None:
    for _ in range(FIRING):
        await a_schedule(interval_seconds=EVERY.seconds)
    stream = Stream(database, worker)

    async def a_look() -> int:
        peek = await pages_visited(asked, "peek", ["work"], stream.now, stream.since, None)
        return peek + await pages_visited(asked, "claim_due", ["work"], [5], FIRING, stream.now, stream.since, None)

    await stream.fires(3)
    at_first = await a_look()
    await stream.fires(40)
    assert await a_look() <= 1.5 * at_first

    stream.since = None  # as the sweep does, and as all looks did: then the dead are counted
    assert await a_look() > 3 * at_first


async def test_a_readback_steps_over_no_more_dead_leases_after_many_runs(
    database: Database, db: Connection, asked: Connection, a_schedule: ASchedule, worker: int, held: None
) -> None:
    await a_schedule()
    [claimed] = (await look(database, worker, ["work"], 1, now=NOON)).claims

    await db.execute(LEASES, worker)
    through = await db.fetchval("SELECT max(execution_id) FROM rowcall.open_executions")
    await db.execute("DELETE FROM rowcall.open_executions WHERE execution_id <> $1", claimed.execution_id)

    assert await pages_visited(asked, "open_of_worker", worker) > 200
    assert await pages_visited(asked, "open_of_worker_since", worker, [claimed.execution_id], through) < 20


async def test_counting_steps_over_no_more_of_the_dead_after_many_batches(
    database: Database, db: Connection, asked: Connection, a_schedule: ASchedule, held: None
) -> None:
    due = await a_schedule()
    since, visited = 0, list[int]()
    for _ in range(5):
        await db.execute(BATCHES, due, 6 * LOOK_BACK_BATCHES)
        since = (await fold_outcomes(database, since=since)).next_since
        await db.execute(BATCHES, due, 10)
        visited.append(await pages_visited(asked, "fold_outcomes", 5_000, since, None))
    assert visited[-1] <= 1.5 * visited[0]
    assert await pages_visited(asked, "fold_outcomes", 5_000, 0, None) > 3 * visited[0]
