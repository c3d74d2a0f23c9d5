"""Callbacks go through the door of http tasks: what is to reach the inside is refused, and the setting named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import rowcall
from rowcall.egress import HttpClient, Policy
from rowcall.store.webhooks import Delivery
from rowcall.vault import SecretFile
from rowcall.worker.webhooks.sending import Sender
from tests.egress.conftest import Names
from tests.egress.test_hostile_urls import INSIDE
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.waiting import until
from tests.worker.webhooks.receiver import KEY, Receiver, receiving

app = rowcall.App("telling")


@app.task("good")
async def good() -> None: ...


async def test_hostile_callback_urls_are_refused_with_the_setting_named_and_nothing_is_sent(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    ids = {host: await schedules.insert("good", callback_url=f"http://{host}:{receiver.port}/") for host in INSIDE}
    await serve(app, **quick | {"http_allow": ()})
    await schedules.ended(*ids.values())

    async def all_over() -> list[asyncpg.Record]:
        rows = await schedules.db.fetch("SELECT * FROM rowcall.webhook_deliveries WHERE status <> 'PENDING'")
        return rows if len(rows) == len(ids) else []

    rows = await until(all_over, what="an end of all of them")
    assert {row["status"] for row in rows} == {"DEAD"}
    assert {row["attempt"] for row in rows} == {1}
    assert [row["url"] for row in rows if "ROWCALL_HTTP_ALLOW" not in row["status_reason"]] == []
    assert receiver.received == []


async def test_hostile_urls_of_http_tasks_are_refused_with_the_setting_named_and_nothing_is_sent(
    serve: Serve, schedules: Schedules, receiver: Receiver
) -> None:
    ids = [
        await schedules.insert("http", input_data={"url": f"http://{host}:{receiver.port}/"}, max_retries=3)
        for host in INSIDE
    ]
    await serve()
    rows = await schedules.ended(*ids)
    assert {(row["status"], row["attempt"]) for row in rows} == {("FAILED", 1)}
    assert [row["input_data"] for row in rows if "ROWCALL_HTTP_ALLOW" not in row["error_message"]] == []
    assert receiver.received == []


async def test_a_redirect_to_a_private_address_is_not_followed(
    serve: Serve, schedules: Schedules, receiver: Receiver, quick: dict[str, Any]
) -> None:
    async with receiving(Receiver()) as inside:
        receiver.answers, receiver.headers = [307, 302, 301, 308, 303, 204], {"location": inside.url}
        schedule_id = await schedules.insert("good", callback_url=receiver.url)
        await serve(app, **quick | {"http_allow": (f"127.0.0.1:{receiver.port}", f"127.0.0.1:{inside.port}")})
        await schedules.ended(schedule_id)
        await until(lambda: len(receiver.received) >= 2, what="a second try after the redirect")
        assert inside.received == []
    history = await schedules.db.fetchval("SELECT history->0->>'error' FROM rowcall.webhook_deliveries")
    assert history == "answered 307; redirects are not followed"


# ── one try ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def a_sender(
    allow: str, resolve: Names, write_secrets: Callable[..., Path], timeout_seconds: float = 5.0
) -> AsyncIterator[Sender]:
    secrets = SecretFile(write_secrets(webhooks={"values": [KEY]}))
    async with HttpClient(Policy.parse(allow), resolve=resolve) as client:
        yield Sender(client, secrets, "0123456789ab", timeout_seconds)


def to(url: str) -> Delivery:
    return Delivery(7, 1, "default", "FAILED", url, "", '{"data": {}}', 1, datetime.now(UTC), datetime.now(UTC), 0.0)


async def test_a_name_that_turns_to_a_private_address_is_refused_when_it_has_turned(
    receiver: Receiver, write_secrets: Callable[..., Path]
) -> None:
    resolve = Names(turning_example=[["127.0.0.1"], ["127.0.0.2"]])
    url = f"http://turning.example:{receiver.port}/"
    async with a_sender(f"127.0.0.1:{receiver.port}", resolve, write_secrets) as sender:
        taken, refused = await sender.send(to(url)), await sender.send(to(url))

    assert (taken.status, refused.status, refused.final) == (204, None, True)
    assert "found at 127.0.0.2" in str(refused.error)
    assert "ROWCALL_HTTP_ALLOW" in str(refused.error)
    assert len(receiver.received) == 1
    assert len(resolve.asked) == 2, "each connection is judged by one look-up, and goes where that led"


async def test_a_name_with_one_private_address_among_its_own_is_refused(
    receiver: Receiver, write_secrets: Callable[..., Path]
) -> None:
    resolve = Names(mixed_example=[["127.0.0.1", "127.0.0.2"]])
    async with a_sender(f"127.0.0.1:{receiver.port}", resolve, write_secrets) as sender:
        attempt = await sender.send(to(f"http://mixed.example:{receiver.port}/"))
    assert attempt.final
    assert receiver.received == []


async def test_a_refusal_is_told_and_does_not_hold_up_what_else_the_receiver_is_to_hear(
    receiver: Receiver, write_secrets: Callable[..., Path]
) -> None:
    receiver.answers = [400]
    async with a_sender("127.0.0.1", Names(), write_secrets) as sender:
        attempt = await sender.send(to(receiver.url))
    assert attempt.error == "answered 400"
    assert not attempt.reached_nobody


@pytest.mark.parametrize("trouble", ["refused", "unknown", "silent", "cut off"])
async def test_what_failed_is_told_without_the_path_of_the_address(
    receiver: Receiver, write_secrets: Callable[..., Path], trouble: str
) -> None:
    """A short part of a path is shown for http tasks: a receiver's may be a password."""
    host = "nobody.example" if trouble == "unknown" else "127.0.0.1"
    port = receiver.port
    if trouble == "silent":
        receiver.answering.clear()
    if trouble == "cut off":
        receiver.answers, receiver.missing = [500], 10
    if trouble == "refused":
        async with receiving(Receiver()) as gone:
            port = gone.port
    async with a_sender("127.0.0.1", Names(), write_secrets, timeout_seconds=1.0) as sender:
        attempt = await sender.send(to(f"http://{host}:{port}/t0ken/in?key=value"))
    assert attempt.error
    assert [part for part in ("t0ken", "key", "/in", "http:") if part in attempt.error] == []
