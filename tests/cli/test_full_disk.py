"""Where nothing can be written, as to a full disk, a service goes on, and a command says so."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from tests.cli.processes import rowcall_process
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FULL = Path("/dev/full")
QUICK_APP = """
import rowcall
app = rowcall.App("quick")

@app.task
async def quick(run):
    return "done"
"""


@pytest.fixture
def quick_app(tmp_path: Path) -> Path:
    """A folder with an app whose task ends at once."""
    (tmp_path / "quick_app.py").write_text(QUICK_APP)
    return tmp_path


@pytest.mark.parametrize("command", [("worker", "--json"), ("serve", "--port", "0")], ids=" ".join)
async def test_a_worker_whose_standard_output_is_full_says_so_once_and_goes_on(
    command: tuple[str, ...], quick_app: Path, dsn: str, db: Connection
) -> None:
    async with rowcall_process(*command, "--app", "quick_app", cwd=quick_app, out=FULL, DATABASE_URL=dsn) as worker:
        for name in ("first", "second"):
            await db.execute(
                "INSERT INTO rowcall.schedules (name, task_type, schedule_type, scheduled_time) "
                "VALUES ($1, 'quick', 'one_time', now())",
                name,
            )
            await until(partial(succeeded, db, name), what=f"the success of {name}; {worker}")
        await worker.says("tandard output can't be written to any more: No space left on device")
        worker.send(signal.SIGTERM)
        assert await worker.ends() == 0
    assert "Traceback" not in str(worker)
    assert "refused" not in str(worker)
    assert str(worker).count("tandard output can't") == 1


@pytest.mark.parametrize("command", [("schedules", "list", "--json"), ("schedules", "list"), ("preview", "@daily")])
async def test_a_command_whose_output_does_not_arrive_says_so_and_fails(
    command: tuple[str, ...], dsn: str, db: Connection
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds) "
        "VALUES ('nightly', 'x', 'interval', 86400)"
    )
    async with rowcall_process(*command, out=FULL, DATABASE_URL=dsn) as ran:
        assert await ran.ends() == 1
    assert ran.err == ["rowcall: standard output can't be written to: No space left on device"]


async def succeeded(db: Connection, name: str) -> bool:
    return bool(await db.fetchval("SELECT last_status = 'SUCCEEDED' FROM rowcall.schedules WHERE name = $1", name))
