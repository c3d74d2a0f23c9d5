"""What nobody can run: due until its grace ends, then missed with that reason, by whichever replica looks."""

from rowcall.domain.planning import NOTHING_OPEN, plan, plan_unroutable
from rowcall.domain.triggers import OneTimeTrigger
from tests.domain.timeline import DAY, MINUTE, MINUTELY, TICK, a_schedule, at, carried_out, reasons, rows

NOBODY = "unroutable: no live worker offered task 'report' before its grace ran out"


def test_within_its_grace_it_stays_due() -> None:
    schedule = a_schedule(grace=15 * MINUTE)

    assert plan_unroutable(schedule, at("10:00"), NOBODY) is None
    assert plan_unroutable(schedule, at("10:15"), NOBODY) is None


def test_past_its_grace_it_is_missed_with_the_reason_given() -> None:
    planned = plan_unroutable(a_schedule(grace=15 * MINUTE), at("10:15") + TICK, NOBODY)

    assert planned is not None
    assert rows(planned.answers) == ["MISSED (09:00, 10:00]"]
    assert reasons(planned.answers) == [NOBODY]
    assert (planned.next_occurrence_at, planned.next_run_at) == (at("11:00"), at("11:00"))


def test_only_what_is_past_grace_is_answered_and_the_rest_waits_for_a_worker_that_may_come() -> None:
    schedule = a_schedule(MINUTELY, grace=15 * MINUTE)

    unroutable = plan_unroutable(schedule, at("10:00"), NOBODY)
    assert unroutable is not None
    somebody_came = plan(carried_out(schedule, unroutable), NOTHING_OPEN, at("10:00"))

    assert rows(unroutable.answers) == ["MISSED (09:00, 09:44]"]
    assert unroutable.next_run_at == at("09:45")
    assert rows(somebody_came.answers) == ["RUNNING (09:44, 10:00]"]


def test_a_year_of_it_is_one_row() -> None:
    planned = plan_unroutable(a_schedule(MINUTELY, grace=15 * MINUTE), at("10:00") + 365 * DAY, NOBODY)

    assert planned is not None
    [missed] = planned.answers
    assert (missed.covers_after, missed.scheduled_for) == (at("09:00"), at("09:44") + 365 * DAY)


def test_a_one_time_schedule_that_nobody_ran_is_completed() -> None:
    planned = plan_unroutable(a_schedule(OneTimeTrigger(at("10:00")), answered=None), at("11:00"), NOBODY)

    assert planned is not None
    assert rows(planned.answers) == ["MISSED (-, 10:00]"]
    assert planned.completed_because == "finished: no further occurrence"


def test_what_is_missed_uses_up_no_run() -> None:
    planned = plan_unroutable(a_schedule(max_executions=1), at("10:30"), NOBODY)

    assert planned is not None
    assert (planned.counted_runs, planned.completed_because) == (0, None)


def test_what_was_put_off_by_hand_is_missed_only_past_the_grace_of_that_moment() -> None:
    postponed = a_schedule(next_run_at=at("11:30"), grace=15 * MINUTE)

    assert plan_unroutable(postponed, at("11:45"), NOBODY) is None
    planned = plan_unroutable(postponed, at("11:46"), NOBODY)
    assert planned is not None
    assert rows(planned.answers) == ["MISSED (09:00, 11:00]"]
