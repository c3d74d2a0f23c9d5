"""What others put into the outbox is delivered at once, though a worker with nothing to deliver does not ask."""

from __future__ import annotations

from typing import Any

import rowcall
from rowcall.store.database import Database
from rowcall.store.executions import cancel_execution, execute_schedule
from rowcall.store.schedules import lock_schedule
from rowcall.store.webhooks import redeliver
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.test_serving import is_listening
from tests.worker.waiting import until
from tests.worker.webhooks.receiver import Receiver

app = rowcall.App("telling")


@app.task("good")
async def good() -> None:
    """Has nothing to say."""


async def test_a_delivery_that_is_asked_for_anew_wakes_a_worker(
    serve: Serve, schedules: Schedules, database: Database, receiver: Receiver, quick: dict[str, Any]
) -> None:
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick, poll_interval_seconds=NEVER)
    delivery = "SELECT delivery_id FROM rowcall.webhook_deliveries WHERE status = 'DELIVERED'"
    delivery_id = await until(lambda: schedules.db.fetchval(delivery), what="the first delivery")
    await until(lambda: is_listening(schedules.db))

    await redeliver(database, delivery_id)
    await until(lambda: len(receiver.received) == 2, what="the second delivery")


async def test_a_queued_execution_that_is_cancelled_is_told_at_once(
    serve: Serve, schedules: Schedules, database: Database, receiver: Receiver, quick: dict[str, Any]
) -> None:
    far = await schedules.db.fetchval("SELECT now() + interval '1 day'")
    schedule_id = await schedules.insert("beyond-this-worker", callback_url=receiver.url, scheduled_time=far)
    await serve(app, **quick, poll_interval_seconds=NEVER)
    await until(lambda: is_listening(schedules.db))
    async with database.transaction() as session:
        execution = await execute_schedule(session, await lock_schedule(session, schedule_id))

    await cancel_execution(database, execution["execution_id"], by="us")
    await until(lambda: len(receiver.received) == 1, what="the delivery")
    assert receiver.received[0].data["status"] == "CANCELLED"
