"""What went wrong is found in a long ledger without reading what went well."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from rowcall.store import schedule_lists
from rowcall.store.database import PROBES, Database
from rowcall.store.executions import ExecutionFilter, Position, list_executions
from tests.store.plans import rows_read
from tests.store.stories import ASchedule, Connection

WRONG = ["FAILED", "TIMED_OUT", "LOST", "SKIPPED", "MISSED"]
ENDINGS = "('{SUCCEEDED,FAILED,SUCCEEDED,TIMED_OUT,CANCELLED,LOST,SKIPPED,MISSED,SUCCEEDED}'::text[])"
LAST = 2**63 - 1


@pytest.fixture
async def ledger(db: Connection, a_schedule: ASchedule) -> list[int]:
    """Two schedules of two clients over three days: 30,000 runs that went well, and before them 90 of every ending."""
    own, other = await a_schedule(client_id="own"), await a_schedule(client_id="other")
    await db.execute("SELECT rowcall.ensure_partitions('2035-06-01Z', '2035-06-04Z')")
    for count, status in ((90, f"{ENDINGS}[1 + i % 9]"), (30000, "'SUCCEEDED'")):
        await db.execute(
            "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, schedule_version, priority, trigger,"
            " status, task_type, input_data, finished_at, error_message, reason)"
            " SELECT ($1::bigint[])[1 + i % 2],"
            " '2035-06-01Z'::timestamptz + i % 72 * interval '1 hour' + i * interval '1 second' + $2::text::interval,"
            f" 1, 5, 'schedule', {status}, 'work', '{{}}', now(),"
            f" CASE WHEN {status} IN ('FAILED', 'TIMED_OUT', 'LOST') THEN 'no such host' END,"
            f" CASE WHEN {status} IN ('CANCELLED', 'SKIPPED', 'MISSED') THEN 'so it is' END"
            " FROM generate_series(0, $3::int - 1) AS i",
            [own, other], "0.5s" if count == 90 else "0s", count,
        )  # fmt: skip
    await db.execute("ANALYZE")
    return [own, other]


async def every(database: Database, wanted: ExecutionFilter) -> list[int]:
    """All of them, page by page."""
    found: list[int] = []
    position: Position | None = None
    while page := await list_executions(database, wanted, position, 7):
        found += [row["execution_id"] for row in page]
        position = Position(page[-1]["scheduled_for"], found[-1], is_manual=False)
    return found


@pytest.mark.usefixtures("ledger")
async def test_what_went_wrong_is_listed_whole(
    database: Database, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_lists, "FEW_LOOKED_AT", 0)  # clients with many schedules are walked through by id
    for statuses, client_id in product((["FAILED"], ["SKIPPED", "LOST"], WRONG), (None, "own")):
        expected = await db.fetch(
            "SELECT e.execution_id FROM rowcall.schedule_executions AS e JOIN rowcall.schedules AS s"
            " USING (schedule_id) WHERE e.status = ANY ($1) AND s.client_id = coalesce($2, s.client_id)"
            " ORDER BY e.execution_id DESC",
            statuses, client_id,
        )  # fmt: skip
        assert expected
        found = await every(database, ExecutionFilter(statuses=statuses, client_id=client_id))
        assert found == [row["execution_id"] for row in expected]


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_a_page_of_what_went_wrong_reads_nothing_that_went_well(db: Connection, plan: str) -> None:
    for name, value in {**PROBES, "plan_cache_mode": plan}.items():
        await db.execute(f"SET {name} = '{value}'")
    anything: list[Any] = [None] * 4
    read = {
        "a kind": await rows_read(db, "list_executions_not_well", LAST, 100, ["FAILED"], *anything, None, None),
        "all": await rows_read(db, "list_executions_not_well", LAST, 100, WRONG, *anything, None, None),
        "of a client": await rows_read(db, "list_executions_not_well", LAST, 10, WRONG, *anything, "own", "true"),
    }
    assert {name: count for name, count in read.items() if count > 150} == {}


@pytest.mark.usefixtures("ledger")
async def test_an_end_that_went_well_changes_no_index(db: Connection) -> None:
    """Of a run that is RUNNING only the row changes: what executions_not_well stands on stays NULL."""
    updated = (
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'schedule_executions_20350601'"
    )
    async with db.transaction():
        await db.execute(
            "UPDATE rowcall.schedule_executions SET finished_at = now(), status = 'SUCCEEDED', error_message = NULL"
            " WHERE execution_id IN (SELECT min(execution_id) FROM rowcall.schedule_executions"
            " WHERE scheduled_for < '2035-06-02Z' AND status = 'SUCCEEDED' AND error_message IS NULL)"
        )
        row = await db.fetchrow(updated)
        assert row is not None
        assert tuple(row) == (1, 1)
