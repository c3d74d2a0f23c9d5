"""``rowcall serve`` and its kin as processes of their own, listened to and sent signals."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

DEADLINE_SECONDS = 60
ROOT = Path(__file__).parents[2]


class Process:
    """A running command. What it says on standard output and standard error is kept, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._news = asyncio.Condition()
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.out)),
            asyncio.create_task(self._read(process.stderr, self.err)),
        ]

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until a line matches, on either stream."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._news:
            while (found := self._find(pattern)) is None:
                assert not all(reader.done() for reader in self._readers), f"never said {pattern!r}:\n{self}"
                await self._news.wait()
        return found

    async def ends(self) -> int:
        """Wait for its end; its exit code."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(*self._readers)
            return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._readers)

    def _find(self, pattern: str) -> re.Match[str] | None:
        matches = (re.search(pattern, line) for line in [*self.out, *self.err])
        return next((match for match in matches if match), None)

    async def _read(self, stream: asyncio.StreamReader | None, lines: list[str]) -> None:
        if stream is None:  # it writes elsewhere
            return
        async for line in stream:
            async with self._news:
                lines.append(line.decode().rstrip("\n"))
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    def __str__(self) -> str:
        return "\n".join(["-- out", *self.out, "-- err", *self.err])


@contextlib.asynccontextmanager
async def rowcall_process(
    *arguments: str, cwd: Path = ROOT, out: Path | None = None, err: Path | None = None, **environment: str
) -> AsyncIterator[Process]:
    """``rowcall`` with these arguments, on top of this environment; killed at the end if it still runs.

    It writes to the files `out` and `err` instead, where they are given.
    """
    with contextlib.ExitStack() as files:
        stdout, stderr = [
            asyncio.subprocess.PIPE if path is None else files.enter_context(path.open("wb")) for path in (out, err)
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "rowcall", *arguments,
            cwd=cwd, env={**os.environ, **environment}, stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout, stderr=stderr,
        )  # fmt: skip
    running = Process(process)
    try:
        yield running
    finally:
        await running.kill()
