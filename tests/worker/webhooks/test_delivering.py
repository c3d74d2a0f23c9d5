"""Webhooks from a row of SQL to a request on the wire: signed, repeated, given up, and fair among receivers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import pytest

import rowcall
from rowcall.store.database import Database
from rowcall.worker import look_once
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import quick_settings
from tests.worker.waiting import until
from tests.worker.webhooks.conftest import WriteSecrets
from tests.worker.webhooks.receiver import KEY, OTHER_KEY, Receiver, receiving

app = rowcall.App("telling")


@app.task("good")
async def good() -> dict[str, int]:
    return {"rows": 7}


@app.task("bad")
async def bad() -> None:
    raise ValueError("no luck")


async def one_with(schedules: Schedules, status: str) -> asyncpg.Record:
    """The one delivery there is, once it has this status."""

    async def there() -> asyncpg.Record | None:
        return await schedules.db.fetchrow("SELECT * FROM rowcall.webhook_deliveries WHERE status = $1", status)

    row: asyncpg.Record = await until(there, what=f"a delivery that is {status}")
    return row


async def test_an_end_is_told_signed_and_noted(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    schedule_id = await schedules.insert("good", callback_url=receiver.url, name="nightly")
    await serve(app, **quick)
    row = await one_with(schedules, "DELIVERED")

    [received] = receiver.received
    installation = await schedules.db.fetchval("SELECT installation_id FROM rowcall.installation")
    assert received.first_line == "POST /hook HTTP/1.1"
    assert received.headers["content-type"] == "application/json"
    assert received.id == f"msg_{installation}_{row['delivery_id']}"
    assert received.is_signed_with(KEY)
    assert not received.is_signed_with(OTHER_KEY)
    assert json.loads(received.body)["type"] == "execution.succeeded"
    assert (received.data["schedule_id"], received.data["schedule_name"]) == (schedule_id, "nightly")
    assert (row["attempt"], row["next_attempt_at"]) == (1, None)
    [entry] = json.loads(row["history"])
    assert (entry["attempt"], entry["status"], entry["error"]) == (1, 204, None)


async def test_only_chosen_events_reach_the_receiver(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    told = {"callback_url": receiver.url, "callback_events": ["FAILED"], "max_retries": 0}
    fine = await schedules.insert("good", **told)
    broken = await schedules.insert("bad", **told)
    await serve(app, **quick)
    await schedules.ended(fine, broken)
    await one_with(schedules, "DELIVERED")
    assert [each.data["schedule_id"] for each in receiver.received] == [broken]
    assert "no luck" in receiver.received[0].data["error_message"]


async def test_missed_and_skipped_occurrences_are_told(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    await schedules.db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, grace_period_seconds, callback_url, scheduled_time,"
        " created_at) VALUES ('good', 'one_time', 60, $1, now() - interval '1 hour', now() - interval '1 day')",
        receiver.url,
    )
    await serve(app, **quick)
    await until(lambda: bool(receiver.received), what="the webhook of what was missed")
    assert [each.data["status"] for each in receiver.received] == ["MISSED"]
    assert receiver.received[0].data["reason"].startswith("grace")


async def test_each_try_has_the_same_id_and_body_and_a_signature_of_its_own_moment(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    receiver.answers = [500, 503, 204]
    await schedules.insert("good", callback_url=receiver.url)
    served = await serve(app, **quick)
    row = await one_with(schedules, "DELIVERED")

    assert len(receiver.received) == row["attempt"] == 3
    assert len({each.id for each in receiver.received}) == len({each.body for each in receiver.received}) == 1
    assert all(each.is_signed_with(KEY) for each in receiver.received)
    history = json.loads(row["history"])
    assert [entry["status"] for entry in history] == [500, 503, 204]
    assert history[0]["error"] == "answered 500"
    await until(lambda: served.tallies.webhooks == {"failed": 2, "delivered": 1}, what="all three in the tallies")


async def test_what_nobody_takes_is_dead_with_a_reason_and_can_be_sent_anew(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    receiver.answers = [500]
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick | {"webhook_give_up_seconds": 1.0})
    row = await one_with(schedules, "DEAD")
    assert row["status_reason"].startswith("not delivered within 1 s (ROWCALL_WEBHOOK_GIVE_UP_SECONDS)")
    assert "answered 500" in row["status_reason"]
    assert row["attempt"] > 1


async def test_a_receiver_that_is_gone_is_asked_once(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    receiver.answers = [410]
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick)
    row = await one_with(schedules, "DEAD")
    assert (row["attempt"], len(receiver.received)) == (1, 1)
    assert "410 Gone" in row["status_reason"]


@pytest.mark.parametrize("holding", [False, True], ids=["cut off", "never ending"])
@pytest.mark.parametrize(("status", "became"), [(200, "DELIVERED"), (410, "DEAD")])
async def test_an_answer_counts_though_its_body_does_not_end(
    serve: Serve,
    schedules: Schedules,
    receiver: Receiver,
    quick: dict[str, Any],
    status: int,
    became: str,
    holding: bool,
) -> None:
    receiver.answers, receiver.missing, receiver.holding = [status], 10, holding
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick | {"webhook_timeout_seconds": 0.5})
    row = await one_with(schedules, became)
    [entry] = json.loads(row["history"])
    assert (entry["status"], row["attempt"], len(receiver.received)) == (status, 1, 1)


async def test_what_a_run_writes_and_what_it_tells_commit_together(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    writing = rowcall.App("writing")

    @writing.task("writes")
    async def writes(run: rowcall.Run) -> None:
        async with run.transaction() as connection:
            await connection.execute("CREATE TABLE written (id bigint)")

    await schedules.insert("writes", callback_url=receiver.url)
    await serve(writing, **quick)
    await one_with(schedules, "DELIVERED")
    assert [each.data["status"] for each in receiver.received] == ["SUCCEEDED"]


async def test_one_look_delivers_what_it_ended(
    dsn: str, database: Database, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    """`rowcall tick` from a crontab is a worker too."""
    ids = [await schedules.insert("good", callback_url=receiver.url) for _ in range(30)]
    await look_once(database, quick_settings(dsn, **quick | {"webhook_concurrency": 4, "concurrency": 100}), [app])
    assert {each.data["schedule_id"] for each in receiver.received} == set(ids)
    assert await schedules.db.fetchval("SELECT bool_and(status = 'DELIVERED') FROM rowcall.webhook_deliveries")


async def test_what_a_deleted_schedule_had_to_tell_is_told(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    receiver.answers = [500]
    schedule_id = await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick)
    await until(lambda: bool(receiver.received), what="the first try")
    await schedules.db.execute("UPDATE rowcall.schedules SET status = 'DISABLED'")
    receiver.answers = [204]
    row = await one_with(schedules, "DELIVERED")
    assert row["schedule_id"] == schedule_id


async def test_where_the_callback_url_is_taken_away_nothing_more_is_sent(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    receiver.answers = [500]
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick)
    await until(lambda: bool(receiver.received), what="the first try")
    await schedules.db.execute("UPDATE rowcall.schedules SET callback_url = NULL")
    row = await one_with(schedules, "DEAD")
    assert row["status_reason"] == "the schedule has no callback_url any more"


async def test_an_answer_of_the_old_address_ends_nothing_that_goes_to_the_new_one(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    async with receiving(Receiver(answers=[410], answering=asyncio.Event())) as old:
        await schedules.insert("good", callback_url=old.url)
        await serve(app, **quick | {"webhook_concurrency": 1})
        await until(lambda: bool(old.received), what="the try at the old address")
        await schedules.db.execute("UPDATE rowcall.schedules SET callback_url = $1", receiver.url)
        old.answering.set()
        row = await one_with(schedules, "DELIVERED")
    assert [each.id for each in receiver.received] == [each.id for each in old.received]
    assert row["attempt"] == 2


async def test_while_a_secret_is_rotated_both_values_verify(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any], write_secrets: WriteSecrets
) -> None:
    await serve(app, **quick)
    for values, valid in (
        ([KEY], {KEY}),
        ([OTHER_KEY, KEY], {KEY, OTHER_KEY}),
        ([OTHER_KEY], {OTHER_KEY}),
    ):
        write_secrets(webhooks={"values": values})
        before = len(receiver.received)
        await schedules.insert("good", callback_url=receiver.url)
        await until(lambda before=before: len(receiver.received) > before, what="the next webhook")  # type: ignore[misc] # mypy knows no defaults
        assert {key for key in (KEY, OTHER_KEY) if receiver.received[-1].is_signed_with(key)} == valid


async def test_a_client_with_a_secret_of_its_own_is_signed_with_that(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any], write_secrets: WriteSecrets
) -> None:
    write_secrets(**{"webhooks": {"values": [KEY]}, "webhooks/acme": {"values": [OTHER_KEY]}})
    await schedules.insert("good", callback_url=receiver.url, client_id="acme")
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick)
    await until(lambda: len(receiver.received) == 2, what="both webhooks")
    keys = {each.data["client_id"]: each.is_signed_with(OTHER_KEY) for each in receiver.received}
    assert keys == {"acme": True, "default": False}


async def test_without_a_secret_nothing_is_sent_until_there_is_one(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any], write_secrets: WriteSecrets
) -> None:
    write_secrets()
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick)

    async def tried() -> bool:
        return bool(await schedules.db.fetchval("SELECT history::text FROM rowcall.webhook_deliveries WHERE attempt > 0"
                                                " AND history <> '[]'"))  # fmt: skip

    await until(tried, what="the first try")
    history = json.loads(await schedules.db.fetchval("SELECT history FROM rowcall.webhook_deliveries"))
    assert "rowcall secrets create webhooks" in history[0]["error"]
    assert receiver.received == []
    write_secrets(webhooks={"values": [KEY]})
    await one_with(schedules, "DELIVERED")
    assert receiver.received[0].is_signed_with(KEY)


async def test_a_file_of_secrets_that_others_may_read_is_not_used(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    quick["secrets_file"].chmod(0o644)
    await schedules.insert("good", callback_url=receiver.url)
    await serve(app, **quick | {"webhook_give_up_seconds": 1.0})
    row = await one_with(schedules, "DEAD")
    assert "secrets can't be read" in row["status_reason"]
    assert str(quick["secrets_file"]) not in row["status_reason"]
    assert receiver.received == []


async def test_ten_thousand_for_a_dead_receiver_are_in_nobodys_way(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    """The dead one takes connections and never answers: the worst there is."""
    never = Receiver(answering=asyncio.Event())
    async with receiving(never):
        await schedules.db.execute(
            "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)"
            " SELECT 0, n, 'default', 'FAILED', $1, '{}' FROM generate_series(1, 10000) AS n",
            never.url,
        )
        await serve(app, **quick | {"webhook_concurrency": 4, "webhook_timeout_seconds": 2.0})
        await until(lambda: bool(never.received), what="a call to the dead receiver")
        ids = [await schedules.insert("good", callback_url=receiver.url) for _ in range(20)]
        await schedules.ended(*ids)
        await until(lambda: len(set(receiver.ids)) == 20, what="twenty webhooks beside the dead receiver")
        assert len(never.received) <= 10
        started = await schedules.db.fetch(
            "SELECT extract(epoch FROM executed_at - created_at) AS seconds FROM rowcall.schedule_executions"
        )
        assert max(row["seconds"] for row in started) < 2


async def test_what_is_overdue_for_a_dead_receiver_is_given_up_in_bulk(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    receiver.answers = [500]
    await schedules.db.execute(
        "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload, due_since)"
        " SELECT 0, n, 'default', 'FAILED', $1, '{}', now() - interval '2 days' FROM generate_series(1, 900) AS n",
        receiver.url,
    )
    await serve(app, **quick | {"webhook_retry_seconds": 0.01})

    async def given_up() -> bool:
        dead: int = await schedules.db.fetchval("SELECT count(*) FROM rowcall.webhook_deliveries WHERE status = 'DEAD'")
        return dead > 800

    await until(given_up, what="the end of all that was never tried", within=60)
    assert len(receiver.received) < 50
    reasons = await schedules.db.fetch(
        "SELECT DISTINCT status_reason FROM rowcall.webhook_deliveries WHERE attempt = 0"
    )
    assert [row["status_reason"].partition(";")[0] for row in reasons] == [
        "not delivered within 86400 s (ROWCALL_WEBHOOK_GIVE_UP_SECONDS)"
    ]
