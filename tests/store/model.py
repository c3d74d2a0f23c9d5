"""A store whose clock stands still until it is told to go on, and what can be said of any two looks at it.

The clock is the database's own: in front of PostgreSQL's three clock functions stand three of the same names that read
a table. So all moments agree, leases and retries and the audit's present too, and an hour takes no time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar
from unittest.mock import patch

import asyncpg

from rowcall.store.connecting import NAMES
from rowcall.store.database import Database
from tests.store.stories import NOON

Answered = TypeVar("Answered")
Columns = dict[str, Any]

STANDING_CLOCK = """
CREATE SCHEMA standing;
CREATE TABLE standing.clock (moment timestamptz NOT NULL);
INSERT INTO standing.clock VALUES (pg_catalog.now());
CREATE FUNCTION standing.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT moment FROM standing.clock';
CREATE FUNCTION standing.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT standing.now()';
CREATE FUNCTION standing.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT standing.now()';
DO $$
DECLARE
    dated record;
BEGIN
    FOR dated IN SELECT table_name, column_name FROM information_schema.columns
                  WHERE table_schema = 'rowcall' AND column_default LIKE '%now()%' LOOP
        EXECUTE format('ALTER TABLE rowcall.%I ALTER COLUMN %I SET DEFAULT standing.now()',
                       dated.table_name, dated.column_name);
    END LOOP;
    ALTER FUNCTION rowcall.schedule_is_about_to_change() SET search_path = standing, pg_catalog;
END $$;
"""

EMPTIED = """
TRUNCATE rowcall.schedules, rowcall.schedule_versions, rowcall.schedule_executions, rowcall.open_executions,
         rowcall.outcomes, rowcall.workers, rowcall.tasks RESTART IDENTITY;
