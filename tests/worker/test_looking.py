"""From where a worker looks: between two sweeps only what it has not seen answered, in a sweep from the beginning."""

from __future__ import annotations

import pytest

import rowcall
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until

MOVE_BACK = "UPDATE rowcall.schedules SET next_run_at = now() - interval '10 min' WHERE schedule_id = $1"


async def beside_one_that_ticks(serve: Serve, schedules: Schedules, **settings: float) -> tuple[int, int]:
    """A worker that looks each second; the schedule that has it do so, and one that is moved back by hand meanwhile."""
    app = rowcall.App("looking")

    @app.task("pass")
    async def do_nothing() -> None:
        pass

    ticking = await schedules.insert("pass", interval_seconds=1)
    other = await schedules.insert("pass", interval_seconds=86400)
    await serve(app, notifications=False, **settings)
    await has_run(schedules, ticking, 2)
    await schedules.db.execute(MOVE_BACK, other)
    return ticking, other


async def has_run(schedules: Schedules, schedule_id: int, times: int = 1) -> None:
    async def often_enough() -> bool:
        return len(await schedules.executions(schedule_id)) >= times

    await until(often_enough, what=f"{times} runs of schedule {schedule_id}")


async def test_a_look_between_two_sweeps_leaves_the_past_alone(serve: Serve, schedules: Schedules) -> None:
    ticking, other = await beside_one_that_ticks(serve, schedules, poll_interval_seconds=NEVER)
    await has_run(schedules, ticking, len(await schedules.executions(ticking)) + 2)
    assert await schedules.executions(other) == []


@pytest.mark.parametrize(
    "settings",
    [{"poll_interval_seconds": 0.5}, {"poll_interval_seconds": NEVER, "look_back_seconds": 3600.0}],
    ids=["the sweep", "a look that goes back far enough"],
)
async def test_what_is_moved_into_the_past_by_hand_is_found_by(
    serve: Serve, schedules: Schedules, settings: dict[str, float]
) -> None:
    _, other = await beside_one_that_ticks(serve, schedules, **settings)
    await has_run(schedules, other)
