"""``rowcall webhooks``: what was told, and telling it anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.support import RowcallCommand

PAYLOAD = '{"data": {"schedule_name": "nightly"}}'


@pytest.fixture
def dead(execute: Callable[..., Any]) -> int:
    """A delivery that was given up."""
    execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds, callback_url)"
        " VALUES ('nightly', 'work', 'interval', 60, 'https://hooks.example.org/path-that-is-a-secret')"
    )
    delivery_id: int = execute(
        "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload, status,"
        " status_reason, next_attempt_at, finished_at, attempt) VALUES (1, 7, 'default', 'FAILED',"
        " 'https://hooks.example.org/path-that-is-a-secret', $1, 'DEAD', 'it was given up', NULL, now(), 9)"
        " RETURNING delivery_id",
        PAYLOAD,
    )
    return delivery_id


def test_deliveries_are_listed_with_their_last_answer(rowcall: RowcallCommand, dead: int) -> None:
    ran = rowcall("webhooks", "list", "--schedule", "nightly")
    assert ran.code == 0
    for told in ("nightly", "FAILED", "https://hooks.example.org", "DEAD", "it was given up"):
        assert told in ran.out
    assert "path-that-is-a-secret" not in ran.out
    assert rowcall("webhooks", "list", "--status", "pending", "--json").lines == []
    assert rowcall("webhooks", "list", "--status", "dead", "--json").json["delivery_id"] == dead
    assert rowcall("webhooks", "list", "--execution", "8").err == "No webhooks.\n"


def test_what_is_dead_is_delivered_anew(rowcall: RowcallCommand, dead: int, execute: Callable[..., Any]) -> None:
    ran = rowcall("webhooks", "redeliver", str(dead))
    assert (ran.code, ran.err) == (0, f"Delivery {dead} is due now, for https://hooks.example.org.\n")
    assert execute("SELECT status FROM rowcall.webhook_deliveries") == "PENDING"


def test_what_can_not_be_delivered_anew_is_told(
    rowcall: RowcallCommand, dead: int, execute: Callable[..., Any]
) -> None:
    assert rowcall("webhooks", "redeliver", "999").code == 4
    execute("UPDATE rowcall.schedules SET callback_url = NULL")
    ran = rowcall("webhooks", "redeliver", str(dead))
    assert ran.code == 5
    assert "no callback_url" in ran.err
