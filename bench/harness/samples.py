"""Moments noted inside a worker and read from outside: a file in memory that both look at, so that nobody is asked.

A worker notes, for each run, when it started and which occurrence it was for. Eight bytes each, in the clock of the
host, which is the database's clock too: both are on one machine.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Sequence
from pathlib import Path

FILE_VARIABLE = "BENCH_SAMPLES"
"""Names the file in a worker's environment."""

CAPACITY = 2_000_000
DOUBLE = 8
HEADER = 1


class Samples:
    """A file of (started, scheduled_for) pairs in seconds since 1970, preceded by their number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, DOUBLE * (HEADER + 2 * CAPACITY))
            self._map = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
        self._cells = memoryview(self._map).cast("d")
        self._count = int(self._cells[0])

    def note(self, scheduled_for: float) -> None:
        """Note that a run of this occurrence starts now."""
        at = HEADER + 2 * self._count
        self._cells[at] = time.time()
        self._cells[at + 1] = scheduled_for
        self._count += 1
        self._cells[0] = self._count

    @property
    def count(self) -> int:
        """How many runs have started."""
        return int(self._cells[0])

    def read(self, since: int = 0) -> Sequence[tuple[float, float]]:
        """The pairs noted so far, from the `since`-th on."""
        cells = self._cells[HEADER + 2 * since : HEADER + 2 * self.count].tolist()
        return list(zip(cells[::2], cells[1::2], strict=True))
