"""Who owns the server: the process that holds the lock on one file, for as long as it lives.

The kernel frees the lock when the process ends, however it ends; there is no list of users to go stale. Everyone else
reads how to connect, and never starts or stops anything.
"""

from __future__ import annotations

import fcntl
import os

from .descriptors import close_private, keep_private
from .errors import EmbeddedError
from .folders import Folders


class Lock:
    """The ownership of one data folder, while it is held."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = keep_private(descriptor)

    def release(self) -> None:
        """Give the ownership up."""
        close_private(self._descriptor)


def take_ownership(folders: Folders) -> Lock | None:
    """The lock, or None if another holds it. Raises EmbeddedError where files can't be locked."""
    try:
        descriptor = os.open(folders.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as fault:
        raise EmbeddedError(f"The lock {folders.lock} can't be opened: {fault.strerror}.") from fault
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as fault:
        os.close(descriptor)
        raise EmbeddedError(
            f"The file system of {folders.lock} has no locks: {fault.strerror}. Set ROWCALL_DATA_DIR to a local disk."
        ) from fault
    return Lock(descriptor)
