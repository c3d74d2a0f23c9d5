"""Executions in the store: a run on request waits its turn, and a cancel never crosses a claim or a finish."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rowcall.domain.errors import Conflict, InvalidInput, NotFound
from rowcall.domain.executions import Outcome
from rowcall.store.database import Database
from rowcall.store.executions import (
    ExecutionFilter,
    cancel_execution,
    execute_schedule,
    find_execution,
    list_executions,
)
from rowcall.store.schedules import lock_schedule
from tests.store.plans import rows_read
from tests.store.stories import (
    NOON,
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    claim,
    execution,
    finish,
    until_waiting_for_a_lock,
)


async def test_a_request_is_run_next_and_leaves_the_schedule_as_planned(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, an_execution: AnExecution
) -> None:
    schedule_id = await a_schedule(next_occurrence_at=NOON, next_run_at=NOON)
    worker_id = await a_worker()
    requested = await an_execution(schedule_id)

    [claimed] = await claim(database, worker_id, now=NOON.replace(year=2034))
    await finish(database, worker_id, (claimed, Outcome.succeeded('{"done": true}')))

    ended = await find_execution(database, requested)
    assert (claimed.execution_id, claimed.trigger) == (requested, "manual")
    assert (ended["status"], ended["result_data"], ended["attempt"]) == ("SUCCEEDED", {"done": True}, 1)
    assert await db.fetchval("SELECT next_run_at FROM rowcall.schedules") == NOON


async def test_the_one_that_waits_is_let_go_by_the_one_that_ends(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, an_execution: AnExecution
) -> None:
    schedule_id = await a_schedule()
    worker_id = await a_worker()
    await an_execution(schedule_id)
    [running] = await claim(database, worker_id, now=NOON.replace(year=2034))
    waiting = await an_execution(schedule_id)
    assert (await execution(db, waiting))["available_at"] is None

    await finish(database, worker_id, (running, Outcome.succeeded()))

    [claimed] = await claim(database, worker_id, now=NOON.replace(year=2034))
    assert claimed.execution_id == waiting


async def test_an_override_is_laid_over_the_input_in_the_ledger_only(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule(input_data={"a": 1, "b": 2})
    async with database.transaction() as session:
        schedule = await lock_schedule(session, schedule_id)
        requested = await execute_schedule(session, schedule, input_data={"b": 3})
    assert requested["input_data"] == {"a": 1, "b": 3}
    assert await db.fetchval("SELECT input_data->>'b' FROM rowcall.schedules") == "2"


async def test_an_http_task_keeps_its_target(database: Database, a_schedule: ASchedule) -> None:
    schedule_id = await a_schedule(task_type="http", input_data={"url": "https://example.org/"})
    async with database.transaction() as session:
        schedule = await lock_schedule(session, schedule_id)
        with pytest.raises(InvalidInput, match="url, headers"):
            await execute_schedule(session, schedule, input_data={"headers": {}, "url": "x"})


# ── cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_request_is_never_claimed(
    database: Database, a_schedule: ASchedule, a_worker: AWorker, an_execution: AnExecution
) -> None:
    requested = await an_execution(await a_schedule())
    worker_id = await a_worker()
    cancelled = await cancel_execution(database, requested, "test")
    assert (cancelled["status"], cancelled["reason"]) == ("CANCELLED", "cancelled by test")
    assert await claim(database, worker_id, now=NOON.replace(year=2034)) == []


async def test_a_cancel_that_waited_for_a_finish_finds_it_final(
    database: Database,
    db: Connection,
    a_schedule: ASchedule,
    a_worker: AWorker,
    an_execution: AnExecution,
    another_connection: Connection,
) -> None:
    requested = await an_execution(await a_schedule())
    worker_id = await a_worker()
    [running] = await claim(database, worker_id, now=NOON.replace(year=2034))
    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.open_executions FOR UPDATE")
        finishing = asyncio.create_task(finish(database, worker_id, (running, Outcome.succeeded())))
        await until_waiting_for_a_lock(db, 1)
        cancelling = asyncio.create_task(cancel_execution(database, requested, "test"))
        await until_waiting_for_a_lock(db, 2)

    recorded = await finishing
    assert len(recorded.finished) == 1
    with pytest.raises(Conflict, match="SUCCEEDED already"):
        await cancelling


async def test_a_cancel_that_comes_first_is_seen_by_the_worker(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, an_execution: AnExecution
) -> None:
    requested = await an_execution(await a_schedule())
    worker_id = await a_worker()
    [running] = await claim(database, worker_id, now=NOON.replace(year=2034))

    asked = await cancel_execution(database, requested, "test")
    await finish(database, worker_id, (running, Outcome.failed("stopped")))

    assert (asked["status"], asked["cancel_requested_at"] is None) == ("RUNNING", False)
    assert (await execution(db, requested))["status"] == "CANCELLED"  # and not tried again
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions") == 0


async def test_what_is_not_there_can_not_be_cancelled(database: Database) -> None:
    for execution_id in (1, 2**63, 10**30):
        with pytest.raises(NotFound):
            await cancel_execution(database, execution_id, "test")


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def many(db: Connection) -> None:
    """60,000 executions of 1,000 schedules over three days, and twenty open ones."""
    await db.execute("SELECT rowcall.ensure_partitions('2035-06-01Z', '2035-06-04Z')")
    await db.execute(
        "INSERT INTO rowcall.schedule_executions "
        "(schedule_id, scheduled_for, schedule_version, priority, trigger, status, task_type, input_data, finished_at) "
        "SELECT i % 1000, '2035-06-04Z'::timestamptz - i * interval '4 seconds', 1, 5, 'schedule', 'SUCCEEDED', "
        "'work', '{}', now() FROM generate_series(1, 60000) AS i"
    )
    await db.execute("ANALYZE rowcall.schedule_executions")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_no_page_of_the_ledger_reads_it_all(db: Connection, plan: str) -> None:
    await db.execute(f"SET plan_cache_mode = {plan}")
    last = 2**63 - 1
    row = await db.fetchrow("SELECT execution_id, scheduled_for FROM rowcall.schedule_executions WHERE schedule_id = 7")
    assert row is not None
    read = {
        "all": await rows_read(db, "list_executions", last, 100, *[None] * 6, False),
        "one day": await rows_read(
            db, "list_executions", last, 100, *[None] * 3, "2035-06-02Z", "2035-06-03Z", None, False
        ),
        "one schedule": await rows_read(db, "list_executions_of_schedule", 7, 100, *[None] * 7, "default", True),
        "open": await rows_read(db, "list_open_executions", last, 100, ["QUEUED"], *[None] * 5, False),
        "open of one": await rows_read(
            db, "list_open_executions_of_schedule", 7, 100, ["QUEUED"], *[None] * 6, "default", True
        ),
        "one": await rows_read(db, "locate_execution", row["execution_id"], None),
        "one of a client": await rows_read(db, "locate_execution", row["execution_id"], "default"),
        "answer": await rows_read(db, "answer_for", 7, row["scheduled_for"]),
    }
    assert {name: count for name, count in read.items() if count > 900} == {}


async def test_an_empty_ledger_is_an_empty_page(database: Database) -> None:
    for wanted in (ExecutionFilter(), ExecutionFilter(schedule_id=1), ExecutionFilter(statuses=["RUNNING"])):
        found: list[Any] = await list_executions(database, wanted, None, 10)
        assert found == []
