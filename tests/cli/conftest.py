"""The command line on a fresh database: in this process where that is enough, else as a process of its own."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from rowcall.cli.application import run_command_line
from tests.cli.support import Ran, RowcallCommand
from tests.folders import short_lived_folder


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RowcallCommand:
    """Runs a command in this process, with the environment as it is."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rowcall", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            run_command_line()
        captured = capsys.readouterr()
        return Ran(int(exit_.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def rowcall(command_line: RowcallCommand, dsn: str, monkeypatch: pytest.MonkeyPatch) -> RowcallCommand:
    """Runs a command in this process on a fresh database that has the schema."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    return command_line


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder for the embedded server, which all commands of the test use; nothing is in it yet."""
    with short_lived_folder() as folder:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.setenv("ROWCALL_DATA_DIR", str(folder / "data"))
        yield folder / "data"


@pytest.fixture
def execute(dsn: str) -> Callable[..., Any]:
    """Runs SQL on the fresh database, and returns the first value of the answer."""

    async def run(sql: str, *arguments: Any) -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()

    return lambda sql, *arguments: asyncio.run(run(sql, *arguments))


@pytest.fixture
def a_worker(execute: Callable[..., Any]) -> Callable[..., int]:
    """Writes a worker's row down, as if one were alive that runs these routes."""

    def add(*routes: str, version: str = "0.1.0") -> int:
        worker_id: int = execute(
            "INSERT INTO rowcall.workers (name, host, pid, rowcall_version, routes, slots, lease_seconds) "
            "VALUES ('host:1', 'host', 1, $2, $1, 10, 600) RETURNING worker_id",
            list(routes),
            version,
        )
        return worker_id

    return add
