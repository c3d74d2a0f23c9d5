"""One run of the server process: started, seen to be ready, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .account import Account
from .address import PORT
from .binaries import Binaries
from .descriptors import close_private
from .ending import ended
from .errors import EmbeddedError
from .folders import Folders
from .leftover import end_orphans, lock_file_lines, wait_for_leftover
from .spawn import NO_LIFELINE, spawn
from .tools import told

PAUSE_SECONDS = 0.05
RECOVERING_AFTER_SECONDS = 1.0
KEPT_OUT_SECONDS = 60.0
STATUS_LINE = 7
STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
"""How the server is asked to end, ever more firmly: fast shutdown, immediate shutdown (recovery follows), kill."""


class Start(enum.Enum):
    """What became of a start."""

    READY = enum.auto()
    LOCK_FILE_HELD = enum.auto()
    MEMORY_HELD = enum.auto()


HELD = {
    'lock file "postmaster.pid" already exists': Start.LOCK_FILE_HELD,
    "pre-existing shared memory block": Start.MEMORY_HELD,
}


class Server:
    """A running server process, our own child. Use `start_server`."""

    def __init__(self, folders: Folders, process: subprocess.Popen[bytes], lifeline: int) -> None:
        self._folders = folders
        self._process = process
        self._lifeline = lifeline

    @property
    def pid(self) -> int:
        """The number of the server process."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it accepts connections. It says so itself, in its lock file."""
        lines = lock_file_lines(self._folders.cluster)
        return len(lines) > STATUS_LINE and lines[0] == str(self.pid) and lines[STATUS_LINE].strip() == "ready"

    async def ready(self, say: Callable[[str], None]) -> Start:
        """Wait until it accepts connections, for as long as it lives: recovery takes what it takes.

        Tells when it ended because of another server's remains. Raises EmbeddedError with its last words when it ended
        for another reason.
        """
        began, next_word = time.monotonic(), RECOVERING_AFTER_SECONDS
        while not self.is_ready:
            if self._process.poll() is not None:
                return self._judge(self.last_words())
            waited = time.monotonic() - began
            if waited > next_word:
                say(f"the database is recovering ({waited:.0f} s)")
                next_word = waited + 5
            await asyncio.sleep(PAUSE_SECONDS)
        return Start.READY

    async def gone(self) -> int:
        """Wait until the process has ended; its exit code."""
        code = await ended(self._process)
        self._say_farewell()
        return code

    async def stop(self) -> None:
        """End it, in order if it lets us."""
        for step, patience in STEPS:
            self._process.send_signal(step)  # which does nothing to a process that has ended
            try:
                await asyncio.wait_for(self.gone(), patience)
            except TimeoutError:
                continue
            return

    def last_words(self) -> str:
        """What it said before its log began, and what its log says of it since."""
        logs = sorted(self._folders.log.glob("*.log"), key=lambda path: path.stat().st_mtime)
        logged = logs[-1].read_text(errors="replace").splitlines() if logs else []
        mine = [line for line in logged[-50:] if f"[{self.pid}]" in line]
        return "\n".join([self._folders.startup_log.read_text(errors="replace"), *mine])

    def _judge(self, words: str) -> Start:
        self._say_farewell()
        for sign, held in HELD.items():
            if sign in words:
                return held
        raise EmbeddedError(told("postgres", words))

    def _say_farewell(self) -> None:
        """Let go of the process at the other end of the lifeline, before the server's number is given to another."""
        if self._lifeline != NO_LIFELINE:
            with contextlib.suppress(BrokenPipeError):  # it was killed, and has nothing left to do
                os.write(self._lifeline, b".")
            close_private(self._lifeline)
            self._lifeline = NO_LIFELINE


async def start_server(
    folders: Folders,
    account: Account,
    binaries: Binaries,
    sockets: Path,
    settings: Mapping[str, str],
    say: Callable[[str], None],
) -> Server:
    """A server that accepts connections. Only for the owner of the lock; what was there before is waited for.

    Raises EmbeddedError if it ends by itself, or is kept out for a minute by what can't be found.
    """
    command = [binaries.tool("postgres"), f"-D{folders.cluster}", *_options(folders, sockets, settings)]
    kept_out_since: float | None = None
    while True:
        harmless = await wait_for_leftover(folders.cluster, say)
        server = Server(folders, *spawn(command, account, folders.startup_log, harmless))
        try:
            outcome = await server.ready(say)
        except BaseException:
            await server.stop()
            raise
        if outcome is Start.READY:
            return server
        if outcome is Start.MEMORY_HELD:
            say("ending the last sessions of a server that was killed")
            end_orphans(folders.cluster)
        kept_out_since = kept_out_since or time.monotonic()
        if time.monotonic() - kept_out_since > KEPT_OUT_SECONDS:
            raise EmbeddedError(told("postgres", server.last_words()))
        await asyncio.sleep(PAUSE_SECONDS)


def _options(folders: Folders, sockets: Path, settings: Mapping[str, str]) -> list[str]:
    """What is told at each start, because the folders may have moved; the address is not the operator's to change."""
    quoted = str(sockets).replace('"', '""')
    options = {
        "listen_addresses": "",
        "logging_collector": "on",
        "log_directory": str(folders.log),
        "log_filename": "postgresql-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_file_mode": "0600",
        **settings,
        "port": str(PORT),
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
    }
    return [f"--{name}={value}" for name, value in options.items()]
