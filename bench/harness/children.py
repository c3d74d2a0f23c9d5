"""Processes that a benchmark starts, each in a group of its own, and sees to the end of."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
END_SECONDS = 30.0


def start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program in the folder of the project; what it says goes to `log`."""
    with log.open("wb") as file:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def environment_for(dsn: str | None, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a Rowcall process: none of the caller's own settings, the database, and what is given.

    Without a database, the process has one of its own.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROWCALL_", "PG", "DATABASE_"))}
    named = {} if dsn is None else {"DATABASE_URL": dsn}
    return {**kept, **named, "ROWCALL_LOG_LEVEL": "warning", **more}


def check_alive(process: subprocess.Popen[bytes], log: Path) -> None:
    """Raise RuntimeError, with what it said last, if it has ended."""
    if process.poll() is not None:
        raise RuntimeError(f"a process was to run and ended; its log:\n{log.read_text()}")


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask them to stop, and see to it. Blocks."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
