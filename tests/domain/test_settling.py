"""Settling: what the ledger says of spans in which a schedule was paused, deleted, invalid or over."""

import pytest

from rowcall.domain.planning import NOTHING_OPEN, plan
from rowcall.domain.settling import Settlement, settle
from rowcall.domain.triggers import CronTrigger, Window
from tests.domain.timeline import DAY, HOURLY, a_schedule, at, reasons, rows, settled

DAILY = CronTrigger("0 7 * * *")
PAUSED_BY_ADA, PAUSED_BY_BOB = "moving house (by ada)", "audit (by bob)"
LIMIT_REACHED = "limit: max_executions 3 is reached"


def test_a_new_schedule_is_planned_from_its_creation() -> None:
    new = settled((at("08:30"), "ACTIVE", HOURLY), answered=None)

    assert new == Settlement((), at("09:00"), at("09:00"))


def test_without_any_history_it_is_planned_from_its_last_answer() -> None:
    schedule = a_schedule(next_occurrence_at=None, next_run_at=None)

    assert settle(schedule, []) == Settlement((), at("10:00"), at("10:00"))


# ── paused ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_paused_hour_is_one_skipped_row_that_says_who_and_why() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:30"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("10:30"), "ACTIVE", HOURLY),
    )

    assert rows(resumed.answers) == ["SKIPPED (09:00, 10:00]"]
    assert reasons(resumed.answers) == ["paused: moving house (by ada)"]
    assert (resumed.next_occurrence_at, resumed.next_run_at) == (at("11:00"), at("11:00"))


def test_a_paused_month_is_one_skipped_row() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:30"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("09:30", day=31), "ACTIVE", HOURLY),
    )

    assert rows(resumed.answers) == ["SKIPPED (09:00, +31 09:00]"]


def test_a_pause_into_which_no_occurrence_fell_leaves_no_row() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:10"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("09:50"), "ACTIVE", HOURLY),
    )

    assert resumed == Settlement((), at("10:00"), at("10:00"))


def test_a_pause_that_nobody_explained_says_so() -> None:
    resumed = settled((at("08:30"), "ACTIVE", HOURLY), (at("09:30"), "PAUSED", HOURLY), (at("10:30"), "ACTIVE", HOURLY))

    assert reasons(resumed.answers) == ["paused: no reason was given"]


def test_several_pauses_are_a_row_each_and_form_a_chain() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:30"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("11:30"), "ACTIVE", HOURLY),
        (at("11:40"), "PAUSED", HOURLY, PAUSED_BY_BOB),
        (at("13:30"), "ACTIVE", HOURLY),
    )

    assert rows(resumed.answers) == ["SKIPPED (09:00, 11:00]", "SKIPPED (11:00, 13:00]"]
    assert reasons(resumed.answers) == ["paused: moving house (by ada)", "paused: audit (by bob)"]
    assert resumed.next_run_at == at("14:00")


def test_a_new_reason_for_the_same_pause_is_the_one_that_is_told() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:30"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("10:30"), "PAUSED", HOURLY, PAUSED_BY_BOB),
        (at("11:30"), "ACTIVE", HOURLY),
    )

    assert rows(resumed.answers) == ["SKIPPED (09:00, 11:00]"]
    assert reasons(resumed.answers) == ["paused: audit (by bob)"]


def test_what_was_due_when_it_was_paused_is_told_apart_from_what_fell_into_the_pause() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("10:10"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("11:30"), "ACTIVE", HOURLY),
    )

    assert rows(resumed.answers) == ["SKIPPED (09:00, 10:00]", "SKIPPED (10:00, 11:00]"]
    assert reasons(resumed.answers) == [
        "paused: it was paused before it could start",
        "paused: moving house (by ada)",
    ]


def test_an_occurrence_at_the_very_moment_of_resuming_belongs_to_the_pause() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY), (at("09:30"), "PAUSED", HOURLY, "x"), (at("11:00"), "ACTIVE", HOURLY)
    )

    assert rows(resumed.answers) == ["SKIPPED (09:00, 11:00]"]
    assert resumed.next_run_at == at("12:00")


def test_created_paused_it_answers_for_the_pause_once_it_is_resumed() -> None:
    resumed = settled((at("08:30"), "PAUSED", HOURLY, "not yet"), (at("10:30"), "ACTIVE", HOURLY), answered=None)

    assert rows(resumed.answers) == ["SKIPPED (-, 10:00]"]


def test_what_was_run_early_is_not_answered_again_for_a_pause() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:45"), "PAUSED", HOURLY, "x"),
        (at("11:30"), "ACTIVE", HOURLY),
        answered=at("10:00"),
    )

    assert rows(resumed.answers) == ["SKIPPED (10:00, 11:00]"]


def test_settling_again_changes_nothing() -> None:
    history = (
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:30"), "PAUSED", HOURLY, PAUSED_BY_ADA),
        (at("11:30"), "ACTIVE", HOURLY),
    )
    once = settled(*history)
    again = settled(*history, answered=once.answers[-1].scheduled_for)

    assert again == Settlement((), once.next_occurrence_at, once.next_run_at)


