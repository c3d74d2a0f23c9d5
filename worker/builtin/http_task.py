"""The built-in task type `http`: one request, as `input_data` says, to where the operator's allow list lets it go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from rowcall.app import Isolation, Run, TaskDefinition
from rowcall.domain.errors import Forbidden, InvalidInput, RowcallError
from rowcall.egress.client import HttpClient
from rowcall.egress.errors import EgressFailed, EgressRefused
from rowcall.egress.policy import Policy, authority
from rowcall.egress.redaction import Redactor
from rowcall.egress.request import HttpRequest, call
from rowcall.egress.url import parse_url
from rowcall.settings import Settings
from rowcall.store.connecting import hosts_of
from rowcall.vault.book import SecretBook
from rowcall.vault.file import SecretFile
from rowcall.vault.references import Resolved, has_references, resolve
from rowcall.worker.running.errors import Refused

log = structlog.get_logger("rowcall.worker")


def egress_policy(settings: Settings) -> Policy:
    """What `http` tasks and webhooks may call: the allow list, and never Rowcall's own API or its databases."""
    denied = [authority(settings.host, port) for port in (settings.port, settings.probe_port) if port]
    for url in (settings.database_url, settings.direct_database_url, settings.sql_database_url):
        denied += [authority(host, port) for host, port in hosts_of(url or "") if not host.startswith("/")]
    return Policy.parse(",".join(settings.http_allow), denied)


def http_task(client: HttpClient, settings: Settings) -> TaskDefinition:
    """The task `http`. Input that makes no sense, and addresses that may not be called, are not tried again."""
    secrets = SecretFile(settings.secrets_path)

    async def http(run: Run) -> object:
        try:
            resolved = _with_secrets(run.input_data, secrets, run.client_id)
            request, redactor = HttpRequest.of(resolved.input_data), Redactor(resolved.values)
        except (EgressRefused, InvalidInput) as fault:
            raise Refused(str(fault)) from fault
        return await _call(client, run, request, redactor, settings.http_max_response_bytes)

    return TaskDefinition("http", http, Isolation.ASYNC, description="Calls a URL: input_data says which, and how")


async def _call(client: HttpClient, run: Run, request: HttpRequest, redactor: Redactor, most: int) -> object:
    """The call; no error of it, nor a cause of one, holds what the redactor knows."""
    try:
        return await call(
            client,
            request,
            idempotency_key=run.idempotency_key,
            fencing_token=str(run.fence),
            context_headers={
                "rowcall-execution-id": str(run.execution_id),
                "rowcall-schedule-id": str(run.schedule_id),
                "rowcall-scheduled-for": run.scheduled_for.isoformat(),
                "rowcall-attempt": str(run.attempt),
            },
            max_response_bytes=most,
            redactor=redactor,
        )
    except EgressRefused as fault:
        raise Refused(redactor.text(str(fault))) from None
    except EgressFailed as fault:
        raise EgressFailed(redactor.text(str(fault)), status=fault.status, timed_out=fault.timed_out) from None


def _with_secrets(input_data: Mapping[str, Any], secrets: SecretFile, client_id: str) -> Resolved:
    """The input with values in the place of names of secrets, looked up now and kept by nobody."""
    if not has_references(input_data):
        return Resolved(input_data, frozenset())
    url = input_data.get("url")
    return resolve(input_data, _book(secrets), client_id, parse_url(url).host if isinstance(url, str) else "")


def _book(secrets: SecretFile) -> SecretBook:
    """What the file says. Where it can't be used, the operator is told why, and the client only that it is so."""
    try:
        return secrets.book()
    except (Forbidden, InvalidInput) as fault:
        log.error("secrets_can_not_be_read", error=str(fault))  # noqa: TRY400 - the message is whole
        raise RowcallError("the operator's secrets can't be read just now; the worker's log says why") from None
