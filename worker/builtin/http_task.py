"""The built-in task type `http`: one request, as `input_data` says, to where the operator's allow list lets it go."""

from __future__ import annotations

from rowcall.app import Isolation, Run, TaskDefinition
from rowcall.domain.errors import InvalidInput
from rowcall.egress.client import HttpClient
from rowcall.egress.errors import EgressRefused
from rowcall.egress.policy import Policy
from rowcall.egress.request import HttpRequest, call
from rowcall.settings import Settings
from rowcall.store.connecting import hosts_of
from rowcall.worker.running.errors import Refused


def egress_policy(settings: Settings) -> Policy:
    """What `http` tasks may call: the allow list, and never Rowcall's own API or its databases."""
    denied = [f"{settings.host}:{settings.port}"] if settings.port else []
    for url in (settings.database_url, settings.direct_database_url, settings.sql_database_url):
        denied += [f"{host}:{port}" for host, port in hosts_of(url or "") if not host.startswith("/")]
    return Policy.parse(",".join(settings.http_allow), denied)


def http_task(client: HttpClient, settings: Settings) -> TaskDefinition:
    """The task `http`. Input that makes no sense, and addresses that may not be called, are not tried again."""

    async def http(run: Run) -> object:
        try:
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
        except (EgressRefused, InvalidInput) as fault:
            raise Refused(str(fault)) from fault

    return TaskDefinition("http", http, Isolation.ASYNC, description="Calls a URL: input_data says which, and how")
