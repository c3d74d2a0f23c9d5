"""Whom a change of a schedule wakes, and that a claim wakes nobody."""

import asyncio
from datetime import timedelta

import pytest

from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings
from tests.store.stories import (
    DEADLINE_SECONDS,
    RUNTIME_CHANGES,
    ASchedule,
    Connection,
)

AN_HOUR_AHEAD = "next_run_at = now() + interval '1 hour', next_occurrence_at = now() + interval '1 hour'"


class Ear:
    """Hears the notifications of another session, and is told by a last one when all has been said."""

    def __init__(self, listener: Connection, speaker: Connection) -> None:
        self._listener, self._speaker = listener, speaker
        self._heard: asyncio.Queue[str] = asyncio.Queue()

    async def open(self) -> None:
        await self._listener.add_listener("rowcall", lambda *said: self._heard.put_nowait(str(said[-1])))

    async def heard(self) -> list[str]:
        await self._speaker.execute("NOTIFY rowcall, 'that is all'")
        said: list[str] = []
        while not said or said[-1] != "that is all":
            said.append(await asyncio.wait_for(self._heard.get(), DEADLINE_SECONDS))
        return said[:-1]


@pytest.fixture
async def ear(db: Connection, another_connection: Connection) -> Ear:
    ear = Ear(another_connection, db)
    await ear.open()
    return ear


async def test_an_insert_and_a_change_of_what_is_due_wake_the_workers(
    db: Connection, ear: Ear, a_schedule: ASchedule
) -> None:
    await a_schedule(priority=3)
    assert await ear.heard() == ["look"]

    for change in (
        "interval_seconds = 60",
        "status = 'ACTIVE'",
        "task_type = 'play'",
        "priority = 7",
        "max_executions = 9",
    ):
        await db.execute("UPDATE rowcall.schedules SET next_run_at = now() + interval '1 hour' WHERE status = 'ACTIVE'")
        await db.execute(f"UPDATE rowcall.schedules SET {change}")
        assert await ear.heard() == ["look"], change
        if change.startswith("interval"):
            await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED'")


async def test_a_resumption_that_says_what_is_next_wakes_the_workers_as_well(
    db: Connection, ear: Ear, a_schedule: ASchedule
) -> None:
    await a_schedule(status="PAUSED")
    await ear.heard()

    await db.execute(f"UPDATE rowcall.schedules SET status = 'ACTIVE', {AN_HOUR_AHEAD}")

    assert await db.fetchval("SELECT next_run_at > now() FROM rowcall.schedules")
    assert await ear.heard() == ["look"]


async def test_what_a_sweep_sees_long_before_it_is_due_is_no_reason_to_look(
    db: Connection, ear: Ear, a_schedule: ASchedule
) -> None:
    longest = timedelta(hours=1)  # between two sweeps, and a tenth of that at random
    assert Settings.from_environment({"ROWCALL_POLL_INTERVAL_SECONDS": "3600"}).poll_interval_seconds == 3600
    with pytest.raises(InvalidInput):
        Settings.from_environment({"ROWCALL_POLL_INTERVAL_SECONDS": "3601"})
    await a_schedule()
    await ear.heard()

    for ahead, heard in ((2 * longest + timedelta(minutes=1), []), (1.1 * longest, ["look"])):
        await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED'")
        await db.execute(
            "UPDATE rowcall.schedules SET status = 'ACTIVE', next_run_at = now() + $1, next_occurrence_at = now() + $1",
            ahead,
        )
        assert await ear.heard() == heard
        await db.execute("UPDATE rowcall.schedules SET priority = priority + 1")
        assert await ear.heard() == heard


async def test_what_is_paused_deleted_or_called_otherwise_is_no_reason_to_look(
    db: Connection, ear: Ear, a_schedule: ASchedule
) -> None:
    await a_schedule()
    await db.execute("UPDATE rowcall.schedules SET next_run_at = now() + interval '1 day'")
    await ear.heard()

    for change in (
        "name = 'another', priority = priority, interval_seconds = interval_seconds, task_type = task_type",
        "status = 'PAUSED'",
        "status = 'DISABLED'",
    ):
        await db.execute(f"UPDATE rowcall.schedules SET {change}")
        assert await ear.heard() == [], change


async def test_what_a_claim_writes_wakes_nobody(db: Connection, ear: Ear, a_schedule: ASchedule) -> None:
    await a_schedule()
    await ear.heard()

    for change in (*RUNTIME_CHANGES, "description = 'said otherwise'", "grace_period_seconds = 1"):
        await db.execute(f"UPDATE rowcall.schedules SET {change}")

    assert await ear.heard() == []


async def test_a_herd_wakes_the_workers_once(db: Connection, ear: Ear) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds)"
        " SELECT 'work', 'interval', 60 FROM generate_series(1, 100)"
    )

    assert await ear.heard() == ["look"]
