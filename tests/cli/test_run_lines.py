"""Runs on the terminal: a line each, of a herd the first few and a count, and silence when nobody reads."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowcall.cli.run_lines import MOST_PER_SECOND, RunLines
from rowcall.worker import ExecutionEnded, ExecutionNotRun, ExecutionStarted

NINE = datetime(2030, 1, 31, 9, tzinfo=UTC)


def ended(**changed: Any) -> ExecutionEnded:
    facts: dict[str, Any] = {
        "execution_id": 7, "schedule_id": 1, "schedule_name": "nightly", "client_id": "shop", "task_type": "report",
        "scheduled_for": NINE,
        "executed_at": NINE + timedelta(milliseconds=12), "attempt": 1, "status": "SUCCEEDED",
        "duration_seconds": 1.25, "error": None,
    }  # fmt: skip
    return ExecutionEnded(**{**facts, **changed})


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def lines() -> RunLines:
    lines = RunLines()
    lines.open()
    return lines


async def test_a_run_is_a_line_with_time_schedule_status_lateness_and_duration(
    lines: RunLines, capsys: pytest.CaptureFixture[str]
) -> None:
    lines(ended())
    assert told(capsys) == ["09:00:00Z  nightly                   SUCCEEDED     12 ms late  took   1.25 s"]


async def test_what_failed_or_is_tried_again_says_why(lines: RunLines, capsys: pytest.CaptureFixture[str]) -> None:
    lines(ended(status="FAILED", attempt=3, error="ValueError: no\nsuch [red]day"))
    lines(ended(status="QUEUED", error="TimeoutError"))
    failed, queued = told(capsys)
    assert failed.endswith("attempt 3  ValueError: no\\nsuch [red]day")
    assert queued.endswith("attempt 1, to be tried again  TimeoutError")


async def test_what_did_not_run_says_why(lines: RunLines, capsys: pytest.CaptureFixture[str]) -> None:
    lines(ExecutionNotRun(8, 1, "a" * 40, "shop", NINE, "MISSED", "grace ran out"))
    assert told(capsys) == [f"09:00:00Z  {'a' * 23}…  MISSED     grace ran out"]


async def test_the_start_of_a_run_is_no_line(lines: RunLines, capsys: pytest.CaptureFixture[str]) -> None:
    lines(ExecutionStarted(7, 1, "nightly", "shop", "report", NINE, NINE, 1))
    assert told(capsys) == []


async def test_of_a_herd_the_first_are_told_and_the_rest_counted(
    lines: RunLines, capsys: pytest.CaptureFixture[str]
) -> None:
    lines._window_ends = asyncio.get_running_loop().time() + 60  # the second lasts, however slow the machine is
    for number in range(1000):
        lines(ended(execution_id=number, status="FAILED" if number % 100 == 99 else "SUCCEEDED"))
    lines.flush()
    *runs, rest = told(capsys)
    assert len(runs) == MOST_PER_SECOND
    assert rest.strip() == "… and 980 more: 970 SUCCEEDED, 10 FAILED"


async def test_the_rest_of_a_herd_is_told_without_waiting_for_the_next_run(
    lines: RunLines, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(MOST_PER_SECOND + 1):
        lines(ended(execution_id=number))
    seen = told(capsys)
    async with asyncio.timeout(30):
        while not any("1 more" in line for line in seen):
            await asyncio.sleep(0.02)
            seen += told(capsys)


async def test_for_scripts_every_event_is_an_object_and_none_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    lines = RunLines(as_json=True)
    lines.open()
    lines(ExecutionStarted(7, 1, "nightly", "shop", "report", NINE, NINE, 1))
    for number in range(100):
        lines(ended(execution_id=number))
    objects = [json.loads(line) for line in told(capsys)]
    assert len(objects) == 101
    assert objects[0]["event"] == "execution_started"
    assert objects[1] == {
        "event": "execution_ended", "execution_id": 0, "schedule_id": 1, "schedule_name": "nightly",
        "client_id": "shop", "task_type": "report",
        "scheduled_for": "2030-01-31T09:00:00Z", "executed_at": "2030-01-31T09:00:00.012000Z",
        "attempt": 1, "status": "SUCCEEDED", "duration_seconds": 1.25, "error": None,
    }  # fmt: skip


async def test_what_happens_before_the_greeting_is_told_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = RunLines()
    lines(ended())
    assert told(capsys) == []
    lines.open()
    assert len(told(capsys)) == 1


async def test_when_nobody_reads_any_more_it_goes_quiet_and_the_work_goes_on(
    lines: RunLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with monkeypatch.context() as patched, os.fdopen(writer, "w") as pipe:
        patched.setattr(sys, "stdout", pipe)
        for number in range(3):
            lines(ended(execution_id=number))
    assert lines._gone
