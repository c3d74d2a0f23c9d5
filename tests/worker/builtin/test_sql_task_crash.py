"""Exactly once: a worker that runs sql tasks is killed in the middle, or not answered; effect and end are one."""

from __future__ import annotations

import signal
from functools import partial

from tests.worker.builtin.operator import Connection, Operator, as_role
from tests.worker.conftest import Serve, StartWorker
from tests.worker.line import line_to
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

ROUNDS = 3
SECONDS = (0.0, 0.05, 0.3, 0.6, 5.0, 5.0)
"""How long the statements of a round take: some are done when the worker is killed, and some are not."""


async def test_a_worker_killed_in_the_middle_leaves_the_effect_and_the_success_or_neither(
    start_worker: StartWorker, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(
        sell={
            "statement": [
                "INSERT INTO sales.effects VALUES ($1::bigint::text)",
                # Long only for the first attempt: the second is to come to an end.
                "SELECT pg_sleep(CASE WHEN $2::int = 1 THEN $3::float8 ELSE $1::bigint * 0 END)",
            ],
            "parameters": ["run.execution_id", "run.attempt", "seconds"],
        }
    )
    worker = start_worker(**on)
    for number in range(1, ROUNDS + 1):
        ids = [
            await schedules.insert("sql", input_data={"name": "sell", "parameters": {"seconds": seconds}})
            for seconds in SECONDS
        ]
        await until(partial(some_ended_and_a_long_one_runs, schedules, ids), what="the middle of the round")
        worker.signal(signal.SIGKILL)
        await worker.ended()
        assert await effects_without_success(schedules) == 0
        worker = start_worker(**on)  # it takes over what was left, and is the next to be killed
        rows = await schedules.ended(*ids)
        assert [row["status"] for row in rows] == ["SUCCEEDED"] * len(SECONDS)
        assert await schedules.db.fetchval("SELECT count(*) FROM sales.effects") == number * len(SECONDS)
        assert await effects_without_success(schedules) == 0
        assert {row["attempt"] for row in rows} == {1, 2}, "all or nothing was in the middle: the round shows nothing"


async def test_a_commit_that_nobody_answered_counts_and_is_not_done_again(
    serve: Serve, schedules: Schedules, operator: Operator, db: Connection, dsn: str
) -> None:
    on = operator.writes_down(sell={"statement": "INSERT INTO sales.effects VALUES ($1::bigint::text)",
                                    "parameters": ["run.execution_id"]})  # fmt: skip
    async with line_to(dsn, db) as line:
        line.lose_the_answer(to=b"COMMIT\0", after=b"finish_sql_run")
        schedule_id = await schedules.insert("sql", input_data={"name": "sell"}, retry_backoff_seconds=0)
        served = await serve(**on | {"sql_database_url": as_role(line.dsn, operator.role)})
        row = await schedules.reaches("SUCCEEDED", schedule_id)
        await until(lambda: line.answers_lost, what="the cut")
        served.stop()
        await served.ended()  # with whatever it made of that
    assert (await schedules.executions(schedule_id)) == [row]
    assert row["attempt"] == 1
    assert await schedules.db.fetchval("SELECT count(*) FROM sales.effects") == 1
    assert await effects_without_success(schedules) == 0


async def some_ended_and_a_long_one_runs(schedules: Schedules, ids: list[int]) -> bool:
    """Whether at least one of their executions has ended, and one of the last two, which take long, has not."""
    rows = await schedules.executions(*ids)
    running = {row["schedule_id"] for row in rows if row["status"] == "RUNNING"}
    return any(row["finished_at"] for row in rows) and not running.isdisjoint(ids[-2:])


async def effects_without_success(schedules: Schedules) -> int:
    """How many effects stand without a success written by the same transaction, or the other way round."""
    found: int = await schedules.db.fetchval(
        "SELECT count(*) FROM sales.effects AS f"
        "  FULL JOIN (SELECT execution_id, xmin FROM rowcall.schedule_executions WHERE status = 'SUCCEEDED') AS e"
        "    ON f.what = e.execution_id::text AND f.xmin = e.xmin"
        " WHERE f.what IS NULL OR e.execution_id IS NULL"
    )
    return found
