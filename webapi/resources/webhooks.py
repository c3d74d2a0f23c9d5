"""/v1/webhooks: what was told to callback URLs, how that went, and telling it anew."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import structlog
from pydantic import Field
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.domain.errors import NotFound
from rowcall.store.schedules import LARGEST_ID
from rowcall.store.webhooks import DeliveryRow, find_delivery, list_deliveries, redeliver
from rowcall.webapi.pages import IdCursor, decode, encode, link_to_next
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, reply, route
from rowcall.wire.base import NoFields
from rowcall.wire.webhooks import DeliveryList, DeliveryView

log = structlog.get_logger("rowcall.webapi")

Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]


class DeliveriesQuery(Query):
    """Which deliveries to list."""

    schedule_id: Id | None = None
    execution_id: Id | None = None
    status: list[Literal["PENDING", "DELIVERED", "DEAD"]] = Field([], description="May be repeated.")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: IdCursor | None = Field(None, description="`next_cursor` of the page before.")


async def list_all(call: Call[DeliveriesQuery, None]) -> Response:
    """List deliveries."""
    query = call.query
    before = None if query.cursor is None else decode(query.cursor, 1)[0]
    rows = await list_deliveries(
        call.database,
        before,
        query.limit + 1,
        schedule_id=query.schedule_id,
        execution_id=query.execution_id,
        statuses=query.status,
    )
    page = rows[: query.limit]
    cursor = encode(page[-1]["delivery_id"]) if len(rows) > len(page) else None
    answer = DeliveryList(webhooks=[delivery_view(row) for row in page], next_cursor=cursor)
    return reply(answer, headers=link_to_next(call.request, cursor))


async def read(call: Call[Query, None]) -> Response:
    """Read a delivery."""
    return reply(delivery_view(await find_delivery(call.database, _id(call))))


async def deliver_anew(call: Call[Query, NoFields]) -> Response:
    """Deliver anew."""
    delivery = await redeliver(call.database, _id(call))
    log.info("webhook_redeliver", delivery_id=delivery["delivery_id"], schedule_id=delivery["schedule_id"])
    return reply(delivery_view(delivery), 202)


def delivery_view(delivery: DeliveryRow) -> DeliveryView:
    """What is shown of a delivery."""
    return DeliveryView.model_validate(delivery)


def _id(call: Call[Any, Any]) -> int:
    text = call.named("id")
    if re.fullmatch("[0-9]{1,19}", text) is None:
        raise NotFound(f"there is no delivery {text[:40]!r}; ids are whole numbers")
    return int(text)


OPERATIONS = (
    route(
        "GET",
        "/v1/webhooks",
        list_all,
        scope=Scope.READ,
        summary="What callback URLs are told, and how that went; the newest first",
        description="One delivery for each execution that a `callback_url` is told of.",
        tag="webhooks",
        query=DeliveriesQuery,
        answers={200: DeliveryList},
    ),
    route(
        "GET",
        "/v1/webhooks/{id}",
        read,
        scope=Scope.READ,
        summary="Read a delivery with its tries",
        description="The last thirty tries, and what is sent.",
        tag="webhooks",
        answers={200: DeliveryView},
        problems=(404,),
    ),
    route(
        "POST",
        "/v1/webhooks/{id}/redeliver",
        deliver_anew,
        scope=Scope.RUN,
        summary="Deliver anew, under the same id, to where the schedule's callback_url points now",
        description=(
            "It is due at once, whatever became of it before. A schedule without a `callback_url` makes it a 409."
        ),
        tag="webhooks",
        body=NoFields,
        body_required=False,
        answers={202: DeliveryView},
        problems=(404, 409),
    ),
)
