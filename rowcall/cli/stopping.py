"""Stopping in two steps: the first SIGINT or SIGTERM asks to finish what runs, the second ends everything at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Whether to stop, and how soon."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.stop = asyncio.Event()
        self.abort = asyncio.Event()
        self._say = say
        self._starting: asyncio.Task[None] | None = None

    def while_starting(self, task: asyncio.Task[None]) -> None:
        """Until `started` is called there is nothing to finish: a stop cancels this task."""
        self._starting = task

    def started(self) -> None:
        """From now on a stop is an event, and the work ends itself."""
        self._starting = None

    def ask(self, why: str) -> None:
        """The first time: stop in good order. After that: at once."""
        if not self.stop.is_set():
            self.stop.set()
            if self._starting is not None:
                self._starting.cancel()
                self._say(f"{why}: stopping before it was ready.")
            else:
                self._say(f"{why}: stopping; what runs may finish. Once more ends it at once.")
        elif not self.abort.is_set():
            self.abort.set()
            self._say(f"{why} again: ending at once.")


@asynccontextmanager
async def stopping_on_signals(say: Callable[[str], None]) -> AsyncIterator[Stopping]:
    """Listen for the signals as long as the block lasts."""
    stopping = Stopping(say)
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, stopping.ask, number.name)
    try:
        yield stopping
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
