"""Waiting for the end of a child: asleep where the system tells it, and by looking where it doesn't."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rowcall.embedded.ending import ended


class Watched(subprocess.Popen[bytes]):
    """A child that counts how often it is looked at."""

    looks = 0

    def poll(self) -> int | None:
        self.looks += 1
        return super().poll()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def child(code: str) -> Watched:
    return Watched([sys.executable, "-c", code])


async def test_nobody_looks_at_a_child_while_it_runs() -> None:
    process = child("import time; time.sleep(1)")
    assert await ended(process) == 0
    assert process.looks == 2  # whether it has ended already, and what its exit code is


async def test_a_child_that_has_ended_already_is_not_waited_for() -> None:
    process = child("raise SystemExit(3)")
    process.wait()
    assert await ended(process) == 3
    assert await ended(process) == 3


async def test_a_signal_that_ended_it_is_told_as_a_negative_number() -> None:
    process = child("import time; time.sleep(60)")
    process.send_signal(signal.SIGKILL)
    assert await ended(process) == -signal.SIGKILL


async def test_where_the_system_does_not_tell_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise OSError("no such call")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    process = child("import time; time.sleep(0.3)")
    assert await ended(process) == 0
    assert process.looks > 2


async def test_no_descriptor_is_left_open() -> None:
    before = open_descriptors()
    assert await ended(child("pass")) == 0
    assert open_descriptors() == before
