"""A schedule that was alone for a year is answered for in one look, without walking through the year."""

from dataclasses import replace
from typing import Any

import pytest

from rowcall.domain.planning import NOTHING_OPEN, Plan, plan, plan_unroutable
from rowcall.domain.schedules import Coalesce, ScheduleStatus
from rowcall.domain.settling import Span, settle
from rowcall.domain.triggers import CronFieldsTrigger, CronTrigger, Trigger, Window
from tests.domain.timeline import DAY, HOUR, MINUTE, CountingTrigger, a_schedule, at

MINUTELY, SECONDLY = CronTrigger("* * * * *"), CronFieldsTrigger((("second", "*"),))
A_YEAR_LATER = at("10:00:30") + 365 * DAY
MISSED_THROUGH = {MINUTELY: at("09:45") + 365 * DAY, SECONDLY: at("09:45:29") + 365 * DAY}
LATEST = {MINUTELY: at("10:00") + 365 * DAY, SECONDLY: A_YEAR_LATER}

every_pace = pytest.mark.parametrize("trigger", [MINUTELY, SECONDLY])


def planned_after_a_year(trigger: Trigger, **policies: Any) -> tuple[Plan, int]:
    """The plan of a schedule that nobody looked at for a year, and how often its trigger was asked."""
    counting = CountingTrigger(trigger)
    schedule = a_schedule(counting, grace=15 * MINUTE, **policies)
    counting.asked = 0
    return plan(schedule, NOTHING_OPEN, A_YEAR_LATER), counting.asked


@every_pace
@pytest.mark.parametrize("jitter_seconds", [0, 60])
def test_latest_is_one_missed_row_and_one_run_after_few_questions(trigger: Trigger, jitter_seconds: int) -> None:
    planned, asked = planned_after_a_year(trigger, jitter_seconds=jitter_seconds)

    [missed, latest] = planned.answers
    assert (missed.status, latest.status) == ("MISSED", "RUNNING")
    assert (missed.covers_after, latest.covers_after) == (at("09:00"), missed.scheduled_for)
    if not jitter_seconds:
        assert (missed.scheduled_for, latest.scheduled_for) == (MISSED_THROUGH[trigger], LATEST[trigger])
    assert asked < 300


@every_pace
def test_all_costs_no_more_than_what_it_lines_up(trigger: Trigger) -> None:
    planned, asked = planned_after_a_year(trigger, coalesce=Coalesce.ALL, catch_up_limit=10)

    assert [answer.status for answer in planned.answers] == ["MISSED", "RUNNING", *["QUEUED"] * 9]
    assert planned.answers[-1].scheduled_for == LATEST[trigger]
    assert asked < 500


@every_pace
def test_a_schedule_whose_window_closed_months_ago_is_answered_for_as_quickly(trigger: Trigger) -> None:
    counting = CountingTrigger(trigger)
    schedule = a_schedule(Window(counting, None, at("12:00") + 90 * DAY))
    counting.asked = 0

    planned = plan(schedule, NOTHING_OPEN, A_YEAR_LATER)

    [missed] = planned.answers
    assert missed.scheduled_for == at("12:00") + 90 * DAY
    assert planned.completed_because is not None
    assert counting.asked < 300


@every_pace
def test_what_nobody_could_run_for_a_year_is_one_missed_row(trigger: Trigger) -> None:
    counting = CountingTrigger(trigger)
    schedule = a_schedule(counting, grace=15 * MINUTE)
    counting.asked = 0

    planned = plan_unroutable(schedule, A_YEAR_LATER, "unroutable")

    assert planned is not None
    assert [answer.scheduled_for for answer in planned.answers] == [MISSED_THROUGH[trigger]]
    assert counting.asked < 300


@every_pace
def test_a_year_of_pause_is_settled_in_few_questions(trigger: Trigger) -> None:
    counting = CountingTrigger(trigger)
    schedule = a_schedule(counting, next_occurrence_at=None, next_run_at=None)
    spans = [
        Span(at("08:30"), ScheduleStatus.ACTIVE, None, counting),
        Span(at("09:00"), ScheduleStatus.PAUSED, "by Ada", counting),
        Span(A_YEAR_LATER, ScheduleStatus.ACTIVE, None, counting),
    ]

    settled = settle(schedule, spans)

    assert [answer.scheduled_for for answer in settled.answers] == [LATEST[trigger]]
    assert counting.asked < 300


def test_a_schedule_that_is_in_time_asks_its_trigger_next_to_nothing() -> None:
    counting = CountingTrigger(MINUTELY)
    schedule = replace(a_schedule(counting), grace=HOUR)
    counting.asked = 0

    plan(schedule, NOTHING_OPEN, at("09:01"))

    assert counting.asked <= 2
