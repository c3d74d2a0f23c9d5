"""Calls about backfills; one is started with `schedules.backfill`."""

from __future__ import annotations

from collections.abc import Sequence

from rowcall.wire.backfills import BackfillList, BackfillView

from .calls import Call, Pages, reader


def list_(
    *, schedule_id: int | None = None, status: Sequence[str] = (), limit: int | None = None
) -> Pages[BackfillList, BackfillView]:
    """Backfills, the newest first, page after page as they are asked for; all, or `limit`."""
    wanted = {"schedule_id": schedule_id, "status": list(status)}
    call = Call(method="GET", path="/v1/backfills", params=wanted, read=reader(BackfillList))
    return Pages(call, lambda page: page.backfills, limit)


def get(backfill_id: int) -> Call[BackfillView]:
    """One backfill, and how far it is."""
    return Call(method="GET", path=f"/v1/backfills/{backfill_id:d}", read=reader(BackfillView))


def cancel(backfill_id: int) -> Call[BackfillView]:
    """Start no more of it; what runs of it runs to its end."""
    return Call(method="POST", path=f"/v1/backfills/{backfill_id:d}/cancel", read=reader(BackfillView))
