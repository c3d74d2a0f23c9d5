"""The request to stop, as the task sees it: one object for coroutines, threads and child processes.

A thread can't be killed and a coroutine can swallow its cancellation, so stopping is first of all a request that the
task may look at. Whether it was looked at is remembered: a task that returned without ever having seen the request did
all of its work, and counts as finished.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class RunCancelled(BaseException):
    """Raised by `Run.raise_if_cancelled`: the task ends here.

    Not an `Exception`, so that a task's own ``except Exception`` (a retry loop, say) lets it through.
    """


_changing = threading.Lock()  # one for all: they change seldom, and one is made for every run


class Cancellation:
    """A request to stop that is made at most once, from any thread, and can be seen from any thread."""

    # Of the class until they change, as they do for few: so making one sets nothing.
    _listeners: tuple[Callable[[], object], ...] = ()
    _reason: str | None = None
    _seen = False

    @property
    def requested(self) -> bool:
        """Whether the task was asked to stop; the worker's own look, which does not count as seen."""
        return self._reason is not None

    @property
    def seen(self) -> bool:
        """Whether the task has learned of the request."""
        return self._seen

    @property
    def reason(self) -> str | None:
        """Why the task was asked to stop; None as long as it was not."""
        return self._reason

    def request(self, reason: str) -> bool:
        """Ask the task to stop. Only the first request counts; False for every later one."""
        with _changing:
            if self._reason is not None:
                return False
            self._reason = reason
            listeners, self._listeners = self._listeners, ()
        for listener in listeners:
            listener()
        return True

    def look(self) -> bool:
        """Whether the task was asked to stop, as the task's own look."""
        if self._reason is None:
            return False
        self._seen = True
        return True

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` once when the request comes, at once if it has come; returns what ends the listening.

        The call happens in the thread that makes the request.
        """
        with _changing:
            waiting = self._reason is None
            if waiting:
                self._listeners += (listener,)
        if not waiting:
            listener()

        def forget() -> None:
            with _changing:
                left = list(self._listeners)
                if listener in left:
                    left.remove(listener)
                    self._listeners = tuple(left)

        return forget
