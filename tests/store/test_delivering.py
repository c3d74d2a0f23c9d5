"""What is noted of a delivery: its own answer, and only while it is still the one that was sent."""

from __future__ import annotations

from rowcall.store.database import Database
from rowcall.store.webhooks import Delivery, claim_deliveries, expire_deliveries
from tests.store.stories import Connection

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