def test_what_comes_due_after_resuming_and_before_the_look_is_planned_as_late() -> None:
    resumed = settled(
        (at("08:30"), "ACTIVE", HOURLY), (at("09:30"), "PAUSED", HOURLY, "x"), (at("10:30"), "ACTIVE", HOURLY)
    )
    schedule = a_schedule(answered=resumed.answers[-1].scheduled_for)

    assert rows(plan(schedule, NOTHING_OPEN, at("12:05")).answers) == [
        "MISSED (10:00, 11:00]",
        "RUNNING (11:00, 12:00]",
    ]


# ── deleted, invalid, over ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_schedule_taken_back_after_its_deletion_answers_for_the_time_between() -> None:
    restored = settled(
        (at("08:30"), "ACTIVE", HOURLY), (at("09:30"), "DISABLED", HOURLY), (at("12:30"), "ACTIVE", HOURLY)
    )

    assert rows(restored.answers) == ["SKIPPED (09:00, 12:00]"]
    assert reasons(restored.answers) == ["disabled: no reason was given"]
    assert restored.next_run_at == at("13:00")


def test_what_was_due_when_it_was_deleted_says_so() -> None:
    restored = settled(
        (at("08:30"), "ACTIVE", HOURLY), (at("10:10"), "DISABLED", HOURLY), (at("10:20"), "ACTIVE", HOURLY)
    )

    assert reasons(restored.answers) == ["disabled: it was disabled before it could start"]


def test_a_row_that_could_not_be_scheduled_owes_nothing_until_it_is_mended() -> None:
    mended = settled(
        (at("08:30"), "ACTIVE", None),
        (at("08:31"), "INVALID", None, "no such zone"),
        (at("12:30"), "ACTIVE", HOURLY),
        answered=None,
    )

    assert mended == Settlement((), at("13:00"), at("13:00"))


def test_a_rule_broken_by_a_change_and_mended_is_closed_at_the_change() -> None:
    mended = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("10:10"), "ACTIVE", None),
        (at("10:11"), "INVALID", None, "cron_expression: …"),
        (at("12:30"), "ACTIVE", HOURLY),
    )

    assert rows(mended.answers) == ["SKIPPED (09:00, 10:00]"]
    assert mended.next_run_at == at("13:00")


def test_what_a_readable_rule_named_while_the_row_was_set_aside_is_skipped() -> None:
    mended = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:10"), "INVALID", HOURLY, "zone: unknown"),
        (at("11:30"), "ACTIVE", HOURLY),
    )

    assert rows(mended.answers) == ["SKIPPED (09:00, 11:00]"]
    assert reasons(mended.answers) == ["invalid: zone: unknown"]


@pytest.mark.parametrize("coalesce", ["latest", "all"])
def test_with_a_higher_limit_it_goes_on_and_the_time_it_was_over_is_answered_for(coalesce: str) -> None:
    raised = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("09:01"), "COMPLETED", HOURLY, LIMIT_REACHED),
        (at("12:30"), "ACTIVE", HOURLY),
        coalesce=coalesce,
    )

    assert rows(raised.answers) == ["SKIPPED (09:00, 12:00]"]
    assert reasons(raised.answers) == [LIMIT_REACHED]
    assert raised.next_run_at == at("13:00")


def test_an_occurrence_overtaken_by_the_end_of_the_schedule_names_the_end() -> None:
    raised = settled(
        (at("08:30"), "ACTIVE", HOURLY),
        (at("10:01"), "COMPLETED", HOURLY, LIMIT_REACHED),
        (at("10:30"), "ACTIVE", HOURLY),
    )

    assert reasons(raised.answers) == [LIMIT_REACHED]


def test_a_window_that_ended_and_is_made_longer_goes_on_from_the_change() -> None:
    finished, longer = Window(HOURLY, None, at("09:00")), Window(HOURLY, None, at("18:00"))

    extended = settled(
        (at("08:30"), "ACTIVE", finished),
        (at("09:01"), "COMPLETED", finished, "finished: no further occurrence"),
        (at("12:30"), "ACTIVE", longer),
    )

    assert extended == Settlement((), at("13:00"), at("13:00"))


def test_an_exhausted_trigger_has_no_next_moment() -> None:
    assert settled((at("08:30"), "ACTIVE", Window(HOURLY, None, at("09:30")))) == Settlement((), None, None)


def test_a_year_after_its_deletion_a_daily_schedule_goes_on_tomorrow() -> None:
    restored = settled(
        (at("08:30"), "ACTIVE", DAILY),
        (at("09:30"), "DISABLED", DAILY, "spring cleaning"),
        (at("09:30") + 365 * DAY, "ACTIVE", DAILY),
        answered=at("07:00"),
    )

    assert rows(restored.answers) == ["SKIPPED (07:00, +365 07:00]"]
    assert restored.next_run_at == at("07:00", day=366)
