"""Real processes for these tests: those that use a server, and the servers themselves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from rowcall.embedded.folders import Folders
from rowcall.embedded.leftover import pid_in_lock_file
from rowcall.embedded.processes import is_alive
from tests.embedded.support import DEADLINE_SECONDS, until

ROOT = Path(__file__).parents[2]


class User:
    """A process that uses the embedded server, as its owner or as a guest."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout
        self.heard: list[dict[str, Any]] = []

    async def says(self, what: str, words: str = "") -> dict[str, Any]:
        """Wait for its next message of this kind."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line := await self._out.readline():
                self.heard.append(json.loads(line))
                if self.heard[-1]["what"] == what and words in self.heard[-1].get("words", ""):
                    return self.heard[-1]
        raise AssertionError(f"it never said {what} {words}; it said {self.heard}")

    @property
    def pid(self) -> int:
        return self._process.pid

    async def leaves(self) -> None:
        self._in.close()
        await self.says("left")
        await self.ended()

    def stopped(self) -> None:
        """Let it do nothing for a while."""
        self._process.send_signal(signal.SIGSTOP)

    def goes_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def killed(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def killed_with(self, server: int) -> None:
        """Both at once: stopped first, so that neither can answer the other's death."""
        self._process.send_signal(signal.SIGSTOP)
        kill(server)
        self.killed()

    async def ended(self) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self._process.wait()


@contextlib.asynccontextmanager
async def a_user(data_dir: Path, *arguments: str) -> AsyncIterator[User]:
    """A process that uses the server of `data_dir`; gone at the end, and the server it owned with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.embedded.owner_process", str(data_dir), *arguments, cwd=ROOT, stdin=-1, stdout=-1
    )
    user = User(process)
    try:
        yield user
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        if user.heard and any(message.get("owner") for message in user.heard):
            await until(lambda: not serves(data_dir))


def server_pid(data_dir: Path) -> int:
    """The number of the server process that works on this data."""
    pid = pid_in_lock_file(Folders(data_dir).cluster)
    assert pid is not None
    return pid


def serves(data_dir: Path) -> bool:
    """Whether the process in the lock file, if there is one, lives."""
    pid = pid_in_lock_file(Folders(data_dir).cluster)
    return pid is not None and is_alive(pid)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
