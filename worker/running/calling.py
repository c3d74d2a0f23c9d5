"""Calling a task's function, and turning whatever comes of it into an End: the same for loop, threads and children.

User code may raise anything, SystemExit and KeyboardInterrupt included. None of it may end the worker, and asyncio
would let those two out of its loop: so every call is closed up here, in the innermost place. What a coroutine starts as
a task of its own is seen to by `exits`.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass

from rowcall.app import DoNotRetry, Run, RunCancelled
from rowcall.app.run import enter_run
from rowcall.app.tasks import TaskFunction

from .endings import RETURNED_NOTHING, End, EndKind
from .errors import TookTooLong, cut, describe_error
from .results import InvalidResult, encode_result

_STOPS = (asyncio.CancelledError, RunCancelled)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept of a result and of an error, in bytes of UTF-8."""

    result_max_bytes: int
    error_max_bytes: int


async def await_task(function: TaskFunction, run: Run, *, takes_run: bool, limits: Limits) -> End:
    """Run a coroutine function on this loop. Never raises."""
    enter_run(run)
    try:
        return _returned(await (function(run) if takes_run else function()), limits)
    except BaseException as fault:  # noqa: BLE001 - the end of the line for whatever a task raises
        return _raised(fault, limits)


def call_task(function: TaskFunction, run: Run, *, takes_run: bool, limits: Limits) -> End:
    """Run a function in this thread; a coroutine function gets an event loop of its own. Never raises."""
    enter_run(run)
    try:
        value = function(run) if takes_run else function()
        return _returned(asyncio.run(value) if inspect.iscoroutine(value) else value, limits)
    except BaseException as fault:  # noqa: BLE001 - the end of the line for whatever a task raises
        return _raised(fault, limits)


def _returned(value: object, limits: Limits) -> End:
    if value is None:
        return RETURNED_NOTHING
    try:
        return End(EndKind.RETURNED, encode_result(value, limits.result_max_bytes))
    except InvalidResult as fault:
        told = f"the task returned, but its result can't be kept: {fault}"
        return End(EndKind.RAISED, cut(told, limits.error_max_bytes))


def _raised(fault: BaseException, limits: Limits) -> End:
    return End(_kind_of(fault), describe_error(fault, limits.error_max_bytes))


def _kind_of(fault: BaseException) -> EndKind:
    if _is_stop(fault):
        return EndKind.STOPPED
    if isinstance(fault, TookTooLong):
        return EndKind.LATE
    return EndKind.REFUSED if _is_refusal(fault) else EndKind.RAISED


def _is_stop(fault: BaseException) -> bool:
    """Whether this is how a task ends that was asked to; a task group wraps its children's."""
    if isinstance(fault, BaseExceptionGroup):
        return fault.split(_STOPS)[1] is None
    return isinstance(fault, _STOPS)


def _is_refusal(fault: BaseException) -> bool:
    """Whether the task says that trying again is of no use; in a group, one that says so speaks for all."""
    if isinstance(fault, BaseExceptionGroup):
        return fault.split(DoNotRetry)[0] is not None
    return isinstance(fault, DoNotRetry)
