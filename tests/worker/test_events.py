"""What a worker tells is logged under the names that operators look for, at a level that fits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from rowcall.store.recording import Completed
from rowcall.worker import Event, ExecutionEnded, ExecutionNotRun, ExecutionStarted
from rowcall.worker.events import tell_completed, write_down

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDENTITY = (7, 3, "daily", "shop", "report", NOON, NOON, 2)


def ended(status: str, error: str | None = None) -> ExecutionEnded:
    return ExecutionEnded(*IDENTITY, status, 1.5, error)


def not_run(status: str, reason: str) -> ExecutionNotRun:
    return ExecutionNotRun(7, 3, "daily", "shop", NOON, status, reason)


@pytest.mark.parametrize(
    ("event", "name", "level"),
    [
        (ExecutionStarted(*IDENTITY), "schedule_triggered", "debug"),
        (ended("SUCCEEDED"), "scheduler_job_executed", "debug"),
        (ended("FAILED", "broken"), "scheduler_job_error", "warning"),
        (ended("QUEUED", "broken"), "scheduler_job_error", "warning"),
        (ended("QUEUED"), "execution_given_back", "info"),
        (not_run("MISSED", "grace"), "schedule_missed", "warning"),
        (not_run("SKIPPED", "overlap"), "schedule_skipped", "info"),
    ],
)
def test_an_event_is_logged_under_its_name_with_what_it_is_about(event: Event, name: str, level: str) -> None:
    with capture_logs() as lines:
        write_down(event)
    line = lines[0]
    assert (line["event"], line["log_level"]) == (name, level)
    assert (line["schedule"], line["schedule_id"], line["client_id"], line["execution_id"]) == ("daily", 3, "shop", 7)
    assert line["scheduled_for"] == "2026-03-01T12:00:00+00:00"


def test_a_failure_is_logged_with_its_error_and_attempt() -> None:
    with capture_logs() as lines:
        write_down(ended("FAILED", "out of order"))
    assert (lines[0]["error"], lines[0]["attempt"], lines[0]["status"]) == ("out of order", 2, "FAILED")


def test_a_success_is_told_as_an_attempt_that_ended_and_as_a_schedule_that_was_executed() -> None:
    with capture_logs() as lines:
        write_down(ended("SUCCEEDED"))
    assert [line["event"] for line in lines] == ["scheduler_job_executed", "schedule_executed"]


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("limit: max_executions 2 is reached", "schedule_limit_reached"),
        ("finished: no further occurrence", "schedule_completed"),
    ],
)
def test_the_end_of_a_schedule_is_logged_with_its_reason(reason: str, name: str) -> None:
    with capture_logs() as lines:
        tell_completed(Completed(3, "daily", "shop", reason))
    assert lines == [
        {
            "event": name,
            "log_level": "info",
            "schedule": "daily",
            "schedule_id": 3,
            "client_id": "shop",
            "reason": reason,
        }
    ]
