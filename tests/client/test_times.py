"""How long a call takes at most, whatever its server does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rowcall.client import Unavailable, WaitedTooLong, executions
from rowcall.client.calls import Pause
from rowcall.wire.executions import ExecutionView
from tests.client.support import API, a_client, a_server
from tests.programs import url_of

LONG = 20
"""Seconds for which a dripping server goes on; far longer than any call here may take."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Long: "
BODY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def dripping(beginning: bytes) -> Iterator[str]:
    """A server that answers with this, and then with one blank after the other."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            connection.sendall(beginning)
            until = time.monotonic() + LONG
            while time.monotonic() < until and not over.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:  # the client has gone
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # shut down
                return
            threads.append(threading.Thread(target=drip, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@pytest.fixture
def started() -> float:
    return time.monotonic()


def nobody() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(("kind", "beginning"), [("Client", BODY), ("AsyncClient", BODY), ("AsyncClient", HEAD)])
def test_an_answer_that_drips_is_given_up_when_its_time_is_over(kind: str, beginning: bytes, started: float) -> None:
    with dripping(beginning) as url, a_client(kind, url, retries=0, timeout=0.5) as client:
        with pytest.raises(Unavailable, match="took too long"):
            client.stats()
        assert time.monotonic() - started < LONG / 2


def test_waiting_for_nobody_ends_when_its_time_is_over(face: str, started: float) -> None:
    with a_client(face, nobody()) as client, pytest.raises(Unavailable):
        client.executions.wait(1, timeout=1)
    assert 1 <= time.monotonic() - started < LONG / 2


def test_waiting_for_who_says_nothing_ends_when_its_time_is_over(face: str, started: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with a_client(face, url) as client, pytest.raises(Unavailable, match="took too long"):
            client.executions.wait(1, timeout=0.5)
    assert time.monotonic() - started < LONG / 2


def test_waiting_goes_on_when_a_server_goes_away_and_comes_back(face: str, dsn: str, tmp_path: Path) -> None:
    with a_server(API, tmp_path / "first", dsn) as first, a_client("Client", url_of(first)) as other:
        url = url_of(first)
        other.schedules.create(name="n", allow_unknown_task=True, task_type="quick", cron_expression="0 9 * * *")
        asked = other.schedules.execute("n")
        ended: list[Any] = []

        def wait() -> None:
            with a_client(face, url, retries=1) as client:
                ended.append(client.executions.wait(asked, timeout=60))

        waiting = threading.Thread(target=wait)
        waiting.start()
        first.wipe_out()
        with a_server(API, tmp_path / "second", dsn, ROWCALL_PORT=url.rpartition(":")[2]):
            other.executions.cancel(asked.execution_id)
            waiting.join(60)
            assert [execution.status for execution in ended] == ["CANCELLED"]


# ── the rules, without a line ─────────────────────────────────────────────────────────────────────────────────────────


def looked(first: httpx2.Response | Exception, timeout: float, retries: int = 6) -> tuple[int, Exception]:
    """How many looks a wait takes whose first is answered with this, and all others are lost; and how it ends."""
    steps, looks = executions.wait(1, timeout).steps(retries), 0
    step = next(steps)
    try:
        while True:
            if isinstance(step, Pause):
                step = steps.send(None)
                continue
            looks += 1
            if looks == 1 and isinstance(first, httpx2.Response):
                step = steps.send(first)
            else:
                step = steps.throw(first if isinstance(first, Exception) else httpx2.ConnectError("refused"))
    except (Unavailable, WaitedTooLong) as fault:
        return looks, fault


def queued() -> httpx2.Response:
    now = datetime.now(UTC)
    told: dict[str, Any] = dict.fromkeys(ExecutionView.model_fields)
    told |= {"execution_id": 1, "schedule_id": 1, "schedule_version": 1, "priority": 5, "attempt": 0, "fence": 0}
    told |= {"trigger": "manual", "task_type": "quick", "status": "QUEUED", "scheduled_for": now, "created_at": now}
    content = ExecutionView(**told).model_dump_json()
    return httpx2.Response(200, content=content, request=httpx2.Request("GET", "http://a/"))


def test_who_saw_the_execution_once_is_told_how_it_was() -> None:
    looks, fault = looked(queued(), 0.1)
    assert looks > 2
    assert isinstance(fault, WaitedTooLong)
    assert fault.execution.status == "QUEUED"
    assert isinstance(fault.__cause__, Unavailable)


def test_who_never_saw_it_is_told_why() -> None:
    looks, fault = looked(httpx2.ConnectError("refused"), 0.1)
    assert looks > 2
    assert isinstance(fault, Unavailable)


def test_a_client_that_sends_nothing_again_looks_no_more_after_a_look_that_was_lost() -> None:
    looks, fault = looked(httpx2.ConnectError("refused"), 60, retries=0)
    assert looks == 1
    assert isinstance(fault, Unavailable)
