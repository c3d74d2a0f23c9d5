"""Programs as people start them: real processes, each in a group of its own, whose output can be waited for."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROWCALL = (sys.executable, "-m", "rowcall")
DEADLINE_SECONDS = 60.0
PAUSE_SECONDS = 0.02


class Program:
    """A running program. Its standard output and standard error go to one file, in the order they were written."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process = process
        self._output = output

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self._output.read_text(errors="replace")

    def says(self, pattern: str) -> re.Match[str]:
        """Wait until it has said this, and return the match. A test fails whose program ends before, or is silent."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (found := re.search(pattern, self.output)) is None:
            ended = self._process.poll() is not None
            if ended and re.search(pattern, self.output) is None:
                raise AssertionError(
                    f"it ended with {self._process.returncode} without saying {pattern!r}:\n{self.output}"
                )
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not say {pattern!r} in {DEADLINE_SECONDS:g} s:\n{self.output}")
            time.sleep(PAUSE_SECONDS)
        return found

    def stop(self) -> int:
        """Ask it to end, and wait until it has: the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait until it ends by itself: the exit code."""
        return self._process.wait(DEADLINE_SECONDS)

    def wipe_out(self) -> None:
        """End it and whatever it has started, at once; it may be gone already."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def running(
    command: Sequence[str], output: Path, *, cwd: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Start a program with these variables added to the environment; it is gone when the block ends."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    program = Program(process, output)
    try:
        yield program
    finally:
        program.wipe_out()


def url_of(server: Program) -> str:
    """Where the API of a `rowcall serve` is to be found, once it has greeted."""
    return server.says(r"API +(http://\S+)/v1/schedules")[1]
