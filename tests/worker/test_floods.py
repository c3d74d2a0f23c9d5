"""Anybody who may connect to a database may notify: a flood of that wakes workers now and then, and delays no run."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import rowcall
from rowcall.store.claiming import look
from rowcall.store.leases import beat
from rowcall.worker import heartbeat, loop
from tests.worker.builtin.operator import an_operator
from tests.worker.conftest import Connection, Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until

SECONDS = 1.5
MOST_A_SECOND = 45
"""Looks, and beats, that a flood may cause: one in 25 ms, and those there are anyway."""

app = rowcall.App("calm")


@app.task("work")
async def work(_: rowcall.Run) -> None:
    """Nothing."""


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the worker has looked, and how often it has beaten."""
    counts: Counter[str] = Counter()

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return await real(*args, **kwargs)

        return call

    monkeypatch.setattr(loop, "look", counted("look", look))
    monkeypatch.setattr(heartbeat, "beat", counted("beat", beat))
    return counts


async def flood(db: Connection, payload: str) -> int:
    """Notify for a while, each time in a transaction of its own, which PostgreSQL does not fold together."""
    said, ends_at = 0, time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        await db.execute("SELECT pg_notify('rowcall', $1)", payload.format(said))
        said += 1
    return said


@pytest.mark.parametrize("payload", ["look", "cancel", "deliver", "{}"])
async def test_a_flood_of_notifications_is_heard_a_few_times_a_second(
    serve: Serve, schedules: Schedules, db: Connection, dsn: str, tmp_path: Any, done: Counter[str], payload: str
) -> None:
    async with an_operator(db, dsn, tmp_path) as stranger:
        await serve(app, poll_interval_seconds=NEVER, heartbeat_seconds=5.0)
        await until(lambda: schedules.workers("RUNNING"), what="the worker")
        done.clear()
        said = await flood(stranger.as_sql_role, payload)
        assert said > 5 * MOST_A_SECOND * SECONDS, "no flood"
        assert max(done.values(), default=0) <= MOST_A_SECOND * SECONDS

        flooding = asyncio.create_task(flood(stranger.as_sql_role, payload))
        await schedules.reaches("SUCCEEDED", await schedules.insert("work"))
        await flooding
