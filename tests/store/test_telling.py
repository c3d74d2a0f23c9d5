"""The outbox: every end that somebody wants to be told of is written down with it, and nothing else is."""

import json
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from rowcall.domain.executions import ExecutionStatus, Outcome
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.executions import cancel_execution
from rowcall.store.leases import recover
from rowcall.store.schedules import delete_schedule, lock_schedule, pause_schedule, resume_schedule
from tests.store.stories import (
    HOUR,
    MINUTE,
    NOON,
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    claim,
    finish,
    go_silent,
    plan,
    statuses,
)

HOOK = "https://Hooks.Example.org:8443/rowcall?team=1"


async def deliveries(db: Connection) -> list[asyncpg.Record]:
    return await db.fetch("SELECT * FROM rowcall.webhook_deliveries ORDER BY delivery_id")


async def told(db: Connection) -> list[str]:
    return [row["event"] for row in await deliveries(db)]


async def test_a_finished_execution_is_told_with_all_that_is_known_of_it(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    schedule_id = await a_schedule(callback_url=HOOK, name="nightly", client_id="shop")
    worker = await a_worker()
    [claimed] = await claim(database, worker)
    await finish(database, worker, (claimed, Outcome(ExecutionStatus.SUCCEEDED, '{"secret": 1}')))

    [row] = await deliveries(db)
    assert (row["schedule_id"], row["execution_id"], row["client_id"]) == (schedule_id, claimed.execution_id, "shop")
    assert (row["status"], row["attempt"], row["event"]) == ("PENDING", 0, "SUCCEEDED")
    assert (row["url"], row["target"]) == (HOOK, "https://hooks.example.org:8443")
    payload = json.loads(row["payload"])
    data = payload["data"]
    assert payload["type"] == "execution.succeeded"
    assert payload["timestamp"] == data["finished_at"]
    assert data["scheduled_for"] == NOON.isoformat()
    assert (data["schedule_name"], data["client_id"], data["attempt"]) == ("nightly", "shop", 1)
    assert "result_data" not in data
    assert "input_data" not in data


async def test_the_longest_address_is_told_too(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    """An index has no place for much that does not compress, and the end of a run must not fail for that."""
    signs = "".join(chr(sign) for sign in Random(1).choices(range(0x20000, 0x2A6D0), k=1800))
    url = f"https://{signs[:248]}/{signs[248:]}"
    await a_schedule(callback_url=url, max_retries=0)
    worker = await a_worker()
    [claimed] = await claim(database, worker)
    assert (await finish(database, worker, (claimed, Outcome.failed("no")))).finished

    assert [row["url"] for row in await deliveries(db)] == [url]


async def test_only_the_chosen_events_are_told(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_schedule(callback_url=HOOK, callback_events=["FAILED"], max_retries=0)
    worker = await a_worker()
    for moment, outcome in ((NOON, Outcome(ExecutionStatus.SUCCEEDED)), (NOON + HOUR, Outcome.failed("no"))):
        [claimed] = await claim(database, worker, now=moment)
        await finish(database, worker, (claimed, outcome))
    assert await told(db) == ["FAILED"]


async def test_a_retry_is_no_end_and_is_not_told(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_schedule(callback_url=HOOK, max_retries=1, retry_backoff_seconds=0)
    worker = await a_worker()
    [claimed] = await claim(database, worker)
    await finish(database, worker, (claimed, Outcome.failed("once")))
    assert await told(db) == []
    [again] = await claim(database, worker)
    await finish(database, worker, (again, Outcome.failed("twice")))
    assert await told(db) == ["FAILED"]


async def test_a_stale_result_is_refused_and_not_told(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_schedule(callback_url=HOOK)
    worker = await a_worker()
    [claimed] = await claim(database, worker)
    await finish(database, worker, (claimed, Outcome(ExecutionStatus.SUCCEEDED)))
    refused = await finish(database, worker, (claimed, Outcome.failed("late")))
    assert len(refused.refused) == 1
    assert await told(db) == ["SUCCEEDED"]


async def test_what_is_missed_or_skipped_is_told_by_the_claim_that_records_it(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_schedule(callback_url=HOOK, grace_period_seconds=60)
    worker = await a_worker()
    found = await look(database, worker, ["work"], 10, now=NOON + 30 * MINUTE)
    assert (found.claims, await told(db)) == ([], ["MISSED"])
    [_] = await claim(database, worker, now=NOON + HOUR)
    await look(database, worker, ["work"], 10, now=NOON + 2 * HOUR)
    assert await told(db) == ["MISSED", "SKIPPED"]
    assert "covers_after" in json.loads((await deliveries(db))[0]["payload"])["data"]


async def test_a_lost_execution_is_told_at_its_recovery(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    await a_schedule(callback_url=HOOK, max_retries=0)
    worker = await a_worker()
    await claim(database, worker)
    await go_silent(db, worker)
    await recover(database)
    assert await told(db) == ["LOST"]


async def test_cancelling_and_deleting_tell_of_what_they_cancel(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution
) -> None:
    schedule_id = await a_schedule(callback_url=HOOK, max_instances=3, overlap_policy="allow")
    first, second = await an_execution(schedule_id), await an_execution(schedule_id)
    await cancel_execution(database, first, "somebody")
    async with database.transaction() as transaction:
        await delete_schedule(transaction, await lock_schedule(transaction, schedule_id))
    assert [(row["execution_id"], row["event"]) for row in await deliveries(db)] == [
        (first, "CANCELLED"),
        (second, "CANCELLED"),
    ]


async def test_a_paused_span_is_told_when_it_is_answered_for(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    schedule_id = await a_schedule(callback_url=HOOK, created_at=NOON - timedelta(days=9000), interval_seconds=1)
    await plan(database)
    async with database.transaction() as transaction:
        await pause_schedule(transaction, await lock_schedule(transaction, schedule_id), "holidays", "me")
    async with database.transaction() as transaction:
        await resume_schedule(transaction, await lock_schedule(transaction, schedule_id))
    assert await told(db) == await statuses(db, schedule_id)
    assert "SKIPPED" in await told(db)


async def test_what_is_taken_back_is_not_told(database: Database, db: Connection, a_schedule: ASchedule) -> None:
    schedule_id = await a_schedule(callback_url=HOOK, created_at=NOON - timedelta(days=9000), interval_seconds=1)

    async def resume_and_fail() -> None:
        async with database.transaction() as transaction:
            await pause_schedule(transaction, await lock_schedule(transaction, schedule_id), None, "me")
            await resume_schedule(transaction, await lock_schedule(transaction, schedule_id))
            assert await transaction.connection.fetchval("SELECT count(*) FROM rowcall.webhook_deliveries") > 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await resume_and_fail()
    assert (await told(db), await statuses(db, schedule_id)) == ([], [])


async def test_schedules_without_a_callback_pay_nothing(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    """What would be paid is not there: claiming, finishing and missing go on without it."""
    await db.execute("DROP FUNCTION rowcall.tell")
    schedule_id = await a_schedule(grace_period_seconds=60)
    worker = await a_worker()
    [claimed] = await claim(database, worker)
    await finish(database, worker, (claimed, Outcome(ExecutionStatus.SUCCEEDED)))
    await look(database, worker, ["work"], 10, now=NOON + HOUR + 30 * MINUTE)
    assert await statuses(db, schedule_id) == ["SUCCEEDED", "MISSED"]


PENDING = (
    "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)"
    " VALUES ($1, 1, 'default', 'FAILED', $2, '{}')"
)


@pytest.mark.parametrize(
    ("url", "status", "reason"),
    [
        ("https://new.example.org/", "PENDING", None),
        (None, "DEAD", "the schedule has no callback_url any more"),
    ],
)
async def test_what_is_pending_follows_the_callback_url_whichever_door_changes_it(
    db: Connection, a_schedule: ASchedule, url: str | None, status: str, reason: Any
) -> None:
    schedule_id, other = await a_schedule(callback_url=HOOK), await a_schedule(callback_url=HOOK)
    await db.execute(PENDING, schedule_id, HOOK)
    await db.execute(PENDING, other, HOOK)
    await db.execute("UPDATE rowcall.schedules SET callback_url = $2 WHERE schedule_id = $1", schedule_id, url)
    changed, untouched = await deliveries(db)
    assert (changed["url"], changed["status"], changed["status_reason"]) == (url or HOOK, status, reason)
    assert (untouched["url"], untouched["status"]) == (HOOK, "PENDING")
