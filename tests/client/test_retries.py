"""A request is sent again where that is safe, and what it asks for is done once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rowcall.client import RateLimited, Unavailable, schedules
from rowcall.client.calls import Call, Pause, Send, reader
from rowcall.wire.monitoring import StatsView
from tests.client.support import API, Lossy, a_client, a_server
from tests.programs import url_of

DAILY = {"task_type": "quick", "cron_expression": "0 9 * * *"}


@pytest.fixture
def line(server: str) -> Iterator[Lossy]:
    with Lossy(server) as lossy:
        yield lossy


def test_a_run_whose_answer_was_lost_is_asked_for_once(face: str, line: Lossy, client: Any, name: str) -> None:
    client.schedules.create(name=name, **DAILY)
    with a_client(face, line.url) as far:
        line.to_lose = 2
        asked = far.schedules.execute(name)
    assert line.lost == 2
    assert [e.execution_id for e in client.schedules.executions(name)] == [asked.execution_id]


def test_a_schedule_whose_answer_was_lost_is_created_once(face: str, line: Lossy, client: Any, name: str) -> None:
    with a_client(face, line.url) as far:
        line.to_lose = 1
        created = far.schedules.create(labels={"of": name}, **DAILY)
    assert line.lost == 1
    assert [s.schedule_id for s in client.schedules.list(labels={"of": name})] == [created.schedule_id]


def test_a_change_for_one_state_is_not_sent_again(face: str, line: Lossy, client: Any, name: str) -> None:
    read = client.schedules.create(name=name, **DAILY)
    with a_client(face, line.url) as far:
        line.to_lose = 1
        with pytest.raises(Unavailable):
            far.schedules.update(name, if_match=read, priority=9)
    assert line.lost == 1
    assert client.schedules.get(name).priority == 9


def test_a_deletion_whose_answer_was_lost_deletes_no_other_of_that_name(
    face: str, line: Lossy, client: Any, name: str
) -> None:
    first = client.schedules.create(name=name, **DAILY)
    with a_client(face, line.url) as far:
        line.to_lose = 1
        with pytest.raises(Unavailable):
            far.schedules.delete(name)
        assert client.schedules.get(first.schedule_id).status == "DISABLED"
        line.to_lose = 1
        assert far.schedules.delete(first.schedule_id) is None
    assert line.lost == 2


def test_a_new_name_whose_answer_was_lost_is_given_to_no_other(face: str, line: Lossy, client: Any, name: str) -> None:
    first = client.schedules.create(name=name, **DAILY)
    with a_client(face, line.url) as far:
        line.to_lose = 1
        with pytest.raises(Unavailable):
            far.schedules.update(name, name=f"{name}-new")
        assert client.schedules.get(first.schedule_id).name == f"{name}-new"
        line.to_lose = 1
        assert far.schedules.update(first.schedule_id, name=name).name == name
    assert line.lost == 2


def test_a_server_that_goes_away_and_comes_back_is_waited_for(face: str, dsn: str, tmp_path: Path) -> None:
    with a_server(API, tmp_path / "first", dsn) as first:
        url = url_of(first)
        with a_client(face, url, retries=12) as client:
            client.schedules.create(name="n", allow_unknown_task=True, **DAILY)
            first.wipe_out()
            asked: list[Any] = []
            asking = threading.Thread(target=lambda: asked.append(client.schedules.execute("n")))
            asking.start()
            with a_server(API, tmp_path / "second", dsn, ROWCALL_PORT=url.rpartition(":")[2]):
                asking.join(60)
                assert [e.execution_id for e in client.schedules.executions("n")] == [asked[0].execution_id]


# ── the rules, without a line ─────────────────────────────────────────────────────────────────────────────────────────

GET = Call(method="GET", path="/v1/stats", read=reader(StatsView))
POST = Call(method="POST", path="/v1/schedules", read=reader(StatsView))
DELETE, RENAME = schedules.delete("n"), schedules.update("n", name="m")
DELETE_BY_ID, RENAME_BY_ID = schedules.delete("7"), schedules.update(7, name="m")
IF_MATCH = Call(method="PATCH", path="/v1/schedules/n", read=reader(StatsView), headers={"If-Match": '"1-2"'})


def refused(status: int, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, headers=headers, request=httpx2.Request("GET", "http://a/"))


def taken(call: Call[Any], happens: httpx2.Response | Exception, retries: int = 3) -> tuple[list[Any], Exception]:
    """All steps of a call to which the same thing happens each time, and how it ends."""
    steps, seen, send = call.steps(retries), [], None
    try:
        step = next(steps)
        while True:
            seen.append(step)
            if isinstance(step, Pause):
                step = steps.send(None)
            elif isinstance(happens, Exception):
                step = steps.throw(happens)
            else:
                step = steps.send(happens)
    except (Unavailable, RateLimited) as fault:
        send = fault
    assert send is not None
    return seen, send


def sent(steps: list[Any]) -> list[Send]:
    return [step for step in steps if isinstance(step, Send)]


@pytest.mark.parametrize("call", [GET, POST, IF_MATCH, DELETE, RENAME])
def test_what_never_arrived_is_sent_again(call: Call[Any]) -> None:
    steps, _ = taken(call, httpx2.ConnectError("refused"))
    assert len(sent(steps)) == 4


@pytest.mark.parametrize(
    ("call", "times"),
    [(GET, 4), (POST, 4), (IF_MATCH, 1), (DELETE, 1), (RENAME, 1), (DELETE_BY_ID, 4), (RENAME_BY_ID, 4)],
)
@pytest.mark.parametrize(
    "happens", [httpx2.ReadError(""), httpx2.ReadTimeout(""), refused(503), refused(502), refused(504)]
)
def test_what_may_have_been_done_is_sent_again_where_that_is_safe(
    call: Call[Any], times: int, happens: httpx2.Response | Exception
) -> None:
    steps, _ = taken(call, happens)
    assert len(sent(steps)) == times


def test_each_try_of_a_post_has_the_same_key_and_each_post_another() -> None:
    first, second = (sent(taken(POST, refused(503))[0]) for _ in range(2))
    keys = [{send.headers["Idempotency-Key"] for send in sends} for sends in (first, second)]
    assert [len(key) for key in keys] == [1, 1]
    assert keys[0] != keys[1]


def test_pauses_grow_and_are_as_long_as_the_server_says() -> None:
    steps, _ = taken(GET, refused(503), retries=9)
    pauses = [step.seconds for step in steps if isinstance(step, Pause)]
    assert all(0.125 * 2**n <= pause <= min(0.25 * 2**n, 30) for n, pause in enumerate(pauses[:6]))
    assert max(pauses) <= 30

    steps, _ = taken(GET, refused(429, **{"retry-after": "7"}))
    assert all(7 <= step.seconds < 8 for step in steps if isinstance(step, Pause))


def test_who_is_told_to_wait_for_long_is_told_so() -> None:
    steps, fault = taken(GET, refused(429, **{"retry-after": "600"}))
    assert len(steps) == 1
    assert isinstance(fault, RateLimited)
    assert fault.retry_after == 600
