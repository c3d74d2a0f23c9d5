"""Explanations: each sentence is true, and says what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowcall.domain.executions import ExecutionStatus
from rowcall.domain.explain import OpenExecution, Standing, Workforce, explain_now
from rowcall.domain.explain_moment import LedgerRow, Moment, explain_at
from rowcall.domain.schedules import ScheduleStatus

NOON = datetime(2030, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

ACTIVE = Standing(
    now=NOON,
    timezone="UTC",
    route="report",
    status=ScheduleStatus.ACTIVE,
    status_reason=None,
    status_since=NOON - HOUR,
    next_run_at=NOON + MINUTE,
    workforce=Workforce(alive=2, offering=1, free_slots=3),
)
QUEUED = OpenExecution(execution_id=7, is_running=False, attempt=0, executed_at=None, available_at=NOON - MINUTE)
RUNNING = OpenExecution(execution_id=6, is_running=True, attempt=1, executed_at=NOON - HOUR, available_at=None)

YESTERDAY = Moment(
    at=NOON - timedelta(days=1),
    created_at=NOON - timedelta(days=9),
    kept_since=NOON - timedelta(days=9),
    is_occurrence=True,
    before=NOON - timedelta(days=2),
    after=NOON,
    status=ScheduleStatus.ACTIVE,
    status_reason=None,
    status_since=NOON - timedelta(days=9),
    row=None,
)
RAN = LedgerRow(
    execution_id=5,
    status=ExecutionStatus.SUCCEEDED,
    scheduled_for=YESTERDAY.at,
    executed_at=YESTERDAY.at + timedelta(seconds=2),
    duration_seconds=1.25,
    attempt=1,
    reason=None,
    error_message=None,
)


def now(**changes: Any) -> tuple[str, str]:
    told = explain_now(replace(ACTIVE, **changes))
    return told.code, told.sentence


def at(standing: Standing = ACTIVE, **changes: Any) -> tuple[str, str]:
    told = explain_at(replace(YESTERDAY, **changes), standing)
    return told.code, told.sentence


# ── now ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_waits_for_its_next_run() -> None:
    assert now() == ("waiting", "It waits for its next run, on 2030-07-01 12:01:00 UTC.")


def test_moments_are_told_in_the_schedules_zone() -> None:
    assert now(timezone="Europe/London")[1] == "It waits for its next run, on 2030-07-01 13:01:00 Europe/London."


def test_it_has_not_been_planned() -> None:
    assert now(next_run_at=None)[0] == "unplanned"


@pytest.mark.parametrize(
    ("workforce", "code", "told"),
    [
        (Workforce(), "no_worker", "and no worker is alive: start one that offers 'report'."),
        (Workforce(alive=2), "unroutable", "and none of the 2 live workers offers 'report'."),
        (Workforce(alive=2, offering=1), "busy", "every slot of the 1 live worker that offers 'report' is taken."),
        (Workforce(alive=2, offering=2, free_slots=1), "due", "the next look of the 2 live workers"),
    ],
)
def test_what_is_due_says_who_is_missing(workforce: Workforce, code: str, told: str) -> None:
    found = now(next_run_at=NOON - MINUTE, workforce=workforce)
    assert found[0] == code
    assert found[1].startswith("It is due since 2030-07-01 11:59:00 UTC")
    assert told in found[1]


def test_what_is_queued_says_who_is_missing() -> None:
    code, sentence = now(opened=[QUEUED], workforce=Workforce(alive=1))
    assert code == "unroutable"
    assert sentence.startswith("Execution 7 is queued since 2030-07-01 11:59:00 UTC, and the only live worker does not")


def test_a_retry_says_when_it_comes() -> None:
    retry = replace(QUEUED, attempt=2, available_at=NOON + MINUTE)
    assert now(opened=[retry]) == ("retrying", "It waits for attempt 3 of execution 7, on 2030-07-01 12:01:00 UTC.")


def test_what_runs_is_named_together_with_what_comes_next() -> None:
    waits = replace(QUEUED, available_at=None)
    assert now(opened=[RUNNING, waits]) == (
        "running",
        "Execution 6 is running since 2030-07-01 11:00:00 UTC. It waits for its next run, on 2030-07-01 12:01:00 UTC.",
    )


@pytest.mark.parametrize(
    ("status", "reason", "code", "told"),
    [
        (ScheduleStatus.PAUSED, "freeze", "paused", "It is paused since 2030-07-01 11:00:00 UTC: freeze."),
        (ScheduleStatus.PAUSED, None, "paused", "It is paused since 2030-07-01 11:00:00 UTC."),
        (ScheduleStatus.COMPLETED, "limit", "completed", "It is completed since 2030-07-01 11:00:00 UTC: limit."),
        (ScheduleStatus.INVALID, "bad cron", "invalid", "It can't be scheduled: bad cron."),
        (
            ScheduleStatus.DISABLED,
            None,
            "deleted",
            "It was deleted on 2030-07-01 11:00:00 UTC; only its history is left.",
        ),
    ],
)
def test_what_is_not_active_says_since_when_and_why(
    status: ScheduleStatus, reason: str | None, code: str, told: str
) -> None:
    assert now(status=status, status_reason=reason, next_run_at=None) == (code, told)


def test_a_paused_schedule_tells_what_still_runs() -> None:
    _, sentence = now(status=ScheduleStatus.PAUSED, next_run_at=None, opened=[RUNNING, RUNNING])
    assert sentence.endswith("Execution 6 is running since 2030-07-01 11:00:00 UTC, and 1 more.")


# ── at a moment ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_occurrence_that_ran_says_how() -> None:
    code, sentence = at(row=RAN)
    assert code == "succeeded"
    assert sentence == (
        "The occurrence of 2030-06-30 12:00:00 UTC ran: execution 5 started 2 s after it on 2030-06-30 12:00:02 UTC, "
        "and succeeded after 1.25 s."
    )


def test_a_failure_says_which_attempt_and_the_error() -> None:
    row = replace(RAN, status=ExecutionStatus.FAILED, attempt=4, error_message="ValueError: no\nTraceback")
    code, sentence = at(row=row)
    assert code == "failed"
    assert sentence.endswith("attempt 4, and failed after 1.25 s: ValueError: no.")


@pytest.mark.parametrize("status", [ExecutionStatus.SKIPPED, ExecutionStatus.MISSED])
def test_what_did_not_run_says_why(status: ExecutionStatus) -> None:
    row = replace(RAN, status=status, executed_at=None, reason="paused: freeze")
    assert at(row=row) == (
        status.lower(),
        f"The occurrence of 2030-06-30 12:00:00 UTC did not run ({status}): paused: freeze.",
    )


def test_what_was_cancelled_in_the_queue_never_ran() -> None:
    row = replace(RAN, status=ExecutionStatus.CANCELLED, executed_at=None, reason="cancelled by the API")
    assert at(row=row)[1] == (
        "The occurrence of 2030-06-30 12:00:00 UTC did not run: execution 5 was cancelled: cancelled by the API."
    )


def test_what_is_to_be_tried_again_is_not_told_as_never_run() -> None:
    queued = replace(RAN, status=ExecutionStatus.QUEUED, attempt=0, executed_at=None)
    occurrence = "The occurrence of 2030-06-30 12:00:00 UTC has"
    assert at(row=queued) == ("queued", f"{occurrence} not run yet: execution 5 is queued.")
    told = at(row=replace(queued, attempt=1))
    assert told == ("queued", f"{occurrence} not succeeded yet: execution 5 is queued for attempt 2.")


@pytest.mark.parametrize(
    ("status", "told"), [(ExecutionStatus.QUEUED, "is queued"), (ExecutionStatus.RUNNING, "attempt 1")]
)
def test_what_is_open_is_not_told_as_done(status: ExecutionStatus, told: str) -> None:
    assert told in at(row=replace(RAN, status=status))[1]


def test_a_coalesced_occurrence_names_the_run_that_stands_for_it() -> None:
    row = replace(RAN, scheduled_for=YESTERDAY.at + HOUR)
    assert at(row=row) == (
        "coalesced",
        (
            "The occurrence of 2030-06-30 12:00:00 UTC was late and did not run by itself: execution 5 answers for it "
            "together with the others up to 2030-06-30 13:00:00 UTC, and succeeded."
        ),
    )


def test_one_of_many_missed_names_the_row_that_stands_for_all() -> None:
    row = replace(RAN, status=ExecutionStatus.MISSED, scheduled_for=YESTERDAY.at + HOUR, reason="grace ran out")
    code, sentence = at(row=row)
    assert code == "missed"
    assert "grace ran out; execution 5 answers for it" in sentence


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("grace: not started within 900 s of its moment", "missed"),
        ("unroutable: no live worker offered task 'report' before its grace ran out", "missed"),
        ("catch_up_limit: only the newest 3 late occurrences are made up for", "missed"),
        ("catch_up_limit: 3 executions were already waiting", "skipped"),
        ("paused: for the migration", "skipped"),
    ],
)
def test_a_backfill_of_the_row_that_stands_for_all_did_not_run_the_others(reason: str, code: str) -> None:
    row = replace(RAN, scheduled_for=YESTERDAY.at + HOUR, reason=f"backfilled: {reason}", backfill_id=3)
    assert at(row=row) == (
        code,
        (
            f"The occurrence of 2030-06-30 12:00:00 UTC did not run: {reason}; execution 5, which a backfill opened "
            "again, answers for it together with the others up to 2030-06-30 13:00:00 UTC."
        ),
    )


def test_a_moment_that_is_no_occurrence_names_the_nearest_ones() -> None:
    assert at(is_occurrence=False) == (
        "not_an_occurrence",
        (
            "Its rule names no occurrence at 2030-06-30 12:00:00 UTC; the nearest are 2030-06-29 12:00:00 UTC "
            "and 2030-07-01 12:00:00 UTC."
        ),
    )


def test_no_occurrence_is_covered_by_a_neighbours_row() -> None:
    assert at(is_occurrence=False, row=replace(RAN, scheduled_for=YESTERDAY.at + HOUR))[0] == "not_an_occurrence"


def test_before_its_creation_it_did_not_exist() -> None:
    assert at(created_at=NOON)[0] == "not_created"


def test_an_occurrence_before_its_creation_that_has_a_row_is_answered() -> None:
    assert at(created_at=NOON, row=RAN)[0] == "succeeded"


def test_what_lies_ahead_is_said_to() -> None:
    assert at(at=NOON + HOUR) == ("ahead", "The occurrence of 2030-07-01 13:00:00 UTC lies ahead.")


def test_what_lies_ahead_of_a_paused_schedule_will_not_run() -> None:
    paused = replace(ACTIVE, status=ScheduleStatus.PAUSED, next_run_at=None)
    code, sentence = at(paused, at=NOON + HOUR)
    assert code == "paused"
    assert "as things stand it will not run. It is paused since" in sentence


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (ScheduleStatus.PAUSED, "paused"),
        (ScheduleStatus.DISABLED, "deleted"),
        (ScheduleStatus.COMPLETED, "completed"),
        (ScheduleStatus.INVALID, "invalid"),
    ],
)
def test_an_unanswered_occurrence_tells_the_status_of_its_time(status: ScheduleStatus, code: str) -> None:
    found = at(status=status, status_reason="why", status_since=NOON - timedelta(days=3))
    assert found[0] == code
    assert found[1].startswith("The occurrence of 2030-06-30 12:00:00 UTC did not run: it")


def test_a_rule_that_could_not_be_scheduled_names_no_occurrences() -> None:
    code, sentence = at(is_occurrence=None, status=ScheduleStatus.INVALID, status_reason="bad cron")
    assert (code, sentence) == ("invalid", "Its rule of that time could not be scheduled: bad cron.")


def test_an_occurrence_still_due_says_what_it_waits_for() -> None:
    due = replace(ACTIVE, next_run_at=YESTERDAY.at, workforce=Workforce())
    code, sentence = at(due)
    assert code == "no_worker"
    assert sentence.startswith("The occurrence of 2030-06-30 12:00:00 UTC is not answered for yet. It is due since")


def test_an_occurrence_due_when_it_was_paused_is_not_answered_for_yet() -> None:
    paused = replace(ACTIVE, status=ScheduleStatus.PAUSED, next_run_at=None)
    assert at(paused) == (
        "paused",
        "The occurrence of 2030-06-30 12:00:00 UTC is not answered for: it was paused before it could start.",
    )


def test_what_is_older_than_the_ledger_is_not_guessed() -> None:
    assert at(kept_since=NOON)[0] == "not_kept"
