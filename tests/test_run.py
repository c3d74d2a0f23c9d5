"""What a task gets: its ids, and the request to stop, seen from wherever the task runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Coroutine
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

import rowcall
from rowcall.app import Cancellation

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def run() -> rowcall.Run:
    return rowcall.Run(
        execution_id=7,
        schedule_id=3,
        schedule_name="daily",
        client_id="default",
        scheduled_for=NOON,
        triggered_at=NOON,
        attempt=2,
        fence=5,
        task_type="report",
        trigger="schedule",
        input_data={"a": 1},
        installation_id="ab12",
    )


def test_a_run_that_is_made_quickly_is_like_any_other(run: rowcall.Run) -> None:
    quick = rowcall.Run.quickly(dict(vars(run)))
    assert vars(quick) == vars(run)
    assert {field.name for field in fields(quick)} == vars(quick).keys()
    assert repr(quick) == repr(run)


def test_the_input_of_a_run_that_is_made_quickly_is_read_once_and_not_before_it_is_asked_for(run: rowcall.Run) -> None:
    asked: list[str] = []

    def read(text: str) -> object:
        asked.append(text)
        return json.loads(text)

    given = {name: value for name, value in vars(run).items() if name != "input_data"}
    quick = rowcall.Run.quickly(given | {"written": '{"a": 1}', "read": read})
    assert asked == []
    assert quick.input_data == {"a": 1}
    quick.input_data["b"] = 2
    assert quick.input_data == {"a": 1, "b": 2}
    assert asked == ['{"a": 1}']


def test_a_run_without_input_has_none() -> None:
    kept = {field.name: 0 for field in fields(rowcall.Run) if field.default is MISSING}
    assert rowcall.Run(**kept).input_data is None  # type: ignore[arg-type] # none of them is looked at


def test_the_idempotency_key_names_installation_and_execution(run: rowcall.Run) -> None:
    assert run.idempotency_key == "ab12-7"


def test_a_run_cannot_be_changed_by_its_task(run: rowcall.Run) -> None:
    with pytest.raises(AttributeError):
        run.attempt = 3  # type: ignore[misc] # what is tried


def test_the_logger_names_the_run(run: rowcall.Run) -> None:
    bound = structlog.get_context(run.logger)
    assert bound["execution_id"] == 7
    assert bound["schedule_name"] == "daily"
    assert run.logger is run.logger


def test_a_run_that_nobody_cancels_goes_on(run: rowcall.Run) -> None:
    assert not run.cancelled
    run.raise_if_cancelled()
    assert not run.wait_cancelled(0)


def test_a_cancelled_run_is_told_and_the_telling_is_remembered(run: rowcall.Run) -> None:
    run.signal.request("somebody asked")
    assert run.signal.requested
    assert not run.signal.seen
    assert run.cancelled
    assert run.signal.seen


def test_a_cancelled_run_can_be_ended_where_it_stands_past_an_except_exception(run: rowcall.Run) -> None:
    run.signal.request("somebody asked")
    with pytest.raises(rowcall.RunCancelled, match="somebody asked"), contextlib.suppress(Exception):
        run.raise_if_cancelled()


def test_only_the_first_request_counts() -> None:
    signal = Cancellation()
    assert signal.request("first")
    assert not signal.request("second")
    assert signal.reason == "first"


def test_a_thread_that_sleeps_is_woken_by_the_request(run: rowcall.Run) -> None:
    woken: list[bool] = []
    sleeper = threading.Thread(target=lambda: woken.append(run.wait_cancelled(60)))
    sleeper.start()
    run.signal.request("wake up")
    sleeper.join(10)
    assert woken == [True]


async def test_a_coroutine_waits_for_the_request_of_another_thread(run: rowcall.Run) -> None:
    waiting = asyncio.create_task(run.cancellation())
    await asyncio.sleep(0)
    asker = threading.Thread(target=run.signal.request, args=["from afar"])
    asker.start()
    assert await asyncio.wait_for(waiting, 30) == "from afar"
    asker.join()


async def test_a_coroutine_that_asks_late_is_answered_at_once(run: rowcall.Run) -> None:
    run.signal.request("long ago")
    assert await asyncio.wait_for(run.cancellation(), 30) == "long ago"


async def test_who_stops_waiting_leaves_nothing_behind(run: rowcall.Run) -> None:
    waiting = asyncio.create_task(run.cancellation())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not run.signal._listeners


def test_a_request_after_the_waiting_loop_was_closed_is_no_error(run: rowcall.Run) -> None:
    async def leave_it() -> Coroutine[Any, Any, str]:
        waiting = run.cancellation()
        waiting.send(None)
        return waiting

    kept = asyncio.run(leave_it())
    run.signal.request("too late")
    kept.close()
    assert run.cancelled
