"""One database, and the processes of two Rowcalls that work on it."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from tests.programs import Program, running
from tests.upgrade.history import ROOT
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

WORKER = ("worker", "--app", "upgrade_tasks:app")
API = ("api", "--port", "0")

EVERY_OCCURRENCE = {"coalesce": "'all'", "overlap_policy": "'allow'", "max_instances": "1000"}
KINDS: dict[str, tuple[int, dict[str, str]]] = {
    "each-second": (100, {"interval_seconds": "1", **EVERY_OCCURRENCE}),
    "transaction": (20, {"interval_seconds": "1", "task_type": "'once'", **EVERY_OCCURRENCE}),
    "thread": (10, {"interval_seconds": "2", "task_type": "'threaded'", "priority": "1 + n % 10"}),
    "retried": (30, {"interval_seconds": "2", "task_type": "'flaky'", "retry_backoff_seconds": "0.1"}),
    "jittered": (20, {"interval_seconds": "3", "jitter_seconds": "1"}),
    "fields": (
        30,
        {"schedule_type": "'cron'", "cron_fields": """'{"second": "*/2"}'""", "timezone": "'Asia/Kathmandu'"},
    ),
    "minutely": (10, {"schedule_type": "'cron'", "cron_expression": "'* * * * *'"}),
    "at-a-time": (30, {"schedule_type": "'one_time'", "scheduled_time": "now() + n * interval '0.4 s'"}),
    "lasting": (4, {"schedule_type": "'one_time'", "scheduled_time": "now()", "task_type": "'lasting'"}),
    "limited": (10, {"interval_seconds": "1", "max_executions": "3"}),
    "paused": (10, {"interval_seconds": "1", "status": "'PAUSED'", "status_reason": "'for now'"}),
    "told": (5, {"interval_seconds": "2", "callback_url": "'http://127.0.0.1:9/'"}),
}
"""Schedules by kind: how many, and columns as SQL, where `n` is the number of one."""


async def fill(db: Connection) -> int:
    """Insert all of them, as any program may; how many there are."""
    for kind, (count, given) in KINDS.items():
        columns = {"schedule_type": "'interval'", "task_type": "'brief'", **given}
        await db.execute(
            f"INSERT INTO rowcall.schedules (name, {', '.join(columns)})"
            f" SELECT '{kind}-' || n, {', '.join(columns.values())} FROM generate_series(1, {count}) AS n"
        )
    return sum(count for count, _ in KINDS.values())


class Stage:
    """A folder to work in, and a database. Programs that are started here are gone when the stack is closed."""

    def __init__(self, folder: Path, dsn: str, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._started = 0
        self.journal, self.gate = folder / "journal", folder / "gate"
        shutil.copy(Path(__file__).with_name("tasks.py"), folder / "upgrade_tasks.py")
        self._settings = {
            "DATABASE_URL": dsn, "UPGRADE_JOURNAL": str(self.journal), "UPGRADE_GATE": str(self.gate),
            "ROWCALL_DATA_DIR": str(folder / "data"), "ROWCALL_POLL_INTERVAL_SECONDS": "1",
        }  # fmt: skip

    def start(self, *command: str, tree: Path = ROOT, **settings: str) -> Program:
        """Start a command of the Rowcall that stands in this tree."""
        self._started += 1
        output = self.folder / f"{self._started}-{command[0]}.log"
        environment = self._settings | {"PYTHONPATH": f"{tree}:{self.folder}"} | settings
        return self._stack.enter_context(
            running((sys.executable, "-m", "rowcall", *command), output, cwd=tree, environment=environment)
        )

    def noted(self) -> list[tuple[int, int]]:
        """Which execution was done in which attempt, for each time that one was."""
        lines = self.journal.read_text().splitlines()
        return [(int(execution), int(attempt)) for execution, attempt, _ in map(str.split, lines)]


async def works(db: Connection, worker: Program, *, since: datetime | None = None) -> None:
    """Wait until a worker has begun something, after that moment."""

    async def has_begun() -> Any:
        return await db.fetchval(
            "SELECT max(e.executed_at) > coalesce($2::timestamptz, '-infinity') FROM rowcall.schedule_executions AS e"
            "  JOIN rowcall.workers AS w USING (worker_id) WHERE w.pid = $1 AND w.status = 'RUNNING'",
            worker.pid,
            since,
        )

    await until(has_begun, what=f"a run of worker {worker.pid}:\n{worker.output[-2000:]}")


def url_of_api(api: Program) -> str:
    """Where an API listens, once it says so."""
    return api.says(r"http://127\.0\.0\.1:\d+")[0]
