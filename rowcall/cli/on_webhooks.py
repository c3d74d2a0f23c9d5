"""What ``rowcall webhooks`` does: the same functions of the store as REST, shown as REST shows them."""

from __future__ import annotations

from typing import Any

from rowcall.domain.webhooks import DeliveryStatus
from rowcall.settings import Settings
from rowcall.store.schedules import resolve_schedule
from rowcall.store.webhooks import DeliveryRow, list_deliveries, redeliver
from rowcall.webapi.resources.webhooks import delivery_view

from .access import a_database
from .options import known_words
from .output import print_json, print_table, say
from .who import acting_here

COLUMNS = ("ID", "SCHEDULE", "EXECUTION", "EVENT", "RECEIVER", "STATUS", "TRIES", "NEXT TRY", "LAST ANSWER")


async def list_them(
    schedule: str | None, client: str, execution: int | None, statuses: list[str] | None, *, limit: int, as_json: bool
) -> None:
    """List deliveries, the newest first."""
    words = known_words(statuses, DeliveryStatus, "--status")
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        schedule_id = None if schedule is None else await resolve_schedule(place.database, client, schedule)
        found = await list_deliveries(
            place.database, None, limit, schedule_id=schedule_id, execution_id=execution, statuses=words
        )
    if as_json:
        for delivery in found:
            print_json(_shown(delivery))
    else:
        print_table(COLUMNS, map(_line, found), empty="No webhooks.")


async def redeliver_them(delivery_ids: list[int], *, as_json: bool) -> None:
    """Deliver anew. Raises NotFound, and Conflict where there is nowhere to go; those before it are on their way."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        database = acting_here(place.database)
        for delivery_id in delivery_ids:
            delivery = await redeliver(database, delivery_id)
            if as_json:
                print_json(_shown(delivery))
            else:
                say(f"Delivery {delivery_id} is due now, for {delivery['target']}.")


def _shown(delivery: DeliveryRow) -> dict[str, Any]:
    return delivery_view(delivery).model_dump(mode="json")


def _line(delivery: DeliveryRow) -> tuple[object, ...]:
    last = delivery["history"][-1] if delivery["history"] else {}
    return (
        delivery["delivery_id"],
        delivery["payload"]["data"]["schedule_name"],
        delivery["execution_id"],
        delivery["event"],
        delivery["target"],
        delivery["status"],
        delivery["attempt"],
        delivery["next_attempt_at"],
        delivery["status_reason"] or last.get("error") or last.get("status"),
    )
