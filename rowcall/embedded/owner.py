"""Who owns the server: the process that holds the lock on one file, for as long as it lives.

The kernel frees the lock when the process ends, however it ends; there is no list of users to go stale. Everyone else
reads how to connect, and never starts or stops anything. Guests that will be gone in a moment share another lock: an
owner that leaves waits for them, so that no command is cut off because another one has ended.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from .descriptors import close_private, keep_private
from .errors import EmbeddedError
from .folders import Folders

PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 10.0
"""How long an owner that leaves waits for its guests: most commands take less, and who stops it waits for longer."""


class Lock:
    """A lock on one data folder: its ownership, or a place among its guests; while it is held."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = keep_private(descriptor)

    def release(self) -> None:
        """Give it up."""
        close_private(self._descriptor)


def take_ownership(folders: Folders) -> Lock | None:
    """The lock, or None if another holds it. Raises EmbeddedError where files can't be locked."""
    return _locked(folders.lock, fcntl.LOCK_EX)


def come_as_guest(folders: Folders) -> Lock | None:
    """A place among the guests, or None in the moment in which an owner leaves.

    Come before reading how to connect: what can be read then stays until the place is given up, or PATIENCE_SECONDS.
    """
    return _locked(folders.guests, fcntl.LOCK_SH)


async def guests_gone(folders: Folders, say: Callable[[str], None]) -> None:
    """Wait for the guests, though not for ever. No others come once there is nothing to read of how to connect."""
    deadline, told = time.monotonic() + PATIENCE_SECONDS, False
    while (alone := _locked(folders.guests, fcntl.LOCK_EX)) is None:
        if time.monotonic() > deadline:
            return
        if not told:
            say("waiting for other commands to end")
            told = True
        await asyncio.sleep(PAUSE_SECONDS)
    alone.release()


def _locked(path: Path, how: int) -> Lock | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as fault:
        raise EmbeddedError(f"The lock {path} can't be opened: {fault.strerror}.") from fault
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as fault:
        os.close(descriptor)
        raise EmbeddedError(
            f"The file system of {path} has no locks: {fault.strerror}. Set ROWCALL_DATA_DIR to a local disk."
        ) from fault
    return Lock(descriptor)
