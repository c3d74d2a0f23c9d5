"""What ``rowcall webhooks`` does: it asks the API, and shows what that answers."""

from __future__ import annotations

from typing import Any

from rowcall.domain.webhooks import DeliveryStatus
from rowcall.wire.webhooks import DeliveryView

from .on_executions import schedule_id_of
from .options import known_words
from .output import print_json, print_table, say
from .reaching import an_api

COLUMNS = ("ID", "SCHEDULE", "EXECUTION", "EVENT", "RECEIVER", "STATUS", "TRIES", "NEXT TRY", "LAST ANSWER")


async def list_them(
    schedule: str | None, client: str, execution: int | None, statuses: list[str] | None, *, limit: int, as_json: bool
) -> None:
    """List deliveries, the newest first."""
    words = known_words(statuses, DeliveryStatus, "--status")
    async with an_api() as api:
        deliveries = api.client.webhooks.list(
            schedule_id=await schedule_id_of(api.client, schedule, client),
            execution_id=execution,
            status=words,
            limit=limit,
        )
        found = [delivery async for delivery in deliveries]
    if as_json:
        for delivery in found:
            print_json(_shown(delivery))
    else:
        print_table(COLUMNS, map(_line, found), empty="No webhooks.")


async def redeliver_them(delivery_ids: list[int], *, as_json: bool) -> None:
    """Deliver anew. Raises NotFound, and Conflict where there is nowhere to go; those before it are on their way."""
    async with an_api() as api:
        for delivery_id in delivery_ids:
            delivery = await api.client.webhooks.redeliver(delivery_id)
            if as_json:
                print_json(_shown(delivery))
            else:
                say(f"Delivery {delivery_id} is due now, for {delivery.target}.")


def _shown(delivery: DeliveryView) -> dict[str, Any]:
    return delivery.model_dump(mode="json")


def _line(delivery: DeliveryView) -> tuple[object, ...]:
    last = delivery.history[-1] if delivery.history else None
    return (
        delivery.delivery_id,
        delivery.payload["data"]["schedule_name"],
        delivery.execution_id,
        delivery.event,
        delivery.target,
        delivery.status,
        delivery.attempt,
        delivery.next_attempt_at,
        delivery.status_reason or (last and (last.error or last.status)),
    )
