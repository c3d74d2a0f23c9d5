"""Waiting for what the database or a process will say, with a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.01


async def until(
    holds: Callable[[], Awaitable[bool]], what: str, *, within: float = 180.0, look: float = LOOK_SECONDS
) -> float:
    """Ask every `look` seconds until it holds; when that was. Raises RuntimeError after `within` seconds."""
    deadline = time.monotonic() + within
    while not await holds():  # asked again and again: what is waited for is news in the database
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} was waited for, {within:.0f} s, and did not come")
        await asyncio.sleep(look)
    return time.time()


async def at(moment: float) -> None:
    """Sleep until a moment, in seconds since 1970."""
    await asyncio.sleep(max(0.0, moment - time.time()))
