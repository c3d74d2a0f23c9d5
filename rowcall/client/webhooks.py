"""Calls about deliveries of webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from rowcall.wire.webhooks import DeliveryList, DeliveryView

from .calls import Call, Pages, reader


def list_(
    *,
    schedule_id: int | None = None,
    execution_id: int | None = None,
    status: Sequence[str] = (),
    limit: int | None = None,
) -> Pages[DeliveryList, DeliveryView]:
    """Deliveries, the newest first, page after page as they are asked for; all, or `limit`."""
    wanted = {"schedule_id": schedule_id, "execution_id": execution_id, "status": list(status)}
    call = Call(method="GET", path="/v1/webhooks", params=wanted, read=reader(DeliveryList))
    return Pages(call, lambda page: page.webhooks, limit)


def get(delivery_id: int) -> Call[DeliveryView]:
    """One delivery with its tries."""
    return Call(method="GET", path=f"/v1/webhooks/{delivery_id:d}", read=reader(DeliveryView))


def redeliver(delivery_id: int) -> Call[DeliveryView]:
    """Deliver anew, under the same id."""
    return Call(method="POST", path=f"/v1/webhooks/{delivery_id:d}/redeliver", read=reader(DeliveryView))
