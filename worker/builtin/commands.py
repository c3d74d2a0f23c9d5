"""A command under way: its process and all it starts, what it says, and how it ends.

Its process group is its own, led by a keeper (`command_keeper.py`) that ends the group when the worker is gone. Of what
the command writes the last part is kept, however much it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_KEEPER = Path(__file__).with_name("command_keeper.py")
_LOOK_SECONDS = 0.005
_LAST_WORDS_SECONDS = 1.0
_AT_ONCE = 65536


class Tail:
    """The last bytes of a stream, and how many there were in all."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._limit = limit
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        """Take in what came."""
        self.total += len(data)
        self._kept += data
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    @property
    def text(self) -> str:
        """What is kept, as text; what is no UTF-8 is replaced."""
        return bytes(self._kept[-self._limit :]).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, the signal as a negative number, or why it could not be started."""

    code: int
    trouble: str | None = None

    @property
    def told(self) -> str:
        """The same in words."""
        if self.trouble is not None:
            return f"could not be started: {self.trouble}"
        if self.code >= 0:
            return f"ended with exit status {self.code}"
        try:
            return f"ended with signal {-self.code} ({signal.Signals(-self.code).name})"
        except ValueError:
            return f"ended with signal {-self.code}"


class Command:
    """A command that was started. `ended` is done when it, and all that it started, has ended."""

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket, keep: int, keep_errors: int) -> None:
        self.stdout, self.stderr = Tail(keep), Tail(keep_errors)
        self._process = process
        self.ended = asyncio.get_running_loop().create_task(self._follow(line))

    @classmethod
    def start(
        cls, arguments: Sequence[str], environment: Mapping[str, str], cwd: str, *, keep: int, keep_errors: int
    ) -> Command:
        """Start a program, by its whole path. What it is given stands in no list of processes but as its own.

        Raises OSError if the system has no process to give; that there is no such program is told at the end.
        """
        ours, theirs = socket.socketpair()
        job = {"argv": list(arguments), "env": dict(environment), "cwd": cwd}
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - Python itself, and our own file
                [sys.executable, "-I", "-S", "-X", "utf8", str(_KEEPER)],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                cwd="/",
                start_new_session=True,
            )
        with contextlib.suppress(OSError):  # the keeper is gone already: its end tells
            ours.sendall(json.dumps(job).encode() + b"\n")
        return cls(process, ours, keep, keep_errors)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command and all that it started."""
        if self._process.returncode is None:  # its number is its own until it is reaped, which is done here alone
            with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or (macOS) only zombies left
                os.killpg(self._process.pid, number)

    async def close(self) -> None:
        """End it, if it has not ended."""
        self.signal(signal.SIGKILL)
        await self.ended

    async def _follow(self, line: socket.socket) -> Ended:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        readers = [
            asyncio.create_task(_read(self._process.stdout, self.stdout)),
            asyncio.create_task(_read(self._process.stderr, self.stderr)),
        ]
        reader, writer = await asyncio.open_unix_connection(sock=line)
        try:
            with contextlib.suppress(ConnectionError):
                said = await reader.read()
        finally:
            writer.close()
            self.signal(signal.SIGKILL)  # what the keeper may have left, if it was killed itself
            await self._reaped()
        # Who left the group on purpose may hold the pipes for ever: what it says then is nobody's.
        _, silent = await asyncio.wait(readers, timeout=_LAST_WORDS_SECONDS)
        for task in silent:
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        return _ended(said, self._process.returncode)

    async def _reaped(self) -> None:
        while self._process.poll() is None:  # noqa: ASYNC110 - it was killed: a moment, and no event tells
            await asyncio.sleep(_LOOK_SECONDS)


def _ended(said: bytes, code: int | None) -> Ended:
    """From the keeper's last words; a keeper that was killed had none."""
    if not said:
        return Ended(code or 0 if code != 0 else -signal.SIGKILL)
    words = json.loads(said)
    if "error" in words:
        return Ended(127, words["error"])
    return Ended(os.waitstatus_to_exitcode(words["status"]))


async def _read(pipe: IO[bytes], into: Tail) -> None:
    """Read to the end, keeping the last part."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while data := await reader.read(_AT_ONCE):
            into.add(data)
    finally:
        transport.close()
