"""Where nothing can be written, as to a full disk, a service goes on, and a command does what it can."""

from __future__ import annotations

import signal
import socket
from functools import partial
from pathlib import Path
from typing import TypeAlias

import asyncpg
import httpx2
import pytest

from tests.cli.processes import rowcall_process
from tests.embedded.processes import kill, server_pid, serves
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FULL = Path("/dev/full")
APP = """
import asyncio, rowcall
app = rowcall.App("disk")

@app.task
async def quick(run):
    return "done"

@app.task
async def slow(run):
    await asyncio.sleep(600)
"""


@pytest.fixture
def app_folder(tmp_path: Path) -> Path:
    """A folder with an app: one of its tasks ends at once, and one takes its time."""
    (tmp_path / "disk_app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def port() -> str:
    """One that is free: who can tell nothing can't tell theirs."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


@pytest.mark.parametrize("command", [("worker", "--json"), ("serve", "--port", "0")], ids=" ".join)
async def test_a_worker_whose_standard_output_is_full_says_so_once_and_goes_on(
    command: tuple[str, ...], app_folder: Path, dsn: str, db: Connection
) -> None:
    async with rowcall_process(*command, "--app", "disk_app", cwd=app_folder, out=FULL, DATABASE_URL=dsn) as worker:
        for name in ("first", "second"):
            await make(db, "quick", name)
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


@pytest.mark.parametrize("unbuffered", ["1", ""], ids=["unbuffered", "buffered"])
async def test_a_command_that_can_tell_nothing_does_and_ends_as_it_would(dsn: str, unbuffered: str) -> None:
    for command, code in (
        (("schedules", "create", "nightly", "--task", "x", "--interval", "1d", "--allow-unknown-task"), 0),
        (("schedules", "create", "nightly", "--task", "x", "--interval", "1d", "--allow-unknown-task"), 5),
        (("schedules", "pause", "nightly"), 0),
        (("schedules", "show", "nowhere"), 4),
        (("audit",), 0),
    ):
        async with rowcall_process(*command, err=FULL, DATABASE_URL=dsn, PYTHONUNBUFFERED=unbuffered) as ran:
            assert await ran.ends() == code, command


async def test_a_service_that_can_tell_nothing_still_ends_at_once_when_it_is_told_twice(
    app_folder: Path, dsn: str, db: Connection, port: str
) -> None:
    command = ("serve", "--app", "disk_app", "--port", port)
    async with (
        rowcall_process(*command, cwd=app_folder, err=FULL, DATABASE_URL=dsn) as serving,
        client_at(port) as client,
    ):
        await make(db, "slow")
        await until(partial(db.fetchval, "SELECT true FROM rowcall.schedule_executions WHERE status = 'RUNNING'"))
        await until(partial(answers, client, 200), what="its readiness")
        serving.send(signal.SIGTERM)
        await until(partial(answers, client, 503), what="its unreadiness")
        serving.send(signal.SIGTERM)
        assert await serving.ends() == 130
    assert await db.fetchval("SELECT status FROM rowcall.schedule_executions") == "QUEUED"


async def test_a_service_that_can_tell_nothing_starts_its_killed_server_again(data_dir: Path, port: str) -> None:
    create = ("schedules", "create", "nightly", "--task", "x", "--interval", "1d", "--allow-unknown-task")
    async with rowcall_process("serve", "--port", port, err=FULL) as serving, client_at(port) as client:
        await until(partial(answers, client, 200), what="its readiness")
        first = server_pid(data_dir)
        kill(first)
        await until(lambda: serves(data_dir) and server_pid(data_dir) != first, what="another server")
        async with rowcall_process(*create) as guest:
            assert await guest.ends() == 0, guest
        serving.send(signal.SIGTERM)
        assert await serving.ends() == 0


async def make(db: Connection, task_type: str, name: str = "any") -> None:
    """A schedule of this task, due now."""
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, scheduled_time) "
        "VALUES ($1, $2, 'one_time', now())",
        name,
        task_type,
    )


def client_at(port: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)


async def answers(client: httpx2.AsyncClient, status: int) -> bool:
    """Whether the service says with this status how ready it is."""
    try:
        return (await client.get("/readyz")).status_code == status
    except httpx2.TransportError:
        return False


async def succeeded(db: Connection, name: str) -> bool:
    return bool(await db.fetchval("SELECT last_status = 'SUCCEEDED' FROM rowcall.schedules WHERE name = $1", name))
