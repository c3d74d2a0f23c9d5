"""A minutely schedule that nobody looked at for a year: half a million occurrences, one row, no time to speak of.

How long the look takes is printed (-s, or -rP) and held to a generous limit only: what is asserted is the work.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowcall.domain.executions import Outcome
from rowcall.domain.triggers import CronTrigger
from rowcall.store.auditing import audit
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.unroutable import answer_unroutable
from tests.store.stories import (
    MINUTE,
    ASchedule,
    AWorker,
    Connection,
    assert_chain_holds,
    claim,
    finish,
    ledger,
)

YEAR = timedelta(days=365)
A_YEAR_AGO = datetime.now(UTC).replace(second=0, microsecond=0) - YEAR
GRACE = 15 * MINUTE
GENEROUS_SECONDS = 1.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts under "next" how often a cron expression was asked for an occurrence."""
    counted: Counter[str] = Counter()
    original = CronTrigger.next_after

    def next_after(self: CronTrigger, moment: datetime) -> datetime | None:
        counted["next"] += 1
        return original(self, moment)

    monkeypatch.setattr(CronTrigger, "next_after", next_after)
    return counted


async def left_alone(database: Database, db: Connection, a_schedule: ASchedule, worker: int, **columns: Any) -> int:
    """A minutely schedule that ran once, a year ago, and since then nobody was there."""
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1", A_YEAR_AGO - MINUTE)
    schedule_id = await a_schedule(cron_expression="* * * * *", created_at=A_YEAR_AGO, **columns)
    [first] = await claim(database, worker, now=A_YEAR_AGO + MINUTE)
    await finish(database, worker, (first, Outcome.succeeded()))
    return schedule_id


async def present(db: Connection) -> datetime:
    moment: datetime = await db.fetchval("SELECT clock_timestamp()")
    return moment


async def test_a_year_alone_is_one_missed_row_and_a_look_of_milliseconds(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, asked: Counter[str]
) -> None:
    alone = await left_alone(database, db, a_schedule, worker)
    now = await present(db)
    asked.clear()

    began = time.perf_counter()
    found = await look(database, worker, ["work"], 10, now=now)
    seconds = time.perf_counter() - began

    minute = now.replace(second=0, microsecond=0)
    print(f"\nthe look took {seconds * 1000:.1f} ms and asked for {asked['next']} occurrences")
    [latest] = found.claims
    assert await ledger(db, alone) == [
        ("SUCCEEDED", A_YEAR_AGO + MINUTE), ("MISSED", minute - GRACE), ("RUNNING", minute),
    ]  # fmt: skip
    assert len(found.recorded) == 1
    await assert_chain_holds(db, alone)
    assert asked["next"] < 300
    assert seconds < GENEROUS_SECONDS
    await finish(database, worker, (latest, Outcome.succeeded()))
    assert (await audit(database)).findings == []


async def test_a_year_without_a_worker_that_can_run_it_is_one_missed_row(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, a_worker: AWorker, asked: Counter[str]
) -> None:
    alone = await left_alone(database, db, a_schedule, worker)
    await db.execute("DELETE FROM rowcall.workers")
    await a_worker("other")
    now = await present(db)
    asked.clear()

    began = time.perf_counter()
    [missed] = await answer_unroutable(database, ["other"], now=now)
    seconds = time.perf_counter() - began

    print(f"\nthe sweep's part took {seconds * 1000:.1f} ms and asked for {asked['next']} occurrences")
    minute = now.replace(second=0, microsecond=0)
    assert await ledger(db, alone) == [("SUCCEEDED", A_YEAR_AGO + MINUTE), ("MISSED", minute - GRACE)]
    assert missed["reason"].startswith("unroutable: no live worker offered task 'work'")
    await assert_chain_holds(db, alone)
    assert asked["next"] < 300
    assert seconds < GENEROUS_SECONDS
    assert (await audit(database)).findings == []


async def test_a_year_of_pause_is_one_skipped_row(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, asked: Counter[str]
) -> None:
    alone = await left_alone(database, db, a_schedule, worker)
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = 'a sabbatical'")
    await db.execute(
        "UPDATE rowcall.schedule_versions SET valid_from = $1 WHERE status = 'PAUSED'", A_YEAR_AGO + 1.5 * MINUTE
    )
    await db.execute("UPDATE rowcall.schedules SET status = 'ACTIVE'")
    asked.clear()

    began = time.perf_counter()
    found = await look(database, worker, ["work"], 10)
    seconds = time.perf_counter() - began

    print(f"\nthe look took {seconds * 1000:.1f} ms and asked for {asked['next']} occurrences")
    assert found.planned == 1
    assert [status for status, _ in await ledger(db, alone)] == ["SUCCEEDED", "SKIPPED"]
    await assert_chain_holds(db, alone)
    assert asked["next"] < 300
    assert seconds < GENEROUS_SECONDS
    assert (await audit(database)).findings == []
