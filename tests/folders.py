"""Where tests keep the data of servers: in memory where there is room, because making a database makes 300 files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MEMORY = Path("/dev/shm")
PREFIX = "rowcall-run-"
ROOM_NEEDED = 2**31
SETTLED_SECONDS = 60.0


@contextlib.contextmanager
def short_lived_folder() -> Iterator[Path]:
    """An empty folder with a short path, which every account may pass through (pytest's own may not).

    It is locked while it is in use, so that the next one can tell, and remove, what a killed run left behind.
    """
    base = _base()
    _remove_abandoned(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    folder.chmod(0o711)
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _base() -> Path:
    in_memory = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_NEEDED
    return MEMORY if in_memory else Path(tempfile.gettempdir())


def _remove_abandoned(base: Path) -> None:
    """Remove our folders that nobody holds; the newest are left alone, which may not be locked yet."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another account's, just removed, or in use
            if folder.stat().st_uid == os.geteuid() and folder.stat().st_mtime < time.time() - SETTLED_SECONDS:
                with _opened(folder) as descriptor:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
