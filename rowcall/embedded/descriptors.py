"""File descriptors that must not live on in forked children.

A lock and a pipe belong to every process that has them open. A child forked by a library (multiprocessing, for one)
would hold the ownership on after its parent was killed, and nobody could take over until the last child was gone.
"""

from __future__ import annotations

import os

_private: set[int] = set()


def keep_private(descriptor: int) -> int:
    """Close this descriptor in every process forked from now on. Close it with `close_private`."""
    _private.add(descriptor)
    return descriptor


def close_private(descriptor: int) -> None:
    """Close it here; harmless if that is done already."""
    if descriptor in _private:
        _private.discard(descriptor)
        os.close(descriptor)


def _close_all() -> None:
    for descriptor in list(_private):
        close_private(descriptor)


os.register_at_fork(after_in_child=_close_all)
