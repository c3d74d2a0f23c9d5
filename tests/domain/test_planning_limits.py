"""The end of a schedule: `max_executions`, `starts_at` and `ends_at`, and the single run of a one-time schedule."""

from typing import Any

import pytest

from rowcall.domain.planning import NOTHING_OPEN, OpenExecutions, plan
from rowcall.domain.triggers import IntervalTrigger, OneTimeTrigger, Trigger, Window, next_occurrence
from tests.domain.timeline import HOUR, HOURLY, ONE_OPEN, TICK, a_schedule, at, carried_out, reasons, rows

LIMIT_REACHED = "limit: max_executions 3 is reached"


def test_the_last_run_that_max_executions_allows_completes_the_schedule() -> None:
    planned = plan(a_schedule(max_executions=3, scheduled_runs=2), NOTHING_OPEN, at("10:00"))

    assert rows(planned.answers) == ["RUNNING (09:00, 10:00]"]
    assert planned.completed_because == LIMIT_REACHED
    assert (planned.next_occurrence_at, planned.next_run_at) == (None, None)


def test_before_the_last_run_a_schedule_goes_on() -> None:
    planned = plan(a_schedule(max_executions=3, scheduled_runs=1), NOTHING_OPEN, at("10:00"))

    assert planned.completed_because is None
    assert planned.next_run_at == at("11:00")


def test_as_many_run_as_max_executions_says_and_not_one_more() -> None:
    schedule, ran = a_schedule(max_executions=3), 0

    for hour in range(10, 20):
        planned = plan(schedule, NOTHING_OPEN, at(f"{hour}:00"))
        ran += planned.counted_runs
        schedule = carried_out(schedule, planned)
        if planned.completed_because:
            break

    assert (hour, ran, schedule.scheduled_runs) == (12, 3, 3)


def test_what_waits_counts_and_what_is_skipped_or_missed_does_not() -> None:
    policies: dict[str, Any] = {"max_executions": 3, "scheduled_runs": 2}

    queued = plan(a_schedule(overlap_policy="queue", **policies), ONE_OPEN, at("10:00"))
    skipped = plan(a_schedule(overlap_policy="skip", **policies), ONE_OPEN, at("10:00"))
    missed = plan(a_schedule(**policies), NOTHING_OPEN, at("10:30"))

    assert [each.counted_runs for each in (queued, skipped, missed)] == [1, 0, 0]
    assert [each.completed_because for each in (queued, skipped, missed)] == [LIMIT_REACHED, None, None]


def test_catching_up_stops_at_the_limit_and_one_row_says_so_for_the_rest() -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, max_executions=3, scheduled_runs=1)

    planned = plan(schedule, NOTHING_OPEN, at("14:00"))

    assert rows(planned.answers) == ["RUNNING (09:00, 10:00]", "QUEUED (10:00, 11:00]", "SKIPPED (11:00, 14:00]"]
    assert reasons(planned.answers) == [None, None, LIMIT_REACHED]
    assert planned.completed_because == LIMIT_REACHED


def test_the_last_run_left_is_made_up_for_behind_an_open_one_overlap_aside() -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, max_executions=3, scheduled_runs=2, overlap_policy="skip")

    planned = plan(schedule, ONE_OPEN, at("12:00"))

    assert rows(planned.answers) == ["QUEUED (09:00, 10:00]", "SKIPPED (10:00, 12:00]"]
    assert planned.counted_runs == 1
    assert planned.completed_because == LIMIT_REACHED


def test_a_limit_lowered_below_what_ran_ends_the_schedule_without_a_run() -> None:
    planned = plan(a_schedule(max_executions=3, scheduled_runs=5), NOTHING_OPEN, at("10:00"))

    assert rows(planned.answers) == ["SKIPPED (09:00, 10:00]"]
    assert reasons(planned.answers) == [LIMIT_REACHED]
    assert planned.completed_because == LIMIT_REACHED


def test_a_limit_lowered_below_what_ran_still_misses_what_is_past_grace() -> None:
    schedule = a_schedule(coalesce="all", grace=2 * HOUR, max_executions=3, scheduled_runs=5)

    planned = plan(schedule, OpenExecutions(2, 1, 7), at("13:00"))

    assert rows(planned.answers) == ["MISSED (09:00, 10:00]", "SKIPPED (10:00, 13:00]"]


@pytest.mark.parametrize("trigger", [HOURLY, IntervalTrigger(3600, at("00:00"))])
def test_starts_at_and_ends_at_are_inclusive(trigger: Trigger) -> None:
    window = Window(trigger, starts_at=at("10:00"), ends_at=at("11:00"))
    schedule = a_schedule(window, answered=None)

    first = plan(schedule, NOTHING_OPEN, at("10:00"))
    last = plan(carried_out(schedule, first), NOTHING_OPEN, at("11:00"))

    assert schedule.next_occurrence_at == at("10:00")
    assert rows(first.answers + last.answers) == ["RUNNING (-, 10:00]", "RUNNING (10:00, 11:00]"]
    assert (first.completed_because, last.completed_because) == (None, "finished: no further occurrence")
    assert (last.next_occurrence_at, last.next_run_at) == (None, None)


def test_an_instant_outside_the_window_is_outside() -> None:
    window = Window(HOURLY, starts_at=at("10:00") + TICK, ends_at=at("12:00") - TICK)

    assert next_occurrence(window, at("08:30")) == at("11:00")
    assert plan(a_schedule(window, answered=None), NOTHING_OPEN, at("11:00")).completed_because is not None


def test_late_occurrences_end_with_the_window() -> None:
    planned = plan(a_schedule(Window(HOURLY, None, at("11:30")), grace=10 * HOUR), NOTHING_OPEN, at("15:00"))

    assert rows(planned.answers) == ["RUNNING (09:00, 11:00]"]
    assert planned.completed_because == "finished: no further occurrence"


def test_a_one_time_schedule_runs_once_and_is_completed() -> None:
    planned = plan(a_schedule(OneTimeTrigger(at("10:00")), answered=None), NOTHING_OPEN, at("10:05"))

    assert rows(planned.answers) == ["RUNNING (-, 10:00]"]
    assert planned.completed_because == "finished: no further occurrence"


def test_a_one_time_schedule_past_its_grace_is_missed_and_completed() -> None:
    planned = plan(a_schedule(OneTimeTrigger(at("10:00")), answered=None), NOTHING_OPEN, at("10:15") + TICK)

    assert rows(planned.answers) == ["MISSED (-, 10:00]"]
    assert planned.completed_because == "finished: no further occurrence"


def test_a_one_time_schedule_whose_moment_passed_before_it_was_written_down_still_gets_its_row() -> None:
    schedule = a_schedule(OneTimeTrigger(at("08:00")), answered=None, next_occurrence_at=None, next_run_at=at("09:00"))

    assert rows(plan(schedule, NOTHING_OPEN, at("09:00")).answers) == ["RUNNING (-, 08:00]"]