ALTER SEQUENCE rowcall.execution_ids RESTART;
"""

NEVER_RAN = ("SKIPPED", "MISSED")
OPEN = ("QUEUED", "RUNNING")
SUCCEEDED = ("SUCCEEDED",)
FAILED = ("FAILED", "TIMED_OUT", "LOST")


class Store:
    """The store on a database of its own, with a loop of its own, for tests that are no coroutines."""

    def __init__(self, runner: asyncio.Runner, database: Database, db: asyncpg.Connection[asyncpg.Record]) -> None:
        self._runner = runner
        self.database = database
        self.db = db

    def run(self, doing: Coroutine[Any, Any, Answered]) -> Answered:
        return self._runner.run(doing)

    def empty(self) -> None:
        """Back to nothing, at NOON."""
        self.run(self.db.execute(EMPTIED))
        self.set_clock(NOON)

    def set_clock(self, moment: datetime) -> None:
        self.run(self.db.execute("UPDATE standing.clock SET moment = $1", moment))

    def snapshot(self) -> Snapshot:
        return self.run(_snapshot(self.db))


@contextmanager
def standing_store(dsn: str) -> Iterator[Store]:
    """The store on this database, in which time stands still from now on."""
    names = patch.dict(NAMES, search_path="standing,pg_catalog")
    with names, asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(_stop_the_clock(dsn))
        opening = Database.open(dsn, size=2)
        database = runner.run(opening.__aenter__())
        db = runner.run(_connect(dsn))
        try:
            yield Store(runner, database, db)
        finally:
            runner.run(db.close())
            runner.run(opening.__aexit__(None, None, None))


async def _connect(dsn: str) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(dsn)


async def _stop_the_clock(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(STANDING_CLOCK)
        await connection.execute("UPDATE rowcall.installation SET history_floor_at = $1", NOON - timedelta(days=1))
    finally:
        await connection.close()


@dataclass(frozen=True)
class Snapshot:
    """All schedules, executions and open executions, each by its id."""

    schedules: dict[int, Columns]
    ledger: dict[int, Columns]
    opened: dict[int, Columns]

    def of(self, schedule_id: int) -> list[Columns]:
        """The executions of a schedule in order of their occurrences."""
        rows = [row for row in self.ledger.values() if row["schedule_id"] == schedule_id]
        return sorted(rows, key=lambda row: (row["scheduled_for"], row["execution_id"]))

    def is_run_by(self, execution_id: int, worker_id: int, fence: int) -> bool:
        """Whether this worker has the lease of this execution, at this fence."""
        row = self.opened.get(execution_id)
        return row is not None and (row["worker_id"], row["fence"]) == (worker_id, fence)

    def takes_place(self, schedule_id: int) -> list[int]:
        """The open executions of a schedule that do not wait for another of them."""
        return [
            execution_id
            for execution_id, row in self.opened.items()
            if row["schedule_id"] == schedule_id and (row["worker_id"] or row["available_at"])
        ]

    def waiting(self, schedule_id: int) -> int:
        of_it = [row for row in self.opened.values() if row["schedule_id"] == schedule_id]
        return len(of_it) - len(self.takes_place(schedule_id))

    def has_room(self, schedule_id: int) -> bool:
        return len(self.takes_place(schedule_id)) < int(self.schedules[schedule_id]["max_instances"])

    def changed_since(self, before: Snapshot) -> set[int]:
        """The executions that are new, or not as they were."""
        return {id_ for id_, row in self.ledger.items() if before.ledger.get(id_) != row}


async def _snapshot(db: asyncpg.Connection[asyncpg.Record]) -> Snapshot:
    schedules = await db.fetch("SELECT * FROM rowcall.schedules")
    ledger = await db.fetch("SELECT * FROM rowcall.schedule_executions")
    opened = await db.fetch("SELECT * FROM rowcall.open_executions")
    assert len({row["execution_id"] for row in ledger}) == len(ledger)
    return Snapshot(
        {row["schedule_id"]: dict(row) for row in schedules},
        {row["execution_id"]: dict(row) for row in ledger},
        {row["execution_id"]: dict(row) for row in opened},
    )


# ── what holds of every step ──────────────────────────────────────────────────────────────────────────────────────────


def assert_step_is_lawful(before: Snapshot, after: Snapshot, asked_for: set[int]) -> None:
    """What holds from one look to the next, whatever was done; `asked_for` are runs that were told not to wait."""
    assert before.ledger.keys() <= after.ledger.keys()
    for execution_id, row in after.ledger.items():
        known = before.ledger.get(execution_id)
        _assert_fence_only_rises(known, row, after.schedules[row["schedule_id"]]["max_retries"])
        if known is not None and known["status"] not in OPEN:
            assert row == known, "what is final was changed"
    _assert_tables_agree(after)
    for schedule_id, schedule in after.schedules.items():
        rows = after.of(schedule_id)
        _assert_chain_holds(schedule, rows)
        _assert_runs_are_counted(schedule, rows)
        crowd = len(set(after.takes_place(schedule_id)) - asked_for)
        crowd_before = len(set(before.takes_place(schedule_id)) - asked_for)
        assert crowd <= max(schedule["max_instances"], crowd_before), "more are open than may be"


def _assert_fence_only_rises(before: Columns | None, after: Columns, max_retries: int) -> None:
    fence, attempt, status = (0, 0, "") if before is None else (before["fence"], before["attempt"], before["status"])
    is_claimed = after["status"] == "RUNNING" and status != "RUNNING"
    assert after["fence"] == fence + is_claimed
    assert 0 <= after["attempt"] <= max_retries + 1
    if is_claimed:
        assert after["attempt"] == attempt + 1
    elif after["status"] == "RUNNING" and before is not None:
        assert (after["attempt"], after["worker_id"]) == (attempt, before["worker_id"])
    else:
        assert after["attempt"] in (attempt, attempt - (status == "RUNNING" and after["status"] == "QUEUED"))


def _assert_tables_agree(now: Snapshot) -> None:
    shared = ("schedule_id", "scheduled_for", "available_at", "cancel_requested_at", "fence", "priority", "trigger")
    for execution_id, row in now.opened.items():
        ledger = now.ledger[execution_id]
        assert ledger["status"] == ("QUEUED" if row["worker_id"] is None else "RUNNING")
        assert {name: ledger[name] for name in (*shared, "worker_id")} == {
            name: row[name] for name in (*shared, "worker_id")
        }
    assert {id_ for id_, row in now.ledger.items() if row["status"] in OPEN} == now.opened.keys()


def _assert_chain_holds(schedule: Columns, rows: list[Columns]) -> None:
    assert schedule["status"] != "INVALID"
    chain = [row for row in rows if row["trigger"] == "schedule"]
    assert all(later["covers_after"] == earlier["scheduled_for"] for earlier, later in pairwise(chain))
    assert all(count == 1 for count in Counter(row["scheduled_for"] for row in chain).values())
    assert schedule["last_occurrence_at"] == (chain[-1]["scheduled_for"] if chain else None)
    assert chain == [] or chain[0]["covers_after"] is None
    if schedule["next_run_at"] is not None:
        assert schedule["status"] == "ACTIVE"
        assert chain == [] or schedule["next_occurrence_at"] > schedule["last_occurrence_at"]
        assert schedule["next_run_at"] >= schedule["next_occurrence_at"]


def _assert_runs_are_counted(schedule: Columns, rows: list[Columns]) -> None:
    scheduled = [row for row in rows if row["trigger"] == "schedule" and row["status"] not in NEVER_RAN]
    assert schedule["scheduled_runs"] == len(scheduled)
    assert schedule["total_runs"] == sum(row["fence"] > 0 for row in rows)
    assert schedule["successful_runs"] <= _count(rows, SUCCEEDED)
    assert schedule["failed_runs"] <= _count(rows, FAILED)


def assert_outcomes_are_counted(now: Snapshot) -> None:
    """What holds once all outcomes are folded."""
    for schedule_id, schedule in now.schedules.items():
        rows = now.of(schedule_id)
        assert schedule["successful_runs"] == _count(rows, SUCCEEDED)
        assert schedule["failed_runs"] == _count(rows, FAILED)


def _count(rows: list[Columns], statuses: tuple[str, ...]) -> int:
    return sum(row["status"] in statuses for row in rows)
