"""App: the tasks and static schedules of one program, gathered by decorators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar, Unpack, overload

from rowcall.domain.errors import Fault, InvalidInput

from .schedules import Interval, Policies, StaticSchedule, check_schedule_name, timing
from .tasks import Isolation, TaskDefinition, TaskFunction, check_found, check_name, define

F = TypeVar("F", bound=TaskFunction)


class App:
    """A registry of tasks. Its name is the source of its static schedules, and so part of their identity: keep it."""

    def __init__(self, name: str) -> None:
        self.name = check_name("name", name)
        self._tasks: dict[str, TaskDefinition] = {}
        self._schedules: dict[tuple[str, str], StaticSchedule] = {}
        self._sources = {name}
        self._types: dict[int, str] = {}  # by the function's id: a callable object may not be hashable
        self._waiting: list[tuple[TaskFunction, str | None, dict[str, Any]]] = []

    @property
    def tasks(self) -> Mapping[str, TaskDefinition]:
        """The tasks by their type; a view that follows later registrations."""
        return MappingProxyType(self._tasks)

    @property
    def sources(self) -> list[str]:
        """The apps whose static schedules these are: its own name, and those of what it includes."""
        return sorted(self._sources)

    @property
    def schedules(self) -> list[StaticSchedule]:
        """The static schedules, in the order of their declaration."""
        return list(self._schedules.values())

    @overload
    def task(self, task_type: F, /) -> F: ...

    @overload
    def task(
        self,
        task_type: str | None = None,
        *,
        capability: str | Iterable[str] | None = None,
        timeout: float | None = None,
        isolation: str | None = None,
        description: str | None = None,
    ) -> Callable[[F], F]: ...

    def task(
        self,
        task_type: Any = None,
        *,
        capability: str | Iterable[str] | None = None,
        timeout: float | None = None,
        isolation: str | None = None,
        description: str | None = None,
    ) -> Any:
        """Register a function as a task; the function itself stays what it was.

        `task_type` is by default the function's name with dashes. `capability` names what this version of the task can
        do (one or several): a schedule that requires one goes only to workers that have it. `timeout` is in seconds.
        `isolation` is "async", "thread" or "process"; by default coroutine functions run on the event loop and plain
        functions in threads. The function takes one argument, the `Run`, or none.
        Raises InvalidInput for a function that could never run, and for a task type that is taken.
        """

        def register(function: F) -> F:
            definition = define(
                function,
                task_type=None if callable(task_type) else task_type,
                capability=capability,
                timeout=timeout,
                isolation=isolation,
                description=description,
            )
            self._add_task(definition)
            self._types[id(function)] = definition.task_type
            self._attach_waiting(function)
            return function

        return register(task_type) if callable(task_type) else register

    def schedule(
        self,
        *,
        cron: str | None = None,
        cron_fields: Mapping[str, Any] | None = None,
        interval: Interval | None = None,
        at: datetime | None = None,
        timezone: str | None = None,
        name: str | None = None,
        input_data: Mapping[str, Any] | None = None,
        **policies: Unpack[Policies],
    ) -> Callable[[F], F]:
        """Declare a static schedule for the task below (or above); any number of them can be stacked.

        Exactly one of `cron` (five fields or an alias), `cron_fields`, `interval` (seconds, a timedelta, or a dict of
        weeks, days, hours, minutes and seconds) and `at` (without an offset: read in `timezone`). `name` is by default
        the task type; several schedules of one task need names. What is left out takes the installation's default.
        The rule itself is judged when a worker starts. Raises InvalidInput.
        """
        fields = timing(cron=cron, cron_fields=cron_fields, interval=interval, at=at)
        rest = {"timezone": timezone, "input_data": input_data, **policies}
        fields |= {field: value for field, value in rest.items() if value is not None}

        def declare(function: F) -> F:
            self._waiting.append((function, name, fields))
            if id(function) in self._types:
                self._attach_waiting(function)
            return function

        return declare

    def include(self, other: App) -> None:
        """Take over the tasks and schedules of another app; the schedules keep their source. Raises InvalidInput."""
        other.check()
        for definition in other._tasks.values():
            self._add_task(definition)
        for schedule in other._schedules.values():
            self._add_schedule(schedule)
        self._sources |= other._sources

    def check(self) -> None:
        """Raise InvalidInput for a schedule on a function that never became a task, or a task no child would find."""
        if self._waiting:
            labels = [getattr(function, "__qualname__", repr(function)) for function, _, _ in self._waiting]
            raise InvalidInput([Fault("schedule", f"{label} has @app.schedule but no @app.task") for label in labels])
        for definition in self._tasks.values():
            if definition.isolation is Isolation.PROCESS:
                check_found(definition)

    def _attach_waiting(self, function: TaskFunction) -> None:
        """Turn the declarations on this function into schedules, now that its task type is known."""
        task_type = self._types[id(function)]
        mine = [entry for entry in self._waiting if entry[0] is function]
        self._waiting = [entry for entry in self._waiting if entry[0] is not function]
        for _, name, fields in mine:
            named = check_schedule_name(name or task_type.replace("/", "-"))
            whole = {"name": named, "task_type": task_type, **fields}
            self._add_schedule(StaticSchedule(self.name, named, task_type, MappingProxyType(whole)))

    def _add_task(self, definition: TaskDefinition) -> None:
        taken = self._tasks.get(definition.task_type)
        if taken is not None and taken is not definition:
            raise InvalidInput.of(
                "task_type", f"{definition.task_type!r} is taken by {taken.reference}; choose another"
            )
        self._tasks[definition.task_type] = definition

    def _add_schedule(self, schedule: StaticSchedule) -> None:
        identity = (schedule.source, schedule.name)
        if self._schedules.get(identity, schedule) is not schedule:
            raise InvalidInput.of("name", f"{schedule.source} has a schedule {schedule.name!r} already; choose another")
        self._schedules[identity] = schedule
