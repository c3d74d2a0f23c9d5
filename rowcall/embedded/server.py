"""One run of the server process: started, seen to be ready, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .account import Account
from .address import PORT
from .binaries import Binaries
from .errors import EmbeddedError
from .folders import Folders
from .leftover import PAUSE_SECONDS, end_orphans, lock_file_lines, wait_for_leftover
from .tools import clean_environment, told

LAUNCHER = Path(__file__).with_name("launch.py")
HELD_BACK = ('lock file "postmaster.pid" already exists', "pre-existing shared memory block")
STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
"""How the server is asked to end, ever more firmly: fast shutdown, immediate shutdown (recovery follows), kill."""
RECOVERING_AFTER_SECONDS = 1.0
NO_FAREWELL = -1


class Server:
    """A running server process, our own child. Use `start_server`."""

    def __init__(self, folders: Folders, process: subprocess.Popen[bytes], farewell: int) -> None:
        self._folders = folders
        self._process = process
        self._farewell = farewell

    @property
    def pid(self) -> int:
        """The number of the server process."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    @property
    def is_ready(self) -> bool:
        """Whether it accepts connections. It says so itself, in the eighth line of its lock file."""
        lines = lock_file_lines(self._folders.cluster)
        return len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"  # noqa: PLR2004

    async def ready(self, say: Callable[[str], None]) -> bool:
        """Wait until it accepts connections, for as long as it lives: recovery takes what it takes.

        True when ready, False when it ended because of another server's remains. Raises EmbeddedError with its last
        words when it ended for another reason.
        """
        began, next_word = time.monotonic(), RECOVERING_AFTER_SECONDS
        while not self.is_ready:
            if self.ended:
                return self._judge(self._folders.startup_log.read_text(errors="replace"))
            waited = time.monotonic() - began
            if waited > next_word:
                say(f"the database is recovering ({waited:.0f} s)")
                next_word = waited + 5
            await asyncio.sleep(PAUSE_SECONDS)
        return True

    async def gone(self) -> int:
        """Wait until the process has ended; its exit code."""
        while (code := self._process.poll()) is None:
            await asyncio.sleep(PAUSE_SECONDS)
        self._say_farewell()
        return code

    async def stop(self) -> None:
        """End it, in order if it lets us. A session that hangs does not hold a fast shutdown up."""
        for step, patience in STEPS:
            if self.ended:
                break
            self._process.send_signal(step)
            try:
                await asyncio.wait_for(self.gone(), patience)
            except TimeoutError:
                continue
        self._process.wait()
        self._say_farewell()

    def _judge(self, words: str) -> bool:
        self._say_farewell()
        if any(sign in words for sign in HELD_BACK):
            return False
        raise EmbeddedError(told("postgres", words))

    def _say_farewell(self) -> None:
        if self._farewell != NO_FAREWELL:
            os.write(self._farewell, b".")
            os.close(self._farewell)
            self._farewell = NO_FAREWELL


async def start_server(
    folders: Folders, account: Account, binaries: Binaries, sockets: Path, settings: Mapping[str, str],
    say: Callable[[str], None],
) -> Server:  # fmt: skip
    """A server that accepts connections. Only for the owner of the lock; what was there before is waited for."""
    command = [binaries.tool("postgres"), f"-D{folders.cluster}", *_options(folders, sockets, settings)]
    while True:
        harmless = await wait_for_leftover(folders, say)
        server = _spawn(folders, account, command, harmless)
        try:
            if await server.ready(say):
                return server
        except BaseException:
            await server.stop()
            raise
        say("waiting for the last sessions of the previous server to end")
        end_orphans(folders)
        await asyncio.sleep(PAUSE_SECONDS)


def _options(folders: Folders, sockets: Path, settings: Mapping[str, str]) -> list[str]:
    quoted = str(sockets).replace('"', '""')
    fixed = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "logging_collector": "on",
        "log_directory": str(folders.log),
        "log_filename": "postgresql-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_file_mode": "0600",
    }
    return [f"--{name}={value}" for name, value in {**fixed, **settings}.items()]


def _spawn(folders: Folders, account: Account, command: list[str], harmless: int | None) -> Server:
    """Start the process, in a session of its own so that the terminal's Ctrl-C reaches its owner first, and not it.

    On Linux its life is tied to the *thread* that starts it, so that is left to the main thread, which lives as long as
    the process does. From another thread, and where Linux's signal is missing, a pipe does the same.
    """
    tied = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    reading, writing = (NO_FAREWELL, NO_FAREWELL) if tied else os.pipe()
    more = {} if harmless is None else {"PG_GRANDPARENT_PID": str(harmless)}
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    facts = [str(number) for number in (os.getpid(), account.uid, account.gid, reading)]
    try:
        with folders.startup_log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the wheel's own program
                [*launcher, *facts, *command], env=clean_environment(more), cwd="/", start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=() if tied else (reading,),
            )  # fmt: skip
    except OSError as fault:
        if not tied:
            os.close(writing)
        raise EmbeddedError(f"The embedded PostgreSQL can't be started: {fault}.") from fault
    finally:
        if not tied:
            os.close(reading)
    return Server(folders, process, writing)
