"""Grace: how late an occurrence may still be run, counted from `next_run_at`; and the one row for what is missed."""

from datetime import timedelta
from typing import Any

import pytest

from rowcall.domain.planning import NOTHING_OPEN, plan
from rowcall.domain.triggers import CronTrigger
from tests.domain.timeline import DAY, HOUR, MINUTE, MINUTELY, SECOND, TICK, a_schedule, at, carried_out, reasons, rows


def test_an_occurrence_is_run_at_its_moment_and_the_next_one_is_planned() -> None:
    planned = plan(a_schedule(), NOTHING_OPEN, at("10:00"))

    assert rows(planned.answers) == ["RUNNING (09:00, 10:00]"]
    assert (planned.next_occurrence_at, planned.next_run_at) == (at("11:00"), at("11:00"))
    assert reasons(planned.answers) == [None]
    assert planned.completed_because is None


def test_an_occurrence_is_run_as_long_as_its_grace_lasts_to_the_instant() -> None:
    schedule = a_schedule(grace=15 * MINUTE)

    assert rows(plan(schedule, NOTHING_OPEN, at("10:15")).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(schedule, NOTHING_OPEN, at("10:15") + TICK).answers) == ["MISSED (09:00, 10:00]"]


def test_a_missed_occurrence_says_which_grace_ran_out() -> None:
    planned = plan(a_schedule(grace=15 * MINUTE), NOTHING_OPEN, at("10:40"))

    assert reasons(planned.answers) == ["grace: not started within 900 s of its moment"]
    assert planned.next_run_at == at("11:00")


def test_grace_counts_from_next_run_at_where_that_was_put_off_by_hand() -> None:
    schedule = a_schedule(next_run_at=at("10:50"), grace=15 * MINUTE)

    assert rows(plan(schedule, NOTHING_OPEN, at("10:55")).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(schedule, NOTHING_OPEN, at("11:04")).answers) == ["RUNNING (09:00, 11:00]"]


def test_what_was_put_off_past_several_occurrences_is_run_at_the_moment_it_was_put_off_to() -> None:
    postponed = a_schedule(next_run_at=at("13:30"), grace=15 * MINUTE)

    assert rows(plan(postponed, NOTHING_OPEN, at("13:30")).answers) == ["RUNNING (09:00, 13:00]"]
    assert rows(plan(postponed, NOTHING_OPEN, at("13:45")).answers) == ["RUNNING (09:00, 13:00]"]
    assert rows(plan(postponed, NOTHING_OPEN, at("13:46")).answers) == ["MISSED (09:00, 13:00]"]


def test_what_was_put_off_is_caught_up_one_by_one_where_each_occurrence_counts() -> None:
    postponed = a_schedule(next_run_at=at("11:30"), grace=15 * MINUTE, coalesce="all")

    assert rows(plan(postponed, NOTHING_OPEN, at("11:30")).answers) == [
        "RUNNING (09:00, 10:00]",
        "QUEUED (10:00, 11:00]",
    ]


@pytest.mark.parametrize("coalesce", ["latest", "all"])
@pytest.mark.parametrize("outage", [3 * HOUR, 30 * DAY, 365 * DAY])
def test_all_that_is_past_grace_is_one_row_however_many_it_stands_for(coalesce: str, outage: timedelta) -> None:
    schedule = a_schedule(coalesce=coalesce, grace=15 * MINUTE)

    planned = plan(schedule, NOTHING_OPEN, at("09:40") + outage)

    [missed] = planned.answers
    assert (missed.status, missed.covers_after) == ("MISSED", at("09:00"))
    assert missed.scheduled_for == at("09:00") + outage
    assert planned.next_run_at == at("10:00") + outage


def test_the_missed_row_ends_where_grace_begins() -> None:
    schedule = a_schedule(MINUTELY, grace=2 * MINUTE)

    assert rows(plan(schedule, NOTHING_OPEN, at("10:00")).answers) == [
        "MISSED (09:00, 09:57]",
        "RUNNING (09:57, 10:00]",
    ]
    assert rows(plan(schedule, NOTHING_OPEN, at("10:00:30")).answers) == [
        "MISSED (09:00, 09:58]",
        "RUNNING (09:58, 10:00]",
    ]


def test_without_any_grace_only_the_very_moment_is_in_time() -> None:
    schedule = a_schedule(MINUTELY, grace=0 * SECOND)

    assert rows(plan(schedule, NOTHING_OPEN, at("09:01")).answers) == ["RUNNING (09:00, 09:01]"]
    assert rows(plan(schedule, NOTHING_OPEN, at("09:01:00") + TICK).answers) == ["MISSED (09:00, 09:01]"]


def test_the_first_answer_of_a_schedule_follows_none() -> None:
    planned = plan(a_schedule(answered=None), NOTHING_OPEN, at("09:00"))

    assert rows(planned.answers) == ["RUNNING (-, 09:00]"]


def test_plan_after_plan_the_chain_has_neither_gap_nor_overlap() -> None:
    schedule = a_schedule(MINUTELY, coalesce="all", catch_up_limit=2, grace=5 * MINUTE)
    told = []

    for now in (at("09:01"), at("09:02:30"), at("09:08"), at("10:30"), at("10:31")):
        planned = plan(schedule, NOTHING_OPEN, now)
        told += rows(planned.answers)
        schedule = carried_out(schedule, planned)

    assert told == [
        "RUNNING (09:00, 09:01]",
        "RUNNING (09:01, 09:02]",
        "MISSED (09:02, 09:06]",
        "RUNNING (09:06, 09:07]",
        "QUEUED (09:07, 09:08]",
        "MISSED (09:08, 10:28]",
        "RUNNING (10:28, 10:29]",
        "QUEUED (10:29, 10:30]",
        "RUNNING (10:30, 10:31]",
    ]


def test_a_planned_moment_that_newer_zone_data_moved_is_answered_all_the_same() -> None:
    moved: dict[str, Any] = {
        "trigger": CronTrigger("30 * * * *"),
        "next_occurrence_at": at("10:00"),
        "next_run_at": at("10:00"),
    }

    assert rows(plan(a_schedule(**moved), NOTHING_OPEN, at("10:05")).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(a_schedule(**moved), NOTHING_OPEN, at("10:20")).answers) == ["MISSED (09:00, 10:00]"]
    assert rows(plan(a_schedule(**moved), NOTHING_OPEN, at("10:31")).answers) == [
        "MISSED (09:00, 10:00]",
        "RUNNING (10:00, 10:30]",
    ]
    assert plan(a_schedule(**moved), NOTHING_OPEN, at("10:05")).next_run_at == at("10:30")
