"""Settling: another rule counts from the moment of the change, and a rule with a past from where that began."""

from dataclasses import replace
from datetime import datetime

import pytest

from rowcall.domain.planning import NOTHING_OPEN, plan, run_moment
from rowcall.domain.schedules import Schedule, ScheduleStatus
from rowcall.domain.settling import Settlement, Span, settle
from rowcall.domain.triggers import CronTrigger, IntervalTrigger, OneTimeTrigger, Trigger, Window
from tests.domain.timeline import HOURLY, MINUTE, a_schedule, at, reasons, rows, settled

HALF_HOURLY = CronTrigger("30 * * * *")
IN_LONDON = CronTrigger("0 9 * * *", "Europe/London")
PAUSED_BY_ADA = "moving house (by ada)"


def test_another_timing_counts_from_the_moment_of_the_change() -> None:
    changed = settled((at("08:30"), "ACTIVE", HOURLY), (at("09:10"), "ACTIVE", HALF_HOURLY))

    assert changed == Settlement((), at("09:30"), at("09:30"))


def test_what_was_due_by_the_old_timing_is_closed_with_the_change() -> None:
    changed = settled((at("08:30"), "ACTIVE", HOURLY), (at("11:10"), "ACTIVE", HALF_HOURLY))

    assert rows(changed.answers) == ["SKIPPED (09:00, 11:00]"]
    assert reasons(changed.answers) == ["changed: the timing was changed before it could start"]
    assert changed.next_run_at == at("11:30")


def test_timing_changed_there_and_back_closes_each_rule() -> None:
    changed = settled(
        (at("08:30"), "ACTIVE", HOURLY), (at("10:10"), "ACTIVE", HALF_HOURLY), (at("11:50"), "ACTIVE", HOURLY)
    )

    assert rows(changed.answers) == ["SKIPPED (09:00, 10:00]", "SKIPPED (10:00, 11:30]"]
    assert changed.next_run_at == at("12:00")


def test_timing_changed_while_paused_is_judged_by_each_rule_in_its_time() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:10"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("11:10"), "PAUSED", HALF_HOURLY, PAUSED_BY_ADA),
        (at("12:50"), "ACTIVE", HALF_HOURLY),
    )

    assert rows(resumed.answers) == ["SKIPPED (09:00, 11:00]", "SKIPPED (11:00, 12:30]"]
    assert reasons(resumed.answers) == ["paused: moving house (by ada)"] * 2
    assert resumed.next_run_at == at("13:30")


def test_the_same_rule_in_another_zone_is_another_rule() -> None:
    changed = settled(
        (at("08:30"), "ACTIVE", CronTrigger("0 9 * * *")), (at("09:10"), "ACTIVE", IN_LONDON), answered=None
    )

    assert rows(changed.answers) == ["SKIPPED (-, 09:00]"]
    assert changed.next_run_at == at("08:00", day=1)


def test_what_was_run_early_is_not_named_again_by_another_timing() -> None:
    every_ten_minutes = CronTrigger("*/10 * * * *")

    changed = settled((at("08:30"), "ACTIVE", HOURLY), (at("09:45"), "ACTIVE", every_ten_minutes), answered=at("10:00"))

    assert changed == Settlement((), at("10:10"), at("10:10"))


def test_another_window_closes_the_old_one() -> None:
    until_noon, until_evening = (Window(HOURLY, None, at(end)) for end in ("12:00", "18:00"))

    changed = settled((at("08:30"), "ACTIVE", until_noon), (at("10:10"), "ACTIVE", until_evening))

    assert rows(changed.answers) == ["SKIPPED (09:00, 10:00]"]
    assert changed.next_run_at == at("11:00")


@pytest.mark.parametrize("answered", [None, at("09:00")])
def test_a_change_of_a_policy_or_a_text_closes_nothing(answered: datetime | None) -> None:
    edited = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("10:10"), "ACTIVE", HOURLY),
        (at("10:20"), "ACTIVE", HOURLY),
        answered=answered,
    )

    following = at("09:00") if answered is None else at("10:00")
    assert edited == Settlement((), following, following)


def with_jitters(*spans: tuple[datetime, int]) -> Schedule:
    """An hourly schedule, answered through 09:00, as it is planned after its jitter was changed."""
    history = [Span(since, ScheduleStatus.ACTIVE, None, HOURLY, jitter) for since, jitter in spans]
    present = a_schedule(HOURLY, jitter_seconds=spans[-1][1], next_occurrence_at=None, next_run_at=None)
    planned = settle(present, history)
    assert planned.answers == ()
    return replace(
        present, next_occurrence_at=planned.next_occurrence_at, next_run_at=planned.next_run_at, grace=MINUTE
    )


BY_3000, BY_600 = (run_moment(a_schedule(jitter_seconds=jitter), at("10:00")) for jitter in (3000, 600))


def test_less_jitter_makes_nothing_late_that_was_not() -> None:
    assert at("10:00") < BY_600 < at("10:01") < at("10:02") < BY_3000
    changed = with_jitters((at("08:30"), 3000), (at("10:02"), 600))

    assert changed.next_run_at == at("10:02")
    assert rows(plan(changed, NOTHING_OPEN, at("10:03")).answers) == ["RUNNING (09:00, 10:00]"]
    assert rows(plan(changed, NOTHING_OPEN, at("10:03:01")).answers) == ["MISSED (09:00, 10:00]"]


