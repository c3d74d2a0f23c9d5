"""The moment to act: an occurrence plus its jitter, or what somebody wrote into `next_run_at` by hand."""

import pytest

from rowcall.domain.planning import NOTHING_OPEN, plan, plan_unroutable, run_moment
from rowcall.domain.triggers import OneTimeTrigger, occurrences_after
from tests.domain.timeline import (
    DAY,
    HOUR,
    MINUTE,
    MINUTELY,
    ONE_OPEN,
    TICK,
    a_schedule,
    at,
    carried_out,
    reasons,
    rows,
)

JITTERED = a_schedule(jitter_seconds=1800)
CROWDED = a_schedule(MINUTELY, jitter_seconds=3600, answered=at("08:58"))
NEXT_MOMENT = run_moment(JITTERED, at("10:00"))


def test_the_next_moment_is_the_next_occurrence_plus_its_jitter() -> None:
    planned = plan(JITTERED, NOTHING_OPEN, NEXT_MOMENT)

    assert planned.next_occurrence_at == at("11:00")
    assert planned.next_run_at == run_moment(JITTERED, at("11:00"))
    assert at("11:00") < planned.next_run_at < at("11:30")


def test_what_runs_is_the_occurrence_not_its_jittered_moment() -> None:
    assert at("10:00") < NEXT_MOMENT < at("10:30")
    assert rows(plan(JITTERED, NOTHING_OPEN, NEXT_MOMENT).answers) == ["RUNNING (09:00, 10:00]"]


def test_jitter_is_the_same_whenever_it_is_worked_out() -> None:
    later = carried_out(JITTERED, plan(JITTERED, NOTHING_OPEN, at("14:00")))

    assert run_moment(later, at("10:00")) == NEXT_MOMENT


def test_jitter_never_reaches_the_next_occurrence() -> None:
    for occurrence in occurrences_after(MINUTELY, at("09:00"), 500):
        assert occurrence <= run_moment(CROWDED, occurrence) < occurrence + MINUTE


def test_grace_counts_from_the_jittered_moment() -> None:
    schedule = a_schedule(jitter_seconds=1800, grace=MINUTE)

    assert rows(plan(schedule, NOTHING_OPEN, NEXT_MOMENT + MINUTE).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(schedule, NOTHING_OPEN, NEXT_MOMENT + MINUTE + TICK).answers) == ["MISSED (09:00, 10:00]"]


@pytest.mark.parametrize("coalesce", ["latest", "all"])
def test_a_late_occurrence_whose_jitter_lies_ahead_is_not_due_yet(coalesce: str) -> None:
    schedule = a_schedule(MINUTELY, jitter_seconds=3600, coalesce=coalesce, answered=at("08:58"))
    ahead = run_moment(schedule, at("09:05"))

    before, then = plan(schedule, NOTHING_OPEN, ahead - TICK), plan(schedule, NOTHING_OPEN, ahead)

    assert (before.answers[-1].scheduled_for, before.next_run_at) == (at("09:04"), ahead)
    assert before.next_occurrence_at == at("09:05")
    assert (then.answers[-1].scheduled_for, then.next_occurrence_at) == (at("09:05"), at("09:06"))


def test_what_is_missed_ends_with_the_last_whose_jittered_moment_is_past_grace() -> None:
    schedule = a_schedule(MINUTELY, jitter_seconds=3600, grace=10 * MINUTE, answered=at("08:58"))
    moment = run_moment(schedule, at("09:20"))

    at_its_grace = plan(schedule, NOTHING_OPEN, moment + 10 * MINUTE)
    past_its_grace = plan(schedule, NOTHING_OPEN, moment + 10 * MINUTE + TICK)

    assert at_its_grace.answers[0].scheduled_for == at("09:19")
    assert past_its_grace.answers[0].scheduled_for == at("09:20")


def test_moved_to_an_earlier_moment_the_next_occurrence_is_run_early() -> None:
    hurried = a_schedule(next_run_at=at("09:37"))

    planned = plan(hurried, NOTHING_OPEN, at("09:37"))

    assert rows(planned.answers) == ["RUNNING (09:00, 10:00]"]
    assert planned.next_run_at == at("11:00")


def test_run_early_it_obeys_overlap_and_counts_like_any_other() -> None:
    hurried = a_schedule(next_run_at=at("09:37"), max_executions=1)

    assert reasons(plan(hurried, ONE_OPEN, at("09:37")).answers) == ["overlap: execution 7 was still open"]
    assert plan(hurried, NOTHING_OPEN, at("09:37")).completed_because == "limit: max_executions 1 is reached"


def test_moved_back_behind_what_is_answered_nothing_is_answered_twice() -> None:
    planned = plan(a_schedule(next_run_at=at("06:00")), NOTHING_OPEN, at("09:37"))

    assert rows(planned.answers) == ["RUNNING (09:00, 10:00]"]


@pytest.mark.parametrize("planned", ["08:00", "09:00"])
def test_an_occurrence_set_by_hand_that_is_answered_already_is_not_answered_twice(planned: str) -> None:
    behind = a_schedule(next_occurrence_at=at(planned), next_run_at=at("09:30"))

    assert rows(plan(behind, NOTHING_OPEN, at("09:37")).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(behind, NOTHING_OPEN, at("10:05")).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(behind, NOTHING_OPEN, at("12:05")).answers) == ["MISSED (09:00, 11:00]", "RUNNING (11:00, 12:00]"]
    assert plan_unroutable(behind, at("09:45"), "unroutable") is None


def test_moved_back_before_anything_is_answered_the_occurrences_from_there_on_are() -> None:
    backdated = a_schedule(answered=None, next_run_at=at("06:30"), grace=2 * HOUR)

    assert rows(plan(backdated, NOTHING_OPEN, at("07:00")).answers) == ["RUNNING (-, 07:00]"]
    assert rows(plan(backdated, NOTHING_OPEN, at("09:10")).answers) == ["MISSED (-, 07:00]", "RUNNING (07:00, 09:00]"]


def test_an_early_run_that_nobody_came_for_is_run_at_its_own_moment_and_within_its_grace() -> None:
    hurried = a_schedule(next_run_at=at("09:05"), grace=15 * MINUTE)

    assert rows(plan(hurried, NOTHING_OPEN, at("10:15")).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(hurried, NOTHING_OPEN, at("10:16")).answers) == ["MISSED (09:00, 10:00]"]


def test_a_moment_written_by_hand_into_a_row_not_planned_yet_is_taken() -> None:
    unplanned = a_schedule(answered=None, next_occurrence_at=None, next_run_at=at("08:40"))

    assert rows(plan(unplanned, NOTHING_OPEN, at("08:41")).answers) == ["RUNNING (-, 09:00]"]


def test_a_one_time_schedule_moved_to_another_day_by_hand_runs_then() -> None:
    postponed = a_schedule(OneTimeTrigger(at("10:00")), answered=None, next_run_at=at("10:00") + DAY)

    assert rows(plan(postponed, NOTHING_OPEN, at("10:01") + DAY).answers) == ["RUNNING (-, 10:00]"]
