"""The heartbeat by itself: it renews, it reads what is asked of the worker, and it says once when all is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from rowcall.store.database import Database
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.worker.heartbeat import Heartbeat
from tests.worker.line import line_to
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

LEASE_SECONDS = 2.0


class Heard:
    """A heartbeat, and what it told its owner."""

    def __init__(self, dsn: str, worker_id: int, interval_seconds: float, lease_seconds: float = LEASE_SECONDS) -> None:
        self.lost: list[str] = []
        self.cancelled: list[Sequence[int]] = []
        self.threads: set[int] = set()
        self.beats = 0
        self.is_idle = False
        self.heartbeat = Heartbeat(
            dsn,
            worker_id,
            interval_seconds=interval_seconds,
            lease_seconds=lease_seconds,
            leased_since=time.monotonic(),
            on_lost=self.lost.append,
            on_cancel=self.cancelled.append,
            on_beat=self._beat,
            is_idle=lambda: self.is_idle,
        )

    def _beat(self, runs: bool) -> None:
        self.beats += 1
        self.threads.add(threading.get_ident())


@pytest.fixture
async def worker_id(database: Database) -> int:
    card = WorkerCard("w", "host", 1, "0", [], ["note"], slots=10, lease_seconds=LEASE_SECONDS)
    return await register_worker(database, card, [])


@pytest.fixture
async def heard(dsn: str, worker_id: int) -> AsyncIterator[Heard]:
    heard = Heard(dsn, worker_id, interval_seconds=0.1)
    async with heard.heartbeat:
        yield heard


async def the_worker(schedules: Schedules) -> asyncpg.Record:
    [row] = await schedules.workers()
    return row


async def test_every_beat_renews_the_lease_and_is_told_on_the_owners_own_loop(
    heard: Heard, schedules: Schedules
) -> None:
    first = (await the_worker(schedules))["last_beat_at"]
    await until(lambda: heard.beats >= 3)
    assert (await the_worker(schedules))["last_beat_at"] > first
    assert heard.threads == {threading.get_ident()}
    assert (heard.lost, heard.cancelled) == ([], [])


async def test_a_worker_that_was_given_up_learns_it_once_and_beats_no_more(heard: Heard, schedules: Schedules) -> None:
    await until(lambda: heard.beats)
    await schedules.db.execute("UPDATE rowcall.workers SET status = 'DEAD', ended_at = now()")
    await until(lambda: heard.lost)
    beats, row = heard.beats, await the_worker(schedules)
    heard.heartbeat.beat_soon()
    await until(lambda: not is_alive())
    assert heard.lost == ["its lease had run out"]
    assert heard.beats == beats
    assert (await the_worker(schedules)) == row


async def test_a_lease_that_ran_out_unnoticed_is_not_renewed(dsn: str, worker_id: int, schedules: Schedules) -> None:
    await schedules.db.execute("UPDATE rowcall.workers SET last_beat_at = now() - interval '1 hour'")
    heard = Heard(dsn, worker_id, interval_seconds=0.1)
    async with heard.heartbeat:
        await until(lambda: heard.lost)
    assert heard.beats == 0


async def test_a_connection_that_falls_silent_does_not_cost_the_lease_while_another_can_be_made(
    dsn: str, db: asyncpg.Connection[asyncpg.Record], worker_id: int
) -> None:
    async with line_to(dsn, db) as line:
        heard = Heard(line.dsn, worker_id, interval_seconds=1.0, lease_seconds=5.0)
        async with heard.heartbeat:
            await until(lambda: heard.beats >= 2)
            line.strand()
            await until(lambda: heard.beats >= 4 or heard.lost)
            line.strand()
            await until(lambda: heard.beats >= 6 or heard.lost)
    assert heard.lost == []


async def test_a_beat_that_is_asked_for_comes_at_once_and_reads_what_was_requested(
    dsn: str, worker_id: int, schedules: Schedules
) -> None:
    heard = Heard(dsn, worker_id, interval_seconds=60)
    async with heard.heartbeat:
        await until(lambda: heard.beats == 1)
        await schedules.db.execute(
            "INSERT INTO rowcall.open_executions (execution_id, schedule_id, scheduled_for, worker_id, priority,"
            " trigger, route, cancel_requested_at) VALUES (7, 1, now(), $1, 5, 'schedule', 'note', now()),"
            " (8, 1, now(), $1, 5, 'schedule', 'note', NULL), (9, 1, now(), -1, 5, 'schedule', 'note', now())",
            worker_id,
        )
        heard.heartbeat.beat_soon()
        await until(lambda: heard.beats == 2)
    assert heard.cancelled == [[7]]


async def test_a_worker_that_leaves_has_lost_nothing(dsn: str, worker_id: int, schedules: Schedules) -> None:
    heard = Heard(dsn, worker_id, interval_seconds=0.1)
    async with heard.heartbeat:
        await until(lambda: heard.beats)
    assert not is_alive()
    assert heard.lost == []


def is_alive() -> bool:
    """Whether a heartbeat's thread is there."""
    return any(thread.name == "rowcall heartbeat" for thread in threading.enumerate())
