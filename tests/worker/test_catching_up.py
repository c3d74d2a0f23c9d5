"""A herd that comes back after an outage: what is due now goes on at its moment, and the herd goes on too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import pytest

import rowcall
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until

HERD = 5_000
TASK_SECONDS = 0.05
FIRINGS = 6
WELL_UNDER_A_SECOND = 0.8
"""Unprotected, the first firing waits for 5,000 runs of 50 ms: 25 seconds on ten slots.

Counted in the runs that a slot gets done in that time as well.
"""

NO_LANE = {"catch_up_after_seconds": 86400.0}

AN_HOUR_LATE = """
    INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds, starts_at, next_occurrence_at,
                                   next_run_at, grace_period_seconds, priority, "coalesce", created_at)
    SELECT 'herd-' || n, 'short', 'interval', $2, now() - interval '1 hour', now() - interval '1 hour',
           now() - interval '1 hour', 7200, $3, $4, now() - interval '1 day'
      FROM generate_series(1, $1::int) AS n
"""
RETRIES = """
    WITH queued AS (
        INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, available_at, schedule_version, priority,
                                                 trigger, status, task_type, input_data, attempt, fence)
        SELECT schedule_id, next_run_at, next_run_at, 1, priority, 'schedule', 'QUEUED', task_type, '{}', 1, 1
          FROM rowcall.schedules WHERE name LIKE 'herd-%'
     RETURNING execution_id, schedule_id, scheduled_for, available_at, priority, fence
    ), opened AS (
        INSERT INTO rowcall.open_executions (execution_id, schedule_id, scheduled_for, available_at, fence, priority,
                                             trigger, route)
        SELECT execution_id, schedule_id, scheduled_for, available_at, fence, priority, 'schedule', 'short' FROM queued
    )
    UPDATE rowcall.schedules SET last_occurrence_at = next_run_at, next_occurrence_at = now() + interval '1 hour',
                                 next_run_at = now() + interval '1 hour' WHERE name LIKE 'herd-%'
