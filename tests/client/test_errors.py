"""What goes wrong comes as the right error, with what the API said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import rowcall
from rowcall.client import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from rowcall.client.errors import KINDS, error_of
from rowcall.domain.access import Scope
from rowcall.domain.errors import InvalidInput, StoreUnavailable
from tests.client.support import API, a_client, a_server, make_key
from tests.programs import url_of

DAILY = {"task_type": "quick", "cron_expression": "0 9 * * *"}


def test_what_is_not_there(client: Any) -> None:
    with pytest.raises(NotFound, match="no-such") as found:
        client.schedules.get("no-such")
    assert isinstance(found.value, rowcall.NotFound)
    assert (found.value.status, found.value.kind) == (404, "not-found")
    for gone in (client.executions.get, client.executions.cancel, client.backfills.get, client.webhooks.redeliver):
        with pytest.raises(NotFound):
            gone(2**60)


@pytest.mark.parametrize("name", ["a b", "ü", "a?b=c", "a#b", "a%2Fb", "..", "."])
def test_names_stay_what_they_are(client: Any, name: str) -> None:
    with pytest.raises(NotFound) as found:
        client.schedules.get(name)
    assert name in str(found.value)


def test_a_name_that_is_taken(client: Any, name: str) -> None:
    client.schedules.create(name=name, **DAILY)
    with pytest.raises(Conflict, match="this name exists already") as found:
        client.schedules.create(name=name, **DAILY)
    assert isinstance(found.value, rowcall.Conflict)


def test_every_fault_of_the_input_at_once(client: Any) -> None:
    with pytest.raises(Invalid) as found:
        client.schedules.create(name="a/b", task_type="no such", priority=11)
    assert isinstance(found.value, InvalidInput)
    assert {fault.field for fault in found.value.faults} >= {"name", "task_type", "priority"}


def test_what_is_no_json_is_not_sent(client: Any) -> None:
    for value in (float("nan"), {1, 2}):
        with pytest.raises(InvalidInput, match="JSON"):
            client.schedules.create(input_data={"value": value})


@pytest.fixture(scope="module")
def strict(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An API that asks everybody for a key, and lets a key ask twice a minute."""
    output = tmp_path_factory.mktemp("strict") / "output"
    with a_server(API, output, shared_dsn, ROWCALL_AUTH="keys", ROWCALL_REQUESTS_PER_MINUTE="2") as program:
        yield url_of(program)


def test_without_a_key_that_is_valid(face: str, strict: str) -> None:
    for key in (None, f"rowcall_abcd1234_{'x' * 43}"):
        with a_client(face, strict, key) as client, pytest.raises(Unauthorized, match="key") as found:
            client.stats()
        assert found.value.status == 401


def test_a_key_that_is_not_for_this(face: str, strict: str, shared_dsn: str) -> None:
    key = make_key(shared_dsn, Scope.READ)
    with a_client(face, strict, key) as client, pytest.raises(Forbidden, match="needs the scope write") as found:
        client.schedules.create(**DAILY)
    assert isinstance(found.value, rowcall.Forbidden)


def test_too_many_requests(face: str, strict: str, shared_dsn: str) -> None:
    with a_client(face, strict, make_key(shared_dsn, Scope.READ), retries=0) as client:
        client.stats()
        client.stats()
        with pytest.raises(RateLimited, match="2 requests a minute") as found:
            client.stats()
    assert found.value.retry_after is not None
    assert 1 <= found.value.retry_after <= 30


def test_nobody_there(face: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with a_client(face, address, retries=1) as client, pytest.raises(Unavailable, match="to GET /v1/stats") as found:
        client.stats()
    assert isinstance(found.value, StoreUnavailable)
    assert found.value.status is None


def test_nobody_answers(face: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        a_client(face, f"http://127.0.0.1:{listener.getsockname()[1]}", retries=0, timeout=0.2) as client,
        pytest.raises(Unavailable, match="it took too long"),
    ):
        client.stats()


def test_what_is_switched_off(face: str, shared_dsn: str, tmp_path: Path) -> None:
    with (
        a_server(API, tmp_path / "output", shared_dsn, ROWCALL_SCHEDULER_ENABLED="off") as program,
        a_client(face, url_of(program), retries=0) as client,
        pytest.raises(Unavailable, match="ROWCALL_SCHEDULER_ENABLED is off") as found,
    ):
        client.schedules.create(**DAILY)
    assert (found.value.status, found.value.kind) == (503, "scheduler-disabled")


def answer(status: int, headers: dict[str, str]) -> httpx2.Response:
    request = httpx2.Request("GET", "http://proxy/v1/stats")
    return httpx2.Response(status, content=b"<html>", headers=headers, request=request)


@pytest.mark.parametrize("status", [*KINDS, 400, 405, 413, 415, 421, 500, 599])
def test_what_a_proxy_says_is_told_as_such(status: int) -> None:
    error = error_of(answer(status, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    assert type(error) is KINDS.get(status, ApiError)
    assert f"was answered {status}" in str(error)
    assert "not by Rowcall" in error.detail
    assert (error.status, error.kind, error.retry_after) == (status, "error", None)


def test_a_redirect_is_not_followed() -> None:
    assert "leads on to 'https://elsewhere/'" in str(error_of(answer(308, {"location": "https://elsewhere/"})))


def test_another_service_is_not_taken_for_rowcall(face: str, server: str) -> None:
    with a_client(face, f"{server}/openapi.json?") as client, pytest.raises(ApiError):
        client.stats()


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8000", "ftp://a", "http://", "http://u:p@a", "http://a?b=c", "http://a:x"]
)
def test_an_address_that_is_none(face: str, address: str) -> None:
    with pytest.raises(InvalidInput, match="server: must be the address"), a_client(face, address):
        pass


def test_a_key_that_is_none(face: str) -> None:
    with pytest.raises(InvalidInput, match="rowcall_<id>_<secret>") as found, a_client(face, key="hunter2"):
        pass
    assert "hunter2" not in str(found.value)
