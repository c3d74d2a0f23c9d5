"""Overlap: what happens when an occurrence is due and executions of its schedule are still open."""

from typing import Any

import pytest

from rowcall.domain.planning import NOTHING_OPEN, OpenExecutions, Plan, plan
from rowcall.domain.schedules import Coalesce, OverlapPolicy
from tests.domain.timeline import HOUR, ONE_OPEN, ONE_WAITING, a_schedule, at, reasons, rows


def planned_with(opened: OpenExecutions, **policies: Any) -> Plan:
    return plan(a_schedule(**policies), opened, at("10:00"))


@pytest.mark.parametrize("policy", OverlapPolicy)
@pytest.mark.parametrize("coalesce", Coalesce)
def test_with_nothing_open_every_policy_runs(policy: OverlapPolicy, coalesce: Coalesce) -> None:
    planned = planned_with(NOTHING_OPEN, overlap_policy=policy, coalesce=coalesce)

    assert rows(planned.answers) == ["RUNNING (09:00, 10:00]"]
    assert not planned.cancel_open


@pytest.mark.parametrize("coalesce", Coalesce)
def test_skip_leaves_a_skipped_row_that_names_the_open_execution(coalesce: Coalesce) -> None:
    planned = planned_with(ONE_OPEN, overlap_policy="skip", coalesce=coalesce)

    assert rows(planned.answers) == ["SKIPPED (09:00, 10:00]"]
    assert reasons(planned.answers) == ["overlap: execution 7 was still open"]
    assert planned.next_run_at == at("11:00")
    assert planned.counted_runs == 0


def test_skip_runs_up_to_max_instances() -> None:
    two_open = OpenExecutions(count=2, execution_id=8)

    assert rows(planned_with(ONE_OPEN, max_instances=2).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(planned_with(two_open, max_instances=2).answers) == ["SKIPPED (09:00, 10:00]"]


@pytest.mark.parametrize("coalesce", Coalesce)
def test_queue_keeps_one_waiting(coalesce: Coalesce) -> None:
    planned = planned_with(ONE_OPEN, overlap_policy="queue", coalesce=coalesce)

    assert rows(planned.answers) == ["QUEUED (09:00, 10:00]"]
    assert planned.counted_runs == 1
    assert not planned.cancel_open


def test_queue_skips_the_next_while_one_waits() -> None:
    planned = planned_with(ONE_WAITING, overlap_policy="queue")

    assert rows(planned.answers) == ["SKIPPED (09:00, 10:00]"]
    assert reasons(planned.answers) == ["overlap: an earlier execution was already waiting"]


def test_allow_runs_beside_others_up_to_max_instances() -> None:
    beside = [
        rows(planned_with(OpenExecutions(count, 0, 7), overlap_policy="allow", max_instances=3).answers)
        for count in range(5)
    ]

    assert beside == [["RUNNING (09:00, 10:00]"]] * 3 + [["SKIPPED (09:00, 10:00]"]] * 2


def test_allow_says_how_many_are_open_and_how_many_may_be() -> None:
    planned = planned_with(OpenExecutions(4, 0, 7), overlap_policy="allow", max_instances=3)

    assert reasons(planned.answers) == ["overlap: 4 executions were open, max_instances was 3"]


@pytest.mark.parametrize("coalesce", Coalesce)
def test_cancel_running_cancels_and_waits_until_the_old_one_has_ended(coalesce: Coalesce) -> None:
    planned = planned_with(ONE_OPEN, overlap_policy="cancel_running", coalesce=coalesce)

    assert rows(planned.answers) == ["QUEUED (09:00, 10:00]"]
    assert planned.cancel_open


def test_cancel_running_skips_while_one_already_waits_for_the_cancelled_one() -> None:
    planned = planned_with(ONE_WAITING, overlap_policy="cancel_running")

    assert rows(planned.answers) == ["SKIPPED (09:00, 10:00]"]
    assert not planned.cancel_open


def test_what_somebody_asked_for_and_waits_is_no_occurrence_that_does() -> None:
    asked = OpenExecutions(count=2, requested=1, execution_id=7)

    assert planned_with(asked, overlap_policy="cancel_running").cancel_open
    assert rows(planned_with(asked, overlap_policy="skip", coalesce="all").answers) == ["SKIPPED (09:00, 10:00]"]
    assert rows(planned_with(asked, overlap_policy="queue").answers) == ["SKIPPED (09:00, 10:00]"]


def test_with_all_the_next_joins_the_line_that_is_being_caught_up() -> None:
    planned = planned_with(ONE_WAITING, overlap_policy="skip", coalesce="all")

    assert rows(planned.answers) == ["QUEUED (09:00, 10:00]"]


def test_late_occurrences_become_one_before_overlap_is_looked_at() -> None:
    planned = plan(a_schedule(grace=2 * HOUR), ONE_OPEN, at("13:00"))

    assert rows(planned.answers) == ["MISSED (09:00, 10:00]", "SKIPPED (10:00, 13:00]"]


def test_what_is_only_missed_cancels_nothing() -> None:
    planned = plan(a_schedule(overlap_policy="cancel_running"), ONE_OPEN, at("10:30"))

    assert rows(planned.answers) == ["MISSED (09:00, 10:00]"]
    assert not planned.cancel_open
