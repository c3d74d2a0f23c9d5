"""The outbox, worked off: what is due for which receiver, taking it, noting how it went; and the history of it all.

A delivery that is taken stays PENDING, due again when its worker counts as dead: nothing has to be given back, and what
was delivered without a note is delivered again, under the same id. `attempt` and `due_since` guard the note: the first
changes with each try, the second where it is sent elsewhere or asked for anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowcall.domain.errors import Conflict, NotFound
from rowcall.domain.webhooks import Attempt, Verdict, webhook_id

from .database import Database
from .jsonb import read_jsonb
from .schedule_lists import few_of_client
from .schedules import (
    LARGEST_ID,
)
from .sessions import Row, Session

DeliveryRow = Mapping[str, Any]

MOST_TARGETS = 500
AT_ONCE = 1000
LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one worker has to deliver. `body` is the payload as text, `due_since` when it was made or asked for anew,
    `now` the moment it was taken, `age_seconds` how long it has been tried."""

    delivery_id: int
    execution_id: int
    client_id: str
    event: str
    url: str
    target: str
    body: str
    attempt: int
    due_since: datetime
    now: datetime
    age_seconds: float


async def waiting_targets(session: Session, after: str) -> list[tuple[str, float]]:
    """Receivers that something is pending for, and in how many seconds the first of it is due: a page in order."""
    rows = await session.fetch("waiting_targets", after, MOST_TARGETS)
    return [(row["target"], row["due_in"]) for row in rows]


async def claim_deliveries(session: Session, share: Mapping[str, int], lease_seconds: float) -> list[Delivery]:
    """Take what is due for these receivers, of each so many at most, for so long."""
    rows = await session.fetch("claim_deliveries", list(share), list(share.values()), lease_seconds)
    return [
        Delivery(
            row["delivery_id"], row["execution_id"], row["client_id"], row["event"], row["url"], row["target"],
            row["payload"], row["attempt"], row["due_since"], row["now"], row["age_seconds"],
        )
        for row in rows
    ]  # fmt: skip


async def note_delivery(session: Session, delivery: Delivery, attempt: Attempt, verdict: Verdict) -> bool:
    """Note how it went; False where it has been another's since, or goes elsewhere, or was asked for anew."""
    entry = {
        "attempt": delivery.attempt,
        "at": delivery.now.isoformat(),
        "status": attempt.status,
        "error": None if attempt.error is None else attempt.error[:LONGEST_ERROR],
        "seconds": round(attempt.seconds, 3),
    }
    noted = await session.fetchval(
        "note_delivery", delivery.delivery_id, delivery.attempt, verdict.status, verdict.reason, verdict.wait_seconds,
        json.dumps(entry), delivery.due_since,
    )  # fmt: skip
    return noted is not None


async def expire_deliveries(session: Session, like: Delivery, give_up_seconds: float, reason: str) -> int:
    """Give up what has waited too long and goes where this one went, for its client; how many, a thousand at most.

    The reason holds the receiver's own words: what waits for another address, or is another client's, is not told them.
    """
    parameters = like.target, give_up_seconds, AT_ONCE, reason, like.url, like.client_id
    return len(await session.fetch("expire_deliveries", *parameters))


async def forget_deliveries(session: Session, days: int) -> int:
    """Delete what has been over for so long; how many, a thousand at most."""
    return len(await session.fetch("forget_deliveries", days, AT_ONCE))


# ── for people ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def list_deliveries(
    session: Session,
    before: int | None,
    limit: int,
    *,
    schedule_id: int | None = None,
    execution_id: int | None = None,
    statuses: Sequence[str] = (),
) -> list[DeliveryRow]:
    """Up to `limit` deliveries with ids below `before` that the session may see, the newest first."""
    below, only = LARGEST_ID if before is None else before, None
    confined_to = session.access.confined_to
    if confined_to is not None and schedule_id is None and execution_id is None:
        few = await few_of_client(session, confined_to, no_static=True)
        if few is not None:
            rows = await session.fetch("list_deliveries_of_schedules", few, below, limit, list(statuses) or None)
            only = [row["delivery_id"] for row in rows]
    return await _list(session, below, limit, schedule_id, execution_id, list(statuses) or None, only)


async def find_delivery(session: Session, delivery_id: int) -> DeliveryRow:
    """The delivery. Raises NotFound, also for one that is forgotten, or that the session may not see."""
    found = await _list(session, LARGEST_ID, 1, None, None, None, [min(delivery_id, LARGEST_ID)])
    if not found:
        raise NotFound(f"there is no delivery {delivery_id}, or it is older than what is kept")
    return found[0]


async def _list(session: Session, *wanted: Any) -> list[DeliveryRow]:
    *filters, only = wanted
    rows = await session.fetch("list_deliveries", *filters, session.access.confined_to, only)
    return [_readable(row) for row in rows]


async def redeliver(database: Database, delivery_id: int) -> DeliveryRow:
    """Deliver anew, under the same id, whatever became of it before.

    Raises NotFound, and Conflict where its schedule wants to be told no more.
    """
    async with database.transaction() as transaction:
        await find_delivery(transaction, delivery_id)
        if await transaction.fetchval("redeliver", delivery_id) is None:
            raise Conflict(f"delivery {delivery_id} has nowhere to go: its schedule has no callback_url any more")
        return await find_delivery(transaction, delivery_id)


def _readable(row: Row) -> DeliveryRow:
    read = {column: row[column] for column in row.keys()}  # noqa: SIM118 - of a record
    read |= {"history": read_jsonb(row["history"]), "payload": read_jsonb(row["payload"])}
    return read | {"webhook_id": webhook_id(row["installation_id"], row["delivery_id"])}
