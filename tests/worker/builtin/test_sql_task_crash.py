"""Exactly once: a worker that runs sql tasks is killed in the middle, again and again; effect and end are one."""

from __future__ import annotations

import signal
from functools import partial

from tests.worker.builtin.operator import Operator
from tests.worker.conftest import StartWorker
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
        await until(partial(some_ended, schedules, ids), what="the first end")
        worker.signal(signal.SIGKILL)
        await worker.ended()
        assert await effects_without_success(schedules) == 0
        worker = start_worker(**on)  # it takes over what was left, and is the next to be killed
        rows = await schedules.ended(*ids)
        assert [row["status"] for row in rows] == ["SUCCEEDED"] * len(SECONDS)
        assert await schedules.db.fetchval("SELECT count(*) FROM sales.effects") == number * len(SECONDS)
        assert await effects_without_success(schedules) == 0
        assert {row["attempt"] for row in rows} == {1, 2}, "all or nothing was in the middle: the round shows nothing"


async def some_ended(schedules: Schedules, ids: list[int]) -> bool:
    """Whether at least one execution of these schedules has ended."""
    rows = await schedules.executions(*ids)
    return any(row["finished_at"] for row in rows)


async def effects_without_success(schedules: Schedules) -> int:
    """How many effects stand without a success written by the same transaction, or the other way round."""
    found: int = await schedules.db.fetchval(
        "SELECT count(*) FROM sales.effects AS f"
        "  FULL JOIN (SELECT execution_id, xmin FROM rowcall.schedule_executions WHERE status = 'SUCCEEDED') AS e"
        "    ON f.what = e.execution_id::text AND f.xmin = e.xmin"
        " WHERE f.what IS NULL OR e.execution_id IS NULL"
    )
    return found
