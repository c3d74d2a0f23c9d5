"""What sys.exit() and Ctrl-C's exception do in a task that a run's coroutine has started: they end that task, no more.

asyncio lets these two out of the event loop wherever a task raises them, and with them went the worker and all that it
runs. A coroutine of ours catches what it raises itself; what it starts, by `wait_for`, `gather` or a group, is a task
of the event loop like any other. So the loop is told to make such tasks differently, and only those: all that have a
current run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from rowcall.app import current_run


class Exited(Exception):
    """A task that a run started raised SystemExit or KeyboardInterrupt: its cause."""


class Contained(Coroutine[Any, Any, Any]):
    """A coroutine that raises Exited instead. Step by step, so that one which never starts is closed as ever."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __getattr__(self, name: str) -> Any:
        """Its name and state: libraries ask a task's coroutine whether it has started."""
        return getattr(self._coroutine, name)

    def send(self, value: Any) -> Any:
        """As of any coroutine."""
        return self._step(self._coroutine.send, value)

    def throw(self, *fault: Any) -> Any:
        """As of any coroutine."""
        return self._step(self._coroutine.throw, *fault)

    def close(self) -> None:
        """As of any coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """As of any coroutine."""
        return self._coroutine.__await__()

    def _step(self, step: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return step(*arguments)
        except (SystemExit, KeyboardInterrupt) as fault:
            raise Exited(f"a task that this run started raised {type(fault).__name__}: {fault}") from fault


class _Factory:
    """Makes the tasks of an event loop, with the factory that was there before, if any was."""

    def __init__(self, before: Callable[..., Any] | None) -> None:
        self._make = before or _make

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        contains = current_run() is not None and asyncio.iscoroutine(coroutine)
        return self._make(loop, Contained(coroutine) if contains else coroutine, **options)


def _make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    return asyncio.Task(coroutine, loop=loop, **options)


def contain_exits(loop: asyncio.AbstractEventLoop) -> None:
    """Have tasks that a run starts on this event loop raise Exited, from now on, where they would end the process."""
    before = loop.get_task_factory()
    if not isinstance(before, _Factory):
        loop.set_task_factory(_Factory(before))
