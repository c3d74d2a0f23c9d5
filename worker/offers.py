"""What a worker can run: the tasks of its apps and the built-in ones, and the routes that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rowcall.app import App, TaskDefinition
from rowcall.domain.errors import Fault, InvalidInput
from rowcall.domain.schedules import route_of
from rowcall.store.leases import OfferedTask


@dataclass(frozen=True, slots=True)
class Offers:
    """What a worker can run: its tasks by type, the routes it may claim, and what is written down for others."""

    tasks: Mapping[str, TaskDefinition]
    routes: Sequence[str]
    offered: Sequence[OfferedTask]


def offers_of(apps: Sequence[App], built_in: Sequence[TaskDefinition], capabilities: Iterable[str]) -> Offers:
    """The offers of these apps; `capabilities` are the worker's own, on top of what its tasks name.

    Raises InvalidInput when a task type is offered twice.
    """
    tasks = {definition.task_type: definition for definition in built_in}
    app_of: dict[str, str] = {}
    faults: list[Fault] = []
    for app in apps:
        app.check()
        for task_type, definition in app.tasks.items():
            if task_type in tasks:
                faults.append(Fault("task_type", f"{task_type!r} of app {app.name!r} is offered already: rename one"))
            tasks[task_type], app_of[task_type] = definition, app.name
    if faults:
        raise InvalidInput(faults)
    own = frozenset(capabilities)
    capable = {task_type: definition.capabilities | own for task_type, definition in tasks.items()}
    routes = {route_of(task_type, each) for task_type in tasks for each in (None, *capable[task_type])}
    return Offers(tasks, sorted(routes), [_offered(tasks[each], app_of.get(each), capable[each]) for each in tasks])


def _offered(definition: TaskDefinition, app: str | None, capabilities: Iterable[str]) -> OfferedTask:
    return OfferedTask(
        task_type=definition.task_type,
        app=app,
        description=definition.description,
        capabilities=sorted(capabilities),
        isolation=definition.isolation.value,
        timeout_seconds=definition.timeout_seconds,
    )
