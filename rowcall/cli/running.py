"""Running a command's coroutine, and turning what it raises into words and an exit code."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a short command to its end."""
    return asyncio.run(main)


def run_service(main: Coroutine[Any, Any, T]) -> T:
    """Run what lives long, on the quickest event loop there is."""
    _collect_garbage_seldom()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _collect_garbage_seldom() -> None:
    """What was imported stays, and what runs leave behind is freed without the collector, but for rare cycles.

    At Python's own pace it looks at everything that is alive after each few dozen runs: a third of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(250_000, 20, 50)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # not made for every platform
        return asyncio.new_event_loop
    return uvloop.new_event_loop
