"""What tasks write down while they run, in one file for any number of processes: the proof of what really happened."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import rowcall

JOURNAL = "ROWCALL_TEST_JOURNAL"


@dataclass(frozen=True)
class Entry:
    """A line of the journal."""

    event: str
    execution_id: int
    fence: int
    pid: int


def write_entry(event: str, run: rowcall.Run) -> None:
    """Add a line. One short write to a file opened for appending: the kernel keeps the lines of processes apart."""
    line = f"{event} {run.execution_id} {run.fence} {os.getpid()}\n"
    file = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


class Journal:
    """The journal, as the test reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def entries(self, event: str | None = None) -> list[Entry]:
        """What was written down so far, of one kind or of all."""
        lines = (line.split() for line in self.path.read_text().splitlines())
        found = [Entry(name, int(execution), int(fence), int(pid)) for name, execution, fence, pid in lines]
        return [entry for entry in found if event in (None, entry.event)]

    def events(self) -> list[str]:
        """The kinds of entries, in their order."""
        return [entry.event for entry in self.entries()]

    def repeated(self, event: str) -> list[int]:
        """The executions that wrote this more than once."""
        counted = Counter(entry.execution_id for entry in self.entries(event))
        return [execution_id for execution_id, times in counted.items() if times > 1]