"""


async def a_herd(
    schedules: Schedules, count: int = HERD, *, every: int = 7200, priority: int = 5, coalesce: str = "latest"
) -> None:
    """Schedules that were due an hour ago, and that may still run."""
    await schedules.db.execute(AN_HOUR_LATE, count, every, priority, coalesce)


async def once_each(schedules: Schedules) -> None:
    await a_herd(schedules)


async def of_the_highest_priority(schedules: Schedules) -> None:
    await a_herd(schedules, priority=10)


async def many_occurrences_each(schedules: Schedules) -> None:
    await a_herd(schedules, HERD // 50, every=60, coalesce="all")


async def of_retries(schedules: Schedules) -> None:
    await a_herd(schedules)
    await schedules.db.execute(RETRIES)


@pytest.fixture
def app() -> rowcall.App:
    app = rowcall.App("outage")

    @app.task("short")
    async def short() -> None:
        await asyncio.sleep(TASK_SECONDS)

    return app


async def waits_of(schedules: Schedules, schedule_id: int, firings: int = FIRINGS) -> list[tuple[datetime, datetime]]:
    """When the first runs of a schedule were due, and when they started, once there are so many."""

    async def started() -> Sequence[tuple[datetime, datetime]]:
        rows = [row for row in await schedules.executions(schedule_id) if row["executed_at"] is not None]
        return [(row["scheduled_for"], row["executed_at"]) for row in rows] if len(rows) >= firings else []

    return list(await until(started, what=f"{firings} runs of schedule {schedule_id}", within=60))


def lateness(waits: Sequence[tuple[datetime, datetime]]) -> list[float]:
    """How late each of them started, in seconds."""
    return [(started - due).total_seconds() for due, started in waits]


async def starts_of_the_herd(schedules: Schedules) -> list[datetime]:
    rows = await schedules.db.fetch(
        "SELECT e.executed_at FROM rowcall.schedule_executions AS e JOIN rowcall.schedules AS s USING (schedule_id)"
        " WHERE s.name LIKE 'herd-%' AND e.executed_at IS NOT NULL ORDER BY e.executed_at"
    )
    return [row["executed_at"] for row in rows]


@pytest.mark.parametrize(
    ("comes_back", "workers", "concurrency"),
    [
        (once_each, 1, 10),
        (once_each, 2, 10),
        (once_each, 1, 1),
        (of_the_highest_priority, 1, 10),
        (many_occurrences_each, 1, 10),
        (of_retries, 1, 10),
    ],
)
async def test_a_herd_after_an_outage_does_not_delay_what_is_due_now(
    app: rowcall.App,
    serve: Serve,
    schedules: Schedules,
    comes_back: Callable[[Schedules], Awaitable[None]],
    workers: int,
    concurrency: int,
) -> None:
    await comes_back(schedules)
    ticking = await schedules.insert("short", interval_seconds=1, priority=1)
    for _ in range(workers):
        await serve(app, concurrency=concurrency)

    waits = await waits_of(schedules, ticking)

    assert max(lateness(waits)) < WELL_UNDER_A_SECOND, lateness(waits)
    starts = await starts_of_the_herd(schedules)
    let_before = [sum(due < moment < started for moment in starts) for due, started in waits]
    assert max(let_before) < workers * concurrency * WELL_UNDER_A_SECOND / TASK_SECONDS, let_before
    assert FIRINGS < len(starts) < HERD, "the herd goes on meanwhile, and is far from its end"


async def test_without_a_lane_of_its_own_the_herd_goes_first(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    """What the test above would see, had it no lane to test."""
    await a_herd(schedules)
    ticking = await schedules.insert("short", interval_seconds=1)
    await serve(app, concurrency=10, **NO_LANE)

    async def two_seconds_of_it() -> bool:
        return len(await starts_of_the_herd(schedules)) > 400

    await until(two_seconds_of_it)
    assert [row["status"] for row in await schedules.executions(ticking)] == []


async def test_late_work_goes_on_though_what_is_due_now_never_ends(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    await a_herd(schedules)
    always = [await schedules.insert("short", interval_seconds=1) for _ in range(60)]  # three seconds' work each second
    await serve(app, concurrency=1)

    async def the_course_of_it() -> list[bool]:
        """Of each run, since what is due now has begun, whether it is one of the herd's."""
        rows = sorted(await schedules.executions(), key=lambda row: row["executed_at"])
        late = [row["schedule_id"] not in always for row in rows]
        course = late[late.index(False) :] if False in late else []
        return course[:44] if len(course) >= 44 else []

    course = await until(the_course_of_it)
    assert 3 <= sum(course) <= 11, "one in ten, or a few more"


async def test_late_work_starts_no_faster_than_its_rate(app: rowcall.App, serve: Serve, schedules: Schedules) -> None:
    await a_herd(schedules, 40)
    await serve(app, catch_up_rate=5.0, catch_up_share=1.0, poll_interval_seconds=NEVER)

    async def some() -> list[datetime]:
        started = await starts_of_the_herd(schedules)
        return started if len(started) >= 15 else []

    started = await until(some)
    for position, moment in enumerate(started):
        assert (moment - started[0]).total_seconds() > (position - 5) / 5 - 0.1


async def test_what_fires_often_comes_back_though_all_late_places_are_held_for_long(
    serve: Serve, schedules: Schedules
) -> None:
    app, gate, inside = rowcall.App("outage"), asyncio.Event(), 0

    @app.task("short")
    async def short() -> None:
        nonlocal inside
        inside += 1
        await gate.wait()

    @app.task("tick")
    async def tick() -> None:
        pass

    await a_herd(schedules, 20)
    often = await schedules.insert(
        "tick", interval_seconds=1, starts_at=await schedules.db.fetchval("SELECT now() - interval '50 min'")
    )
    await serve(app, concurrency=6)
    await until(lambda: inside == 3)

    assert max(lateness(await waits_of(schedules, often))[1:]) < WELL_UNDER_A_SECOND
    assert inside == 3, "three of six places are late work's"
    gate.set()
