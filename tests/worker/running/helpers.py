"""What the tests of running share: runs, runners, and waiting for a condition."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import rowcall
from rowcall.worker.running.runner import Runner

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_ids = itertools.count(1)


def a_run(task_type: str, **changed: Any) -> rowcall.Run:
    """A run of that task, with an execution id of its own."""
    given: dict[str, Any] = {
        "execution_id": next(_ids),
        "schedule_id": 3,
        "schedule_name": "daily",
        "client_id": "default",
        "scheduled_for": NOON,
        "triggered_at": NOON,
        "attempt": 1,
        "fence": 1,
        "task_type": task_type,
        "trigger": "schedule",
        "input_data": {},
        "installation_id": "ab12",
    }
    return rowcall.Run(**(given | changed))


def a_runner(app: rowcall.App, **changed: Any) -> Runner:
    """A runner with small limits and short graces."""
    given = {
        "result_max_bytes": 2000,
        "error_max_bytes": 2000,
        "threads": 2,
        "processes": 1,
        "cancel_grace_seconds": 0.2,
        "kill_grace_seconds": 0.3,
    }
    return Runner(app.tasks, **(given | changed))


async def until(condition: Callable[[], object], within: float = 30) -> None:
    """Wait until this is true; a test fails that waits too long."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - files, processes and threads set no asyncio.Event
            await asyncio.sleep(0.005)
