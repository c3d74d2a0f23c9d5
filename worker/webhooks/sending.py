"""One try to deliver a webhook: signed as Standard Webhooks say, and sent to where the operator lets it go."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from standardwebhooks.webhooks import Webhook

from rowcall.domain.errors import Forbidden, InvalidInput
from rowcall.domain.webhooks import Attempt, webhook_id
from rowcall.egress.client import HttpClient, Response
from rowcall.egress.errors import EgressFailed, EgressRefused
from rowcall.egress.result import excerpt
from rowcall.store.webhooks import Delivery
from rowcall.vault.book import SIGNING
from rowcall.vault.file import SecretFile

log = structlog.get_logger("rowcall.worker")

MOST_READ_BYTES = 4096


class Sender:
    """Sends deliveries, whatever becomes of them."""

    def __init__(self, client: HttpClient, secrets: SecretFile, installation_id: str, timeout_seconds: float) -> None:
        self._client = client
        self._secrets = secrets
        self._installation_id = installation_id
        self._timeout_seconds = timeout_seconds

    async def send(self, delivery: Delivery) -> Attempt:
        """Sign it, send it, and say how it went."""
        began = time.monotonic()
        try:
            keys = self._secrets.book().signing_values(delivery.client_id)
        except (Forbidden, InvalidInput) as fault:
            log.error("secrets_can_not_be_read", error=str(fault))  # noqa: TRY400 - the message is whole
            return Attempt(None, "the operator's secrets can't be read; the worker's log says why", 0.0, sent=False)
        if not keys:
            return Attempt(None, f"there is no secret to sign with: rowcall secrets create {SIGNING}", 0.0, sent=False)
        try:
            response = await self._client.request(
                "POST",
                delivery.url,
                headers=self._headers(delivery, keys),
                body=delivery.body.encode(),
                timeout_seconds=self._timeout_seconds,
                max_response_bytes=MOST_READ_BYTES,
            )
        except EgressRefused as refusal:
            return Attempt(None, str(refusal), time.monotonic() - began, sent=False, final=True)
        except EgressFailed as fault:
            return _failed(fault, time.monotonic() - began)
        return _answered(response)

    def _headers(self, delivery: Delivery, keys: Sequence[str]) -> dict[str, str]:
        """While a secret is rotated, there is a signature with each of its values: receivers know one of them."""
        sent_as = webhook_id(self._installation_id, delivery.delivery_id)
        signatures = [Webhook(key).sign(sent_as, delivery.now, delivery.body) for key in keys]
        return {
            "content-type": "application/json",
            "webhook-id": sent_as,
            "webhook-timestamp": str(int(delivery.now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def _failed(fault: EgressFailed, seconds: float) -> Attempt:
    """The status counts where one came, though the rest of the answer did not: the receiver has said how it went.

    The path of its address may be a secret: it stands neither in the history nor in the log.
    """
    taken = fault.status is not None and 200 <= fault.status < 300
    return Attempt(fault.status, None if taken else fault.why, seconds)


def _answered(response: Response) -> Attempt:
    if 200 <= response.status < 300:
        return Attempt(response.status, None, response.elapsed_seconds)
    error = f"answered {response.status}"
    if 300 <= response.status < 400:
        error += "; redirects are not followed"
    elif text := excerpt(response):
        error += f"; it said: {text}"
    return Attempt(response.status, error, response.elapsed_seconds, _retry_after(response))


def _retry_after(response: Response) -> float | None:
    """The header as seconds; a date in it is left alone."""
    given = response.headers.get("retry-after", "").strip()
    return float(given) if given.isascii() and given.isdigit() and len(given) < 9 else None
