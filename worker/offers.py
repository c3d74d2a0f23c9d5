"""What a worker can run: the tasks of its apps and the built-in ones, and the routes that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from rowcall.app import App, Isolation, Run, TaskDefinition
from rowcall.domain.errors import Fault, InvalidInput
from rowcall.domain.schedules import route_of
from rowcall.egress.client import HttpClient
from rowcall.egress.policy import Policy
from rowcall.egress.request import HttpRequest, call
from rowcall.settings import Settings
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


def egress_policy(settings: Settings) -> Policy:
    """What `http` tasks may call: the allow list, and never Rowcall's own API or database."""
    denied = [f"{settings.host}:{settings.port}"] if settings.port else []
    database = urlsplit(settings.database_url or "")
    if database.hostname:
        denied.append(f"{database.hostname}:{database.port or 5432}")
    return Policy.parse(",".join(settings.http_allow), denied)


def http_task(client: HttpClient, settings: Settings) -> TaskDefinition:
    """The built-in task type `http`: one request, as `input_data` says."""

    async def http(run: Run) -> object:
        return await call(
            client,
            HttpRequest.of(run.input_data),
            idempotency_key=run.idempotency_key,
            fencing_token=str(run.fence),
            context_headers={
                "rowcall-execution-id": str(run.execution_id),
                "rowcall-schedule-id": str(run.schedule_id),
                "rowcall-scheduled-for": run.scheduled_for.isoformat(),
                "rowcall-attempt": str(run.attempt),
            },
            max_response_bytes=settings.http_max_response_bytes,
        )

    return TaskDefinition("http", http, Isolation.ASYNC, description="Calls a URL: input_data says which, and how")
