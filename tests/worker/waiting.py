"""Waiting for a condition with a deadline: what every test of a live worker does in place of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

PAUSE_SECONDS = 0.02


async def until(condition: Callable[[], Any], *, what: str = "the condition", within: float = 60.0) -> Any:
    """Ask again and again, and return the first answer that is true. A test fails that waits longer than `within`.

    The condition may be a coroutine function. The limit is for a machine with much else to do, and says nothing of how
    quick things have to be.
    """
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {within:g} s; the last answer was {found!r}")
        await asyncio.sleep(PAUSE_SECONDS)
