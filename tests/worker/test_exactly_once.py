"""Three real workers on one database, and schedules that are due every second: every occurrence once, and none twice.

By itself the test is small: 100 schedules, 8 seconds. The size that Rowcall promises, 500 schedules for a minute, is
run by ``ROWCALL_TEST_FULL_SIZE=1 pytest tests/worker/test_exactly_once.py -s``. How punctual it was is printed (-s, or
-rP), and not asserted: that is the machine's merit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import pytest

from rowcall.store.auditing import audit
from rowcall.store.database import Database
from tests.worker.conftest import StartWorker
from tests.worker.journal import Journal
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

WORKERS = 3


@dataclass(frozen=True)
class Size:
    schedules: int
    seconds: int

    @property
    def occurrences(self) -> int:
        return self.schedules * self.seconds


SIZE = Size(500, 60) if os.environ.get("ROWCALL_TEST_FULL_SIZE") == "1" else Size(100, 8)


async def insert_schedules(schedules: Schedules, size: Size) -> datetime:
    """Schedules due every second from a moment soon on, for so many seconds; the last of these moments.

    All occurrences are run, late ones too (coalesce, overlap_policy), so that the rows can be counted.
    """
    last: datetime = await schedules.db.fetchval(
        "WITH span AS (SELECT s AS starts_at, s + make_interval(secs => $2 - 1) AS ends_at"
        "                FROM (SELECT date_trunc('second', now()) + interval '3 seconds' AS s) AS soon),"
        " made AS (INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds, starts_at, ends_at,"
        '                                         "coalesce", overlap_policy, max_instances)'
        "          SELECT 'every-second-' || k, 'note', 'interval', 1, starts_at, ends_at, 'all', 'allow', 1000"
        "            FROM span, generate_series(1, $1) AS k)"
        " SELECT ends_at FROM span",
        size.schedules,
        size.seconds,
    )
    return last


async def all_answered_for(schedules: Schedules) -> bool:
    """Whether every schedule is over, and nothing of them is open."""
    over: bool = await schedules.db.fetchval(
        "SELECT (SELECT bool_and(status = 'COMPLETED') FROM rowcall.schedules)"
        "   AND NOT EXISTS (SELECT FROM rowcall.open_executions)"
    )
    return over


async def proof(schedules: Schedules) -> asyncpg.Record:
    """The ledger's own account: how many rows and occurrences, how many holes in the chains, how even."""
    [row] = await schedules.db.fetch(
        "SELECT count(*) AS rows, count(DISTINCT (schedule_id, scheduled_for)) AS occurrences,"
        "       count(*) FILTER (WHERE covers_after IS DISTINCT FROM before) AS holes,"
        "       count(*) FILTER (WHERE scheduled_for - before <> interval '1 second') AS leaps,"
        "       count(*) FILTER (WHERE (status, attempt, fence) <> ('SUCCEEDED', 1, 1)) AS not_run_once"
        "  FROM (SELECT e.*, lag(scheduled_for) OVER (PARTITION BY schedule_id ORDER BY scheduled_for) AS before"
        "          FROM rowcall.schedule_executions AS e) AS chain"
    )
    return row


async def tell_how_punctual(schedules: Schedules) -> None:
    """Print how late the runs started, and how they fell to the workers."""
    [late] = await schedules.db.fetch(
        "SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99, 1.0]) WITHIN GROUP"
        "       (ORDER BY round(1000 * extract(epoch FROM executed_at - scheduled_for))) AS of"
        "  FROM rowcall.schedule_executions"
    )
    shares = await schedules.db.fetch("SELECT count(*) FROM rowcall.schedule_executions GROUP BY worker_id")
    told = ", ".join(f"{name} {ms} ms" for name, ms in zip(("p50", "p95", "p99", "max"), late["of"], strict=True))
    print(f"\n{SIZE.occurrences} runs by {[share['count'] for share in shares]}; started late by: {told}")


@pytest.mark.parametrize("notifications", ["on", "off"])
async def test_every_occurrence_of_every_second_is_run_once_by_one_of_three_workers(
    start_worker: StartWorker, schedules: Schedules, database: Database, journal: Journal, notifications: str
) -> None:
    for _ in range(WORKERS):
        start_worker(notifications=notifications, concurrency=40)

    async def all_up() -> bool:
        return len(await schedules.workers("RUNNING")) == WORKERS

    await until(all_up)
    last = await insert_schedules(schedules, SIZE)
    await until(lambda: all_answered_for(schedules), what="the last answer", within=SIZE.seconds + 60)
    await tell_how_punctual(schedules)

    assert dict(await proof(schedules)) == {
        "rows": SIZE.occurrences, "occurrences": SIZE.occurrences, "holes": 0, "leaps": 0, "not_run_once": 0
    }  # fmt: skip
    ran = journal.entries("ran")  # what the ledger says is what the tasks saw
    assert len(ran) == len({entry.execution_id for entry in ran}) == SIZE.occurrences
    assert len({entry.pid for entry in ran}) == WORKERS
    assert (await audit(database, until=last + timedelta(seconds=1))).findings == []
    assert len(await schedules.workers()) == WORKERS  # and none of them had to begin anew
