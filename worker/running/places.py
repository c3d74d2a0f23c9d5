"""A fixed number of places to run in, handed out in the order of asking."""

from __future__ import annotations

import asyncio
from collections import deque


class Places:
    """So many places; who finds none free waits. For use on one event loop."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many could be taken at once."""
        return self.count - self.taken

    def ask(self) -> asyncio.Future[None]:
        """A future that is done when a place is the asker's own. Give it to `release`, in any case."""
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.taken < self.count:
            self.taken += 1
            asked.set_result(None)
        else:
            self._queue.append(asked)
        return asked

    def release(self, asked: asyncio.Future[None]) -> None:
        """Give the place back, or stop waiting for it."""
        if not asked.done():
            self._queue.remove(asked)
            asked.cancel()
            return
        if self._queue:
            self._queue.popleft().set_result(None)
        else:
            self.taken -= 1
