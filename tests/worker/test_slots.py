"""Slots: how many executions a worker runs at once, and who comes first when there are too few."""

from __future__ import annotations

import asyncio

import pytest

import rowcall
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until


class Door:
    """A task "pass" that waits at a door: who came, in order; how many stand there; and the most there ever were."""

    def __init__(self, app: rowcall.App) -> None:
        self.came: list[str] = []
        self.inside = self.most = 0
        self._places = asyncio.Semaphore(0)
        app.task("pass")(self._pass)

    def let_through(self, count: int) -> None:
        for _ in range(count):
            self._places.release()

    async def _pass(self, run: rowcall.Run) -> None:
        self.came.append(run.schedule_name)
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self._places.acquire()
        self.inside -= 1


@pytest.fixture
def app() -> rowcall.App:
    return rowcall.App("slots")


async def test_no_more_run_at_once_than_there_are_slots_and_a_freed_one_is_filled_at_once(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    door = Door(app)
    all_of_them = [await schedules.insert("pass") for _ in range(7)]
    await serve(app, concurrency=3, poll_interval_seconds=NEVER)

    await until(lambda: door.inside == 3)
    door.let_through(1)
    await until(lambda: len(door.came) == 4)  # nothing woke the worker but the slot itself
    door.let_through(6)
    assert {row["status"] for row in await schedules.ended(*all_of_them)} == {"SUCCEEDED"}
    assert door.most == 3


async def test_what_has_no_slot_is_left_to_other_workers(app: rowcall.App, serve: Serve, schedules: Schedules) -> None:
    door = Door(app)
    all_of_them = [await schedules.insert("pass") for _ in range(4)]
    for _ in range(2):
        await serve(app, concurrency=2)
    await until(lambda: door.inside == 4)
    door.let_through(4)
    rows = await schedules.ended(*all_of_them)
    assert len({row["worker_id"] for row in rows}) == 2


async def test_when_slots_are_scarce_higher_priorities_come_first_and_then_what_has_been_due_for_longer(
    app: rowcall.App, serve: Serve, schedules: Schedules
) -> None:
    door = Door(app)
    await serve(app, concurrency=1)
    await schedules.insert("pass", name="first come")
    await until(lambda: door.inside == 1)

    [(older, newer)] = await schedules.db.fetch("SELECT now() - interval '9 s', now() - interval '1 s'")
    for name, priority, moment in (
        ("low", 1, older), ("middle, newer", 5, newer), ("middle, older", 5, older), ("high", 10, newer)
    ):  # fmt: skip
        await schedules.insert("pass", name=name, priority=priority, scheduled_time=moment)
    door.let_through(5)
    await until(lambda: len(door.came) == 5)
    assert door.came == ["first come", "high", "middle, older", "middle, newer", "low"]
