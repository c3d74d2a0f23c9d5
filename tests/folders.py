"""Where tests keep the data of servers: in memory where there is room, because making a database makes 300 files."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_NEEDED = 2**31


@contextlib.contextmanager
def short_lived_folder() -> Iterator[Path]:
    """An empty folder with a short path, which every account may pass through (pytest's own may not)."""
    folder = Path(tempfile.mkdtemp(prefix="rowcall-tests-", dir=_base()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _base() -> Path | None:
    in_memory = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_NEEDED
    return MEMORY if in_memory else None
