"""What a callback_url is sent: the `webhooks` section of OpenAPI, for whoever writes a receiver."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from openapi_pydantic import MediaType, Parameter, ParameterLocation, PathItem, Reference, RequestBody, Response, Schema
from openapi_pydantic import Operation as Described
from openapi_pydantic.util import PydanticSchema
from pydantic import Field

from rowcall.domain.fields import CallbackEvent
from rowcall.wire.base import View

EXAMPLE = {
    "type": "execution.failed",
    "timestamp": "2030-01-31T09:00:02.481302+00:00",
    "data": {
        "execution_id": 812,
        "schedule_id": 7,
        "schedule_name": "nightly-report",
        "client_id": "default",
        "task_type": "http",
        "trigger": "schedule",
        "status": "FAILED",
        "scheduled_for": "2030-01-31T09:00:00+00:00",
        "covers_after": "2030-01-30T09:00:00+00:00",
        "attempt": 4,
        "executed_at": "2030-01-31T09:00:02.204817+00:00",
        "finished_at": "2030-01-31T09:00:02.481302+00:00",
        "duration_seconds": 0.27,
        "error_message": "https://reports.example.com: answered 503, expected 2xx",
        "reason": None,
    },
}
HEADERS = {
    "webhook-id": "The same at every try of this delivery: do nothing for an id that was seen before.",
    "webhook-timestamp": "When it was sent, in seconds since 1970, by PostgreSQL's clock.",
    "webhook-signature": "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; two while a secret is rotated.",
}
ANSWERS = {
    "2XX": "It was taken.",
    "410": "The receiver wants to hear no more of this: it is given up.",
    "429": "Tried again, no sooner than `Retry-After` says in seconds; `503` likewise.",
    "default": "Tried again, with growing waits, for a day. Redirects are not followed.",
}


class WebhookData(View):
    """The execution that ended."""

    execution_id: int
    schedule_id: int
    schedule_name: str
    client_id: str
    task_type: str
    trigger: Literal["schedule", "manual", "backfill"]
    status: CallbackEvent
    scheduled_for: datetime = Field(description="The occurrence; of a manual run, the moment of the request.")
    covers_after: datetime | None = Field(description="It answers for all after this, up to `scheduled_for`.")
    attempt: int = Field(description="0 where it never ran.")
    executed_at: datetime | None = Field(description="The start of the last attempt.")
    finished_at: datetime
    duration_seconds: float | None
    error_message: str | None = Field(description="At most 2,000 characters.")
    reason: str | None = Field(description="Why it did not run, or was cancelled.")


class WebhookPayload(View):
    """An execution has ended. Its result is at `GET /v1/executions/{id}`."""

    type: str = Field(description="`execution.` and the status in lower case.", examples=["execution.failed"])
    timestamp: datetime = Field(description="When it ended.")
    data: WebhookData


def webhooks() -> dict[str, PathItem | Reference]:
    """The section."""
    described = Described.model_validate(
        {
            "operationId": "execution_ended",
            "summary": "An execution ended, was missed or skipped: sent to the callback_url of its schedule",
            "tags": ["webhooks"],
            "parameters": [
                Parameter.model_validate(
                    {
                        "name": name, "in": ParameterLocation.HEADER, "required": True, "description": text,
                        "schema": Schema.model_validate({"type": "string"}),
                    }
                )
                for name, text in HEADERS.items()
            ],
            "requestBody": RequestBody(required=True, content={"application/json": _content()}),
            "responses": {status: Response(description=text) for status, text in ANSWERS.items()},
        }
    )  # fmt: skip
    return {"execution": PathItem.model_validate({"post": described})}


def _content() -> MediaType:
    schema: Any = PydanticSchema.model_validate({"schema_class": WebhookPayload})
    return MediaType.model_validate({"schema": schema, "example": EXAMPLE})
