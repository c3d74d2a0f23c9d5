"""Waiting for the first of several things, with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


async def first_of(*events: asyncio.Event, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - that is its purpose
    """Wait until one of the events is set; False if `timeout` seconds passed before."""
    return await any_of(*(event.wait() for event in events), timeout=timeout)


async def any_of(*awaitables: Awaitable[object], timeout: float | None = None) -> bool:  # noqa: ASYNC109 - as above
    """Wait for the first of them; False if `timeout` seconds passed before. All others are cancelled."""
    waiting = [asyncio.ensure_future(each) for each in awaitables]
    try:
        done, _ = await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    return bool(done)


async def within(seconds: float, *awaitables: Awaitable[object]) -> bool:
    """Wait for all of them, `seconds` at the most; False if that was not enough. What is unfinished is cancelled."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*awaitables)
    except TimeoutError:
        return False
    return True