def test_less_jitter_before_the_new_moment_moves_it_there() -> None:
    assert with_jitters((at("08:30"), 3000), (at("10:00"), 600)).next_run_at == BY_600
    assert with_jitters((at("08:30"), 3000), (at("09:40"), 600), (at("09:50"), 0)).next_run_at == at("10:00")


def test_less_jitter_after_the_moment_leaves_what_was_late_as_late_as_it_was() -> None:
    assert with_jitters((at("08:30"), 3000), (at("10:30"), 600)).next_run_at == BY_3000


def test_jitter_that_is_changed_again_and_again_leaves_the_moment_that_had_come() -> None:
    changes = (at("08:30"), 3000), (at("10:02"), 600), (at("10:02:30"), 0), (at("10:03"), 0)

    assert with_jitters(*changes).next_run_at == at("10:02")
    assert with_jitters((at("08:30"), 0), (at("10:20"), 3000)).next_run_at == BY_3000


def test_another_jitter_moves_the_next_moment_and_closes_nothing() -> None:
    edited = settled((at("08:30"), "ACTIVE", HOURLY), (at("10:10"), "ACTIVE", HOURLY), jitter_seconds=600)

    assert edited == Settlement((), at("10:00"), run_moment(a_schedule(jitter_seconds=600), at("10:00")))


# ── a past before its creation ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trigger", [HOURLY, IntervalTrigger(3600, at("06:00"))])
def test_a_start_in_the_past_is_where_it_is_planned_from(trigger: Trigger) -> None:
    window = Window(trigger, at("06:00"), None)

    new = settled((at("08:30"), "ACTIVE", window), answered=None)

    assert new == Settlement((), at("06:00"), at("06:00"))
    assert rows(
        plan(
            a_schedule(window, answered=None, next_occurrence_at=new.next_occurrence_at), NOTHING_OPEN, at("08:31")
        ).answers
    ) == ["MISSED (-, 08:00]"]


def test_a_start_in_the_future_is_the_first_occurrence_itself() -> None:
    new = settled((at("08:30"), "ACTIVE", Window(HOURLY, at("12:00"), None)), answered=None)

    assert new.next_occurrence_at == at("12:00")


def test_a_start_in_the_past_is_owed_though_it_was_paused_before_the_first_look() -> None:
    window = Window(HOURLY, at("06:00"), None)

    resumed = settled(
        (at("08:30"), "ACTIVE", window),
        (at("08:31"), "PAUSED", window, "x"),
        (at("09:30"), "ACTIVE", window),
        answered=None,
    )

    assert rows(resumed.answers) == ["SKIPPED (-, 08:00]", "SKIPPED (08:00, 09:00]"]


def test_a_single_moment_in_the_past_and_in_its_window_is_planned() -> None:
    once = Window(OneTimeTrigger(at("08:20")), None, at("18:00"))

    assert settled((at("08:30"), "ACTIVE", once), answered=None) == Settlement((), at("08:20"), at("08:20"))


def test_a_single_moment_in_the_past_is_planned_and_then_run_or_missed() -> None:
    new = settled((at("08:30"), "ACTIVE", OneTimeTrigger(at("08:20"))), answered=None)
    schedule = a_schedule(OneTimeTrigger(at("08:20")), answered=None, next_occurrence_at=new.next_occurrence_at)

    assert new == Settlement((), at("08:20"), at("08:20"))
    assert rows(plan(schedule, NOTHING_OPEN, at("08:31")).answers) == ["RUNNING (-, 08:20]"]
    assert rows(plan(schedule, NOTHING_OPEN, at("08:36")).answers) == ["MISSED (-, 08:20]"]


def test_a_single_moment_that_passed_while_paused_is_skipped() -> None:
    once = OneTimeTrigger(at("10:00"))

    resumed = settled(
        (at("08:30"), "ACTIVE", once), (at("09:30"), "PAUSED", once, "x"), (at("10:30"), "ACTIVE", once), answered=None
    )

    assert rows(resumed.answers) == ["SKIPPED (-, 10:00]"]
    assert resumed.next_run_at is None


@pytest.mark.parametrize("answered", [None, at("09:00")])
def test_a_single_moment_moved_into_the_past_still_gets_its_row(answered: datetime | None) -> None:
    earlier = OneTimeTrigger(at("09:20"))

    changed = settled(
        (at("08:30"), "ACTIVE", OneTimeTrigger(at("12:00"))), (at("09:30"), "ACTIVE", earlier), answered=answered
    )

    assert changed == Settlement((), at("09:20"), at("09:20"))


def test_a_single_moment_that_was_answered_for_is_over() -> None:
    once = OneTimeTrigger(at("09:00"))

    assert settled((at("08:30"), "ACTIVE", once), (at("09:30"), "ACTIVE", once)) == Settlement((), None, None)


def test_a_recurring_rule_that_becomes_a_single_moment_closes_with_a_row_and_then_runs_once() -> None:
    changed = settled((at("08:30"), "ACTIVE", HOURLY), (at("10:10"), "ACTIVE", OneTimeTrigger(at("15:00"))))

    assert rows(changed.answers) == ["SKIPPED (09:00, 10:00]"]
    assert changed.next_occurrence_at == at("15:00")
