"""What a task is given when it runs: who it is, what it was scheduled for, and whether it should stop."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from .cancellation import Cancellation, RunCancelled

if TYPE_CHECKING:  # structlog takes a while to import, and a program that only registers tasks doesn't need it
    from structlog.typing import FilteringBoundLogger

_CURRENT: ContextVar[Run | None] = ContextVar("rowcall_run", default=None)


class _ReadWhenAsked:
    """`Run.input_data` of a run that was made `quickly`: until it is there, it is `read` from what is `written`.

    Reading JSON takes as long as the rest of a start together, and many tasks never look at their input.
    """

    def __get__(self, run: Run | None, _: type[Run]) -> Any:
        if run is None:
            return None  # what the field is by default
        fields = vars(run)
        value = fields["input_data"] = fields["read"](fields["written"])
        return value


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One attempt of one execution, as the task sees it. Both moments are aware, in UTC.

    A task runs at least once: the same execution can come again after a crash. Work that must not happen twice is
    guarded by `idempotency_key`, which stays the same over all attempts, or by `fence`, which rises with each.
    """

    execution_id: int
    schedule_id: int
    schedule_name: str
    client_id: str
    scheduled_for: datetime  #: the occurrence; of a manual run, the moment of the request
    triggered_at: datetime  #: the start of this attempt
    attempt: int  #: from 1
    fence: int  #: rises at every claim and never falls
    task_type: str
    trigger: str  #: schedule, manual or backfill
    input_data: Any = _ReadWhenAsked()
    installation_id: str = ""
    signal: Cancellation = field(default_factory=Cancellation, repr=False)
    opener: Callable[[Run], AbstractAsyncContextManager[Any]] | None = field(default=None, repr=False)
    began: float = field(default_factory=time.monotonic, repr=False)  #: the start, on this process's monotonic clock

    @classmethod
    def quickly(cls, fields: dict[str, Any]) -> Self:
        """The same as calling the class with all fields: the initialiser of what is frozen takes six times as long.

        Instead of `input_data` there may be `written`, and a function to `read` it by when somebody asks for it.
        """
        run = object.__new__(cls)
        object.__setattr__(run, "__dict__", fields)
        return run

    @property
    def idempotency_key(self) -> str:
        """The same for all attempts of this execution, and different from every other execution of any installation."""
        return f"{self.installation_id}-{self.execution_id}"

    @property
    def identity(self) -> dict[str, object]:
        """The ids by which every log line of this run can be found, under the names of the ledger's columns."""
        return {
            "execution_id": self.execution_id,
            "schedule_id": self.schedule_id,
            "schedule_name": self.schedule_name,
            "task_type": self.task_type,
            "attempt": self.attempt,
        }

    @cached_property
    def logger(self) -> FilteringBoundLogger:
        """A structlog logger that says with every line which run it comes from."""
        import structlog

        logger: FilteringBoundLogger = structlog.get_logger(f"rowcall.task.{self.task_type}").bind(**self.identity)
        return logger

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A database transaction that commits together with the success of this execution, or not at all: exactly once.

        ``async with run.transaction() as transaction:`` gives ``execute``, ``executemany``, ``fetch``, ``fetchrow`` and
        ``fetchval``, and ``transaction.result``, the result to keep. The execution has SUCCEEDED when the block has
        ended: let it be the last thing the task does. Raises LeaseLost at its end, and nothing was written, when the
        execution was given to another worker. Only for coroutines: RuntimeError in threads and child processes.
        """
        if self.opener is None:
            raise RuntimeError("run.transaction() needs the worker's event loop: make the task an async function")
        return self.opener(self)

    @property
    def cancelled(self) -> bool:
        """Whether this run should stop. Cheap: look as often as you like, from any thread."""
        return self.signal.look()

    def raise_if_cancelled(self) -> None:
        """End the task here, with `RunCancelled`, if it should stop."""
        if self.signal.look():
            raise RunCancelled(self.signal.reason)

    def wait_cancelled(self, seconds: float) -> bool:
        """Sleep for so many seconds, or until this run should stop: then True. For threads and child processes."""
        woken = threading.Event()
        forget = self.signal.listen(woken.set)
        try:
            woken.wait(seconds)
        finally:
            forget()
        return self.signal.look()

    async def cancellation(self) -> str:
        """Wait until this run should stop; returns why. For coroutines, on any event loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        asked = asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits on it any more
                loop.call_soon_threadsafe(asked.set)

        forget = self.signal.listen(wake)
        try:
            await asked.wait()
        finally:
            forget()
        self.signal.look()
        return self.signal.reason or ""


def current_run() -> Run | None:
    """The run that this code is part of, None outside of one; logging reads it to name the run in every line."""
    return _CURRENT.get()


def enter_run(run: Run) -> None:
    """Make `run` the current one in this context; the worker gives every run a context of its own."""
    _CURRENT.set(run)
