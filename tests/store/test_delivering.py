"""What is noted of a delivery: its own answer, and only while it is still the one that was sent."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from rowcall.domain.webhooks import Attempt, DeliveryStatus, Verdict
from rowcall.store.database import Database
from rowcall.store.webhooks import Delivery, claim_deliveries, expire_deliveries, note_delivery, redeliver
from tests.store.stories import ASchedule, Connection

HOST = "https://hooks.example.org"
GIVE_UP_SECONDS = 86400.0

OVERDUE = (
    "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload, due_since)"
    " VALUES (1, 1, $1, 'FAILED', $2, '{}', now() - interval '2 days')"
)


async def taken(database: Database, limit: int = 1) -> list[Delivery]:
    return await claim_deliveries(database, {HOST: limit}, 15.0)


async def test_what_one_receiver_answered_gives_up_only_what_waits_for_it_and_its_client(
    database: Database, db: Connection
) -> None:
    shop, other = f"{HOST}/shop", f"{HOST}/other"
    for client, url in (("shop", shop), ("shop", shop), ("shop", other), ("other", shop), ("other", other)):
        await db.execute(OVERDUE, client, url)
    [tried] = await taken(database)
    assert (tried.client_id, tried.url) == ("shop", shop)

    assert await expire_deliveries(database, tried, GIVE_UP_SECONDS, "the shop is closed") == 1
    [dead] = await db.fetch("SELECT * FROM rowcall.webhook_deliveries WHERE status <> 'PENDING'")
    assert (dead["client_id"], dead["url"], dead["status_reason"]) == ("shop", shop, "the shop is closed")


GONE = Attempt(410, "answered 410", 0.1), Verdict(DeliveryStatus.DEAD, "the receiver answered 410 Gone")


async def _redirect(database: Database, db: Connection, _delivery_id: int) -> None:
    await db.execute("UPDATE rowcall.schedules SET callback_url = $1", f"{HOST}/new")


async def _ask_anew(database: Database, db: Connection, delivery_id: int) -> None:
    await redeliver(database, delivery_id)


@pytest.mark.parametrize("change", [_redirect, _ask_anew])
async def test_a_try_decides_nothing_about_what_was_redirected_or_asked_for_anew_meanwhile(
    database: Database,
    db: Connection,
    a_schedule: ASchedule,
    change: Callable[[Database, Connection, int], Awaitable[None]],
) -> None:
    schedule_id = await a_schedule(callback_url=f"{HOST}/old")
    await db.execute(OVERDUE, "default", f"{HOST}/old")
    await db.execute("UPDATE rowcall.webhook_deliveries SET schedule_id = $1", schedule_id)
    async with db.transaction():  # it began before the try did
        await db.execute("SELECT now()")
        [under_way] = await taken(database)
        await change(database, db, under_way.delivery_id)
    assert not await note_delivery(database, under_way, *GONE)

    [again] = await taken(database)
    assert (again.delivery_id, again.attempt) == (under_way.delivery_id, 2)
    assert await note_delivery(database, again, *GONE)
    [row] = await db.fetch("SELECT * FROM rowcall.webhook_deliveries")
    assert (row["status"], [entry["attempt"] for entry in json.loads(row["history"])]) == ("DEAD", [2])
