"""Waiting for the end of a child, asleep where the system tells it: who looks twenty times a second is never idle."""

from __future__ import annotations

import asyncio
import os
import subprocess

PAUSE_SECONDS = 0.05
"""Between two looks, on systems that don't tell."""


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait until this child has ended; its exit code, or the signal that ended it as a negative number."""
    while (code := process.poll()) is None:
        await _told_of_the_end(process.pid)
    return code


async def _told_of_the_end(pid: int) -> None:
    """Sleep until this child, which nobody has waited for yet, may have ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # another system than Linux, an old one, or one with no descriptor to spare
        await asyncio.sleep(PAUSE_SECONDS)
        return
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, told.set)
        await told.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
