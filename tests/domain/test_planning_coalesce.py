"""Coalescing: several late occurrences become one run of the latest, or are each run, one by one, up to a limit."""

import pytest

from rowcall.domain.planning import NOTHING_OPEN, OpenExecutions, plan
from rowcall.domain.schedules import OverlapPolicy
from rowcall.domain.triggers import IntervalTrigger, Trigger
from tests.domain.timeline import HOUR, MINUTE, MINUTELY, ONE_OPEN, ONE_WAITING, a_schedule, at, reasons, rows


def test_latest_runs_once_for_all_that_is_within_grace() -> None:
    planned = plan(a_schedule(grace=10 * HOUR), NOTHING_OPEN, at("13:20"))

    assert rows(planned.answers) == ["RUNNING (09:00, 13:00]"]
    assert planned.counted_runs == 1
    assert planned.next_run_at == at("14:00")


def test_latest_runs_for_what_is_within_grace_and_misses_the_rest() -> None:
    planned = plan(a_schedule(grace=2 * HOUR), NOTHING_OPEN, at("13:20"))

    assert rows(planned.answers) == ["MISSED (09:00, 11:00]", "RUNNING (11:00, 13:00]"]
    assert planned.counted_runs == 1


def test_all_runs_each_one_by_one_and_only_the_first_starts_at_once() -> None:
    planned = plan(a_schedule(coalesce="all", grace=10 * HOUR), NOTHING_OPEN, at("13:20"))

    assert rows(planned.answers) == [
        "RUNNING (09:00, 10:00]",
        "QUEUED (10:00, 11:00]",
        "QUEUED (11:00, 12:00]",
        "QUEUED (12:00, 13:00]",
    ]
    assert planned.counted_runs == 4
    assert planned.next_run_at == at("14:00")


@pytest.mark.parametrize("trigger", [MINUTELY, IntervalTrigger(60, at("00:00"))])
def test_all_runs_the_newest_up_to_the_limit_and_misses_the_older_ones_in_one_row(trigger: Trigger) -> None:
    planned = plan(a_schedule(trigger, coalesce="all", catch_up_limit=2, grace=HOUR), NOTHING_OPEN, at("09:30"))

    assert rows(planned.answers) == ["MISSED (09:00, 09:28]", "RUNNING (09:28, 09:29]", "QUEUED (09:29, 09:30]"]
    assert reasons(planned.answers)[0] == "catch_up_limit: only the newest 2 late occurrences are made up for"


def test_what_is_past_grace_and_what_is_past_the_limit_is_one_missed_row() -> None:
    planned = plan(a_schedule(MINUTELY, coalesce="all", catch_up_limit=2, grace=10 * MINUTE), NOTHING_OPEN, at("09:30"))

    assert rows(planned.answers) == ["MISSED (09:00, 09:28]", "RUNNING (09:28, 09:29]", "QUEUED (09:29, 09:30]"]
    assert reasons(planned.answers)[0] == (
        "catch_up_limit: only the newest 2 late occurrences are made up for; "
        "grace: not started within 600 s of its moment"
    )


def test_all_runs_each_that_is_within_grace_and_misses_the_rest_in_one_row() -> None:
    planned = plan(a_schedule(coalesce="all", grace=2 * HOUR), NOTHING_OPEN, at("13:20"))

    assert rows(planned.answers) == ["MISSED (09:00, 11:00]", "RUNNING (11:00, 12:00]", "QUEUED (12:00, 13:00]"]
    assert reasons(planned.answers) == ["grace: not started within 7200 s of its moment", None, None]


def test_exactly_as_many_as_the_limit_are_all_run() -> None:
    planned = plan(a_schedule(coalesce="all", catch_up_limit=4, grace=10 * HOUR), NOTHING_OPEN, at("13:00"))

    assert [answer.status for answer in planned.answers] == ["RUNNING", "QUEUED", "QUEUED", "QUEUED"]


def test_all_with_nothing_left_within_grace_is_one_missed_row() -> None:
    planned = plan(a_schedule(coalesce="all"), NOTHING_OPEN, at("13:40"))

    assert rows(planned.answers) == ["MISSED (09:00, 13:00]"]


@pytest.mark.parametrize("policy", OverlapPolicy)
def test_catching_up_lines_up_behind_an_open_execution_whatever_the_overlap_policy(policy: OverlapPolicy) -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, overlap_policy=policy)

    planned = plan(schedule, ONE_OPEN, at("11:00"))

    assert rows(planned.answers) == ["QUEUED (09:00, 10:00]", "QUEUED (10:00, 11:00]"]
    assert not planned.cancel_open


def test_catching_up_starts_the_first_where_max_instances_leaves_room() -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, overlap_policy="allow", max_instances=2)

    assert rows(plan(schedule, ONE_OPEN, at("11:00")).answers) == ["RUNNING (09:00, 10:00]", "QUEUED (10:00, 11:00]"]


def test_nothing_overtakes_what_already_waits_in_line() -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, overlap_policy="allow", max_instances=5)

    assert rows(plan(schedule, ONE_WAITING, at("10:00")).answers) == ["QUEUED (09:00, 10:00]"]
    assert rows(plan(schedule, ONE_WAITING, at("11:00")).answers) == ["QUEUED (09:00, 10:00]", "QUEUED (10:00, 11:00]"]


def test_what_somebody_asked_for_and_waits_is_no_part_of_the_line() -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, catch_up_limit=3)
    asked = OpenExecutions(count=4, requested=3, execution_id=7)

    assert rows(plan(schedule, asked, at("10:00")).answers) == ["SKIPPED (09:00, 10:00]"]
    assert rows(plan(schedule, asked, at("12:00")).answers) == [
        "QUEUED (09:00, 10:00]", "QUEUED (10:00, 11:00]", "QUEUED (11:00, 12:00]",
    ]  # fmt: skip


def test_the_limit_counts_what_already_waits() -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, catch_up_limit=3)
    two_wait = OpenExecutions(count=3, waiting=2, execution_id=7)

    planned = plan(schedule, two_wait, at("13:00"))

    assert rows(planned.answers) == ["MISSED (09:00, 12:00]", "QUEUED (12:00, 13:00]"]
    assert reasons(planned.answers)[0] == (
        "catch_up_limit: only the newest 3 late occurrences are made up for, and 2 were waiting already"
    )


def test_with_the_line_full_the_late_ones_are_missed_and_the_one_in_time_is_skipped() -> None:
    schedule = a_schedule(coalesce="all", grace=10 * HOUR, catch_up_limit=3)
    full = OpenExecutions(count=4, waiting=3, execution_id=7)

    late, in_time = plan(schedule, full, at("13:00")), plan(schedule, full, at("10:00"))

    assert rows(late.answers) == ["MISSED (09:00, 13:00]"]
    assert rows(in_time.answers) == ["SKIPPED (09:00, 10:00]"]
    assert reasons(in_time.answers) == ["catch_up_limit: 3 executions were already waiting"]
    assert late.next_run_at == at("14:00")
