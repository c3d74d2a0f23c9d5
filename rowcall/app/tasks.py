"""Tasks: a function, the name it is called by, and how it is to be run."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import Any

from rowcall.domain.errors import InvalidInput

TaskFunction = Callable[..., Any]

_YEAR_SECONDS = 365 * 86400

#: Printable, no spaces; no "@", because a route is written task_type@capability.
_NAME = re.compile(r"[^\s@\x00-\x1f\x7f-\x9f]{1,200}")


class Isolation(StrEnum):
    """Where a task runs, and so by which means it can be stopped."""

    ASYNC = "async"  #: on the worker's event loop: asyncio's cancellation
    THREAD = "thread"  #: in a thread of the worker: only by its own consent
    PROCESS = "process"  #: in a child process: killed


@dataclass(frozen=True)
class TaskDefinition:
    """A task as a worker knows it. `reference` is "module:qualname", by which a child process finds the function."""

    task_type: str
    function: TaskFunction
    isolation: Isolation
    capabilities: frozenset[str] = frozenset()
    timeout_seconds: float | None = None
    description: str | None = None
    reference: str = ""
    takes_run: bool = True


def define(
    function: TaskFunction,
    *,
    task_type: str | None,
    capability: str | Iterable[str] | None,
    timeout: float | None,
    isolation: str | None,
    description: str | None,
) -> TaskDefinition:
    """Build a task from its function; raises InvalidInput for what could never run."""
    if isinstance(function, staticmethod):
        function = function.__func__  # what its name gives, too
    chosen = _isolation(function, isolation)
    return TaskDefinition(
        task_type=check_name("task_type", task_type or _name_of(function)),
        function=function,
        isolation=chosen,
        capabilities=_capabilities(capability),
        timeout_seconds=_timeout(timeout),
        description=description or _first_sentence(function),
        reference=_reference(function, chosen),
        takes_run=takes_run(function),
    )


def check_name(field: str, name: object) -> str:
    """Return a task type or capability that can be one; raises InvalidInput for any other."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput.of(field, f"{str(name)[:220]!r} must be 1 to 200 characters without spaces, controls or '@'")
    return name


def find(reference: str) -> TaskFunction:
    """Import the function of "module:qualname". Raises ImportError or AttributeError where none is there."""
    module, _, qualname = reference.partition(":")
    function: TaskFunction = attrgetter(qualname)(importlib.import_module(module))
    return function


def check_found(task: TaskDefinition) -> None:
    """Raise InvalidInput if a child process would find another function than this task's: it would run that one."""
    here = sys.modules.get(getattr(task.function, "__module__", ""))  # __main__ is not imported anew under its name
    try:
        found = find(task.reference) if here is None else attrgetter(task.reference.partition(":")[2])(here)
    except (ImportError, AttributeError):
        found = None
    layer = found
    while layer is not None and layer != task.function:  # a decorator above @app.task wraps what was registered
        layer = getattr(layer, "__wrapped__", None)
    if layer is None:
        what = "nothing" if found is None else "another function"
        raise InvalidInput.of(
            "isolation",
            f"task {task.task_type!r}: a child process would find {what} under {task.reference}; "
            "give the function a name of its own at the top level of its module",
        )


def is_async(function: TaskFunction) -> bool:
    """Whether calling this function (or callable object, or partial of one) gives a coroutine."""
    while isinstance(function, partial):
        function = function.func
    return any(inspect.iscoroutinefunction(what) for what in (function, type(function).__call__))


def takes_run(function: TaskFunction) -> bool:
    """Whether the function wants the run (one argument) or nothing; raises InvalidInput if it wants more than that."""
    try:
        parameters = _signature(function).parameters.values()
    except ValueError:  # a builtin that doesn't tell
        return True
    positional = [p for p in parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    demanded = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(demanded) > 1 or any(p.kind is p.KEYWORD_ONLY for p in demanded):
        names = ", ".join(p.name for p in demanded)
        raise InvalidInput.of("function", f"{_label(function)} wants ({names}); a task takes the run, or nothing")
    return bool(positional)


def _signature(function: TaskFunction) -> inspect.Signature:
    """The parameters alone: an annotation may name what is imported for type checkers only."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.STRING)
    return inspect.signature(function)


def _isolation(function: TaskFunction, wanted: str | None) -> Isolation:
    """The isolation wished for, or the one that suits the function."""
    if not callable(function):
        raise InvalidInput.of("function", f"{function!r} is not a function; put @app.task above a def or async def")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidInput.of("function", f"{_label(function)} has a yield in it, so that calling it would run nothing")
    if wanted is None:
        return Isolation.ASYNC if is_async(function) else Isolation.THREAD
    try:
        chosen = Isolation(wanted)
    except ValueError:
        known = ", ".join(Isolation)
        raise InvalidInput.of("isolation", f"{wanted!r} is none of {known}") from None
    if chosen is Isolation.ASYNC and not is_async(function):
        raise InvalidInput.of("isolation", f"{_label(function)} is no coroutine function: it would block the loop")
    return chosen


def _capabilities(capability: str | Iterable[str] | None) -> frozenset[str]:
    """One capability, several or none, as a set."""
    if capability is None:
        return frozenset()
    names = [capability] if isinstance(capability, str) else capability
    return frozenset(check_name("capability", name) for name in names)


def _timeout(timeout: float | None) -> float | None:
    """A limit in seconds that is one."""
    if timeout is not None and not 0 < timeout <= _YEAR_SECONDS:
        raise InvalidInput.of("timeout", f"{timeout!r} must be seconds above 0, at most a year, or None")
    return timeout


def _reference(function: TaskFunction, isolation: Isolation) -> str:
    """Where another process finds the function; raises InvalidInput if it has to and can't."""
    module = _module_name(function)
    qualname = getattr(function, "__qualname__", "")
    found = f"{module}:{qualname}"
    if isolation is Isolation.PROCESS and (not module or not qualname or "<" in qualname):
        raise InvalidInput.of(
            "isolation",
            f"a child process finds its task by import, and {found!r} can't be imported; "
            "define the function at the top level of a module that is not run as a script",
        )
    return found


def _module_name(function: TaskFunction) -> str:
    """The name a module can be imported by: of ``python -m billing.tasks``, that is not __main__."""
    module = getattr(function, "__module__", None) or ""
    if module != "__main__":
        return module
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else ""


def _name_of(function: TaskFunction) -> str:
    """A task type made of the function's name."""
    return getattr(function, "__name__", "").strip("_").replace("_", "-")


def _first_sentence(function: TaskFunction) -> str | None:
    """The first line of the function's own docstring."""
    text = inspect.getdoc(function) if inspect.isfunction(function) else None
    return text.splitlines()[0] if text else None


def _label(function: TaskFunction) -> str:
    """A function's name for a message."""
    return getattr(function, "__qualname__", repr(function))
