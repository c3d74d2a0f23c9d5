"""The straight way says what the plan says, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.executions import ExecutionStatus
from rowcall.domain.planning import NOTHING_OPEN, plan
from rowcall.domain.schedules import schedule_of
from rowcall.domain.straight import Standing, straight_on
from rowcall.domain.triggers import next_occurrence

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)

TIMINGS = st.sampled_from(
    [
        {"schedule_type": "cron", "cron_expression": "* * * * *"},
        {"schedule_type": "cron", "cron_expression": "*/5 * * * *", "timezone": "Europe/Berlin"},
        {"schedule_type": "cron", "cron_expression": "30 1-4 * * *", "timezone": "Europe/Berlin"},
        {"schedule_type": "cron", "cron_expression": "H * * * *"},
        {"schedule_type": "cron", "cron_fields": {"second": "*/7"}},
        {"schedule_type": "interval", "interval_seconds": 1},
        {"schedule_type": "interval", "interval_seconds": 90},
        {"schedule_type": "one_time", "scheduled_time": NOON + timedelta(hours=1)},
    ]
)
POLICIES = st.fixed_dictionaries(
    {
        "coalesce": st.sampled_from(["latest", "all"]),
        "jitter_seconds": st.sampled_from([0, 0, 0, 20]),
        "grace_period_seconds": st.sampled_from([1, 60, 900]),
        "max_executions": st.sampled_from([None, None, 3]),
        "starts_at": st.sampled_from([None, None, NOON + timedelta(seconds=37), NOON + timedelta(hours=20)]),
        "ends_at": st.sampled_from([None, None, NOON + timedelta(days=2)]),
    }
)


def a_row(timing: dict[str, Any], policies: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "schedule_id": 1, "client_id": "default", "name": "s", "cron_expression": None, "cron_fields": None,
        "interval_seconds": None, "scheduled_time": None, "timezone": "UTC", "created_at": NOON, "catch_up_limit": 100,
        "overlap_policy": "skip", "max_instances": 1, "scheduled_runs": 0, "last_occurrence_at": None,
        "next_occurrence_at": None, "next_run_at": None,
    }  # fmt: skip
    return row | timing | policies


def straight(row: dict[str, Any]) -> datetime | None:
    return straight_on(Standing(**{column: row[column] for column in Standing._fields}))


@settings(max_examples=400, deadline=None)
@given(TIMINGS, POLICIES, st.integers(0, 4000), st.sampled_from([0, 0, -30, 7, 3600]), st.floats(0, 2000))
def test_it_says_what_the_plan_says_or_leaves_the_row_to_it(
    timing: dict[str, Any], policies: dict[str, Any], minutes: int, moved: int, late: float
) -> None:
    row = a_row(timing, policies)
    trigger = schedule_of(row, row["cron_fields"]).trigger
    occurrence = next_occurrence(trigger, NOON + timedelta(minutes=minutes))
    if occurrence is None:
        return
    moment = occurrence + timedelta(seconds=moved)
    row |= {"next_occurrence_at": occurrence, "next_run_at": moment, "now": moment + timedelta(seconds=late)}
    following = straight(row)
    if following is None:
        return
    planned = plan(schedule_of(row, row["cron_fields"]), NOTHING_OPEN, row["now"])
    [answer] = planned.answers
    assert (answer.status, answer.scheduled_for) == (ExecutionStatus.RUNNING, occurrence)
    assert (planned.next_occurrence_at, planned.next_run_at) == (following, following)
    assert planned.completed_because is None


@pytest.mark.parametrize("timing", [{"schedule_type": "interval", "interval_seconds": 60},
                                    {"schedule_type": "cron", "cron_expression": "* * * * *"}])  # fmt: skip
def test_what_is_on_time_takes_it(timing: dict[str, Any]) -> None:
    row = a_row(timing, {"coalesce": "latest", "jitter_seconds": 0, "grace_period_seconds": 900,
                         "max_executions": None, "starts_at": None, "ends_at": None})  # fmt: skip
    row |= {"next_occurrence_at": NOON, "next_run_at": NOON, "now": NOON + timedelta(seconds=1)}
    assert straight(row) == NOON + timedelta(minutes=1)


def test_what_has_begun_takes_it_and_what_was_made_due_before_its_beginning_does_not() -> None:
    row = a_row({"schedule_type": "interval", "interval_seconds": 60}, {
        "coalesce": "latest", "jitter_seconds": 0, "grace_period_seconds": 900, "max_executions": None,
        "starts_at": NOON, "ends_at": None,
    })  # fmt: skip
    begun = NOON + timedelta(minutes=5)
    row |= {"next_occurrence_at": begun, "next_run_at": begun, "now": begun}
    assert straight(row) == begun + timedelta(minutes=1)
    assert straight(row | {"starts_at": begun + timedelta(seconds=1)}) is None


def test_what_was_put_off_by_hand_takes_it_as_long_as_nothing_else_came_due() -> None:
    row = a_row({"schedule_type": "interval", "interval_seconds": 60}, {
        "coalesce": "latest", "jitter_seconds": 0, "grace_period_seconds": 5, "max_executions": None,
        "starts_at": None, "ends_at": None,
    })  # fmt: skip
    row |= {"next_occurrence_at": NOON, "next_run_at": NOON + timedelta(seconds=40)}
    assert straight(row | {"now": NOON + timedelta(seconds=41)}) == NOON + timedelta(minutes=1)
    assert straight(row | {"now": NOON + timedelta(seconds=46)}) is None
    assert straight(row | {"now": NOON + timedelta(seconds=61), "grace_period_seconds": 900}) is None
