"""Triggers made from a schedule's columns: intervals, single moments, windows, and what is refused."""

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowcall.domain.errors import InvalidInput
from rowcall.domain.triggers import (
    CronFieldsTrigger,
    CronTrigger,
    IntervalTrigger,
    OneTimeTrigger,
    Trigger,
    Window,
    occurrences_after,
    read_local,
    trigger_of,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
RULES = ("cron_expression", "cron_fields", "interval_seconds", "scheduled_time")


def a_trigger(schedule_type: str = "cron", **columns: Any) -> Trigger:
    empty: dict[str, Any] = dict.fromkeys([*RULES, "starts_at", "ends_at"])
    return trigger_of(**empty | {"schedule_type": schedule_type, "timezone": "UTC", "created_at": NOON} | columns)


def faults_of(**columns: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        a_trigger(**columns)
    return {fault.field: fault.message for fault in caught.value.faults}


def test_each_schedule_type_has_its_trigger() -> None:
    assert a_trigger("cron", cron_expression="0 9 * * *", timezone="Asia/Tokyo") == CronTrigger(
        "0 9 * * *", "Asia/Tokyo"
    )
    assert a_trigger("cron", cron_fields={"minute": 5, "hour": "9"}) == CronFieldsTrigger(
        (("hour", "9"), ("minute", "5"))
    )
    assert a_trigger("interval", interval_seconds=60, starts_at=NOON) == Window(IntervalTrigger(60, NOON), NOON, None)
    assert a_trigger("one_time", scheduled_time=NOON) == OneTimeTrigger(NOON)


def test_equal_schedules_share_one_trigger_whoever_owns_them() -> None:
    one = a_trigger(cron_expression="0 9 * * *", client_id="a", name="x")
    other = a_trigger(cron_expression=" 0 9\t* * *", client_id="b", name="y")

    assert one == other
    assert hash(one) == hash(other)


def test_an_h_keeps_client_and_name_apart() -> None:
    one = a_trigger(cron_expression="H H * * *", client_id="a", name="x")
    other = a_trigger(cron_expression="H H * * *", client_id="a", name="y")

    assert one != other
    assert one == a_trigger(cron_expression="H H * * *", client_id="a", name="x")
    assert one.next_after(NOON) != other.next_after(NOON)


@pytest.mark.parametrize(
    "trigger",
    [
        CronTrigger("0 9 * * *", "Europe/London"),
        CronFieldsTrigger((("hour", "9"),)),
        IntervalTrigger(60, NOON),
        OneTimeTrigger(NOON),
        Window(IntervalTrigger(60, NOON), NOON, None),
    ],
)
def test_a_trigger_survives_the_way_to_another_process(trigger: Trigger) -> None:
    assert pickle.loads(pickle.dumps(trigger)) == trigger


# Intervals


def test_an_interval_counts_from_its_start_which_is_an_occurrence() -> None:
    trigger = a_trigger("interval", interval_seconds=90, starts_at=NOON)

    assert trigger.next_after(NOON - DAY) == NOON
    assert trigger.next_after(NOON) == NOON + 90 * SECOND


def test_without_a_start_an_interval_counts_from_the_creation_which_is_none() -> None:
    trigger = a_trigger("interval", interval_seconds=90)

    assert trigger.next_after(NOON - DAY) == NOON + 90 * SECOND
    assert trigger.next_after(NOON) == NOON + 90 * SECOND


@given(
    st.integers(1, 10**7),
    st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_an_interval_never_drifts(seconds: int, anchor: datetime, moment: datetime) -> None:
    found = IntervalTrigger(seconds, anchor).next_after(moment)

    assert found is not None
    assert (found - anchor) % timedelta(seconds=seconds) == timedelta(0)
    assert moment < found
    assert found == anchor or found - moment <= timedelta(seconds=seconds)


def test_an_interval_ends_with_the_calendar() -> None:
    assert IntervalTrigger(3_155_760_000, NOON).next_after(datetime(9950, 1, 1, tzinfo=UTC)) is None
    assert "interval_seconds" in faults_of(
        schedule_type="interval", interval_seconds=3_155_760_000, created_at=datetime(9990, 1, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize("seconds", [0, -1, 3_155_760_001, 10**30, True, 1.5, "60", [60]])
def test_an_interval_is_a_whole_number_within_bounds(seconds: object) -> None:
    assert list(faults_of(schedule_type="interval", interval_seconds=seconds)) == ["interval_seconds"]


# One moment


def test_one_moment_occurs_once() -> None:
    trigger = a_trigger("one_time", scheduled_time=NOON)

    assert trigger.next_after(NOON - TICK) == NOON
    assert trigger.next_after(NOON) is None


def test_a_moment_without_offset_is_read_in_the_zone() -> None:
    naive = datetime(2026, 7, 1, 9)  # noqa: DTZ001

    assert a_trigger("one_time", scheduled_time=naive, timezone="Europe/London") == OneTimeTrigger(
        datetime(2026, 7, 1, 8, tzinfo=UTC)
    )
    assert read_local("2026-07-01T09:00", "Asia/Kathmandu") == datetime(2026, 7, 1, 3, 15, tzinfo=UTC)
    assert read_local("2026-07-01T09:00:00+02:00", "Asia/Kathmandu") == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert read_local("2026-07-01T09:00:00Z", "Asia/Kathmandu") == datetime(2026, 7, 1, 9, tzinfo=UTC)


def test_a_moment_that_the_clock_skips_is_the_end_of_the_gap() -> None:
    assert read_local("2026-03-08T02:30", "America/New_York") == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert read_local("2011-12-30T12:00", "Pacific/Apia") == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_a_moment_that_occurs_twice_is_its_first_pass() -> None:
    assert read_local("2026-11-01T01:30", "America/New_York") == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01", "2026-02-30T00:00", "٢٠٢٦-01-01", "x" * 10_000, 5, None]
)
def test_what_is_no_moment_is_refused(text: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_local(text, "UTC")

    assert [fault.field for fault in caught.value.faults] == ["scheduled_time"]
    assert len(str(caught.value)) < 300


def test_a_moment_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(InvalidInput, match="beyond the years"):
        read_local("0001-01-01T00:00:00+12:00", "UTC")
    with pytest.raises(InvalidInput, match="beyond the years"):
        read_local("9999-12-31T23:00:00", "Pacific/Pago_Pago")


# Windows


def test_both_ends_of_a_window_belong_to_it() -> None:
    hourly = a_trigger(cron_expression="0 * * * *", starts_at=NOON, ends_at=NOON + 2 * HOUR)

    assert occurrences_after(hourly, NOON - DAY, 9) == [NOON, NOON + HOUR, NOON + 2 * HOUR]


def test_a_window_between_occurrences_holds_those_inside() -> None:
    hourly = a_trigger(cron_expression="0 * * * *", starts_at=NOON + TICK, ends_at=NOON + 2 * HOUR - TICK)

    assert occurrences_after(hourly, NOON - DAY, 9) == [NOON + HOUR]


def test_either_end_may_be_open() -> None:
    assert a_trigger(cron_expression="0 * * * *", ends_at=NOON).next_after(NOON) is None
    assert a_trigger(cron_expression="0 * * * *", starts_at=NOON).next_after(NOON - DAY) == NOON


def test_a_window_may_hold_a_single_moment() -> None:
    assert a_trigger(cron_expression="0 * * * *", starts_at=NOON, ends_at=NOON).next_after(NOON - DAY) == NOON


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    assert list(faults_of(cron_expression="0 9 * * *", starts_at=NOON, ends_at=NOON - TICK)) == ["ends_at"]


def test_a_window_given_without_offset_is_read_in_the_zone() -> None:
    trigger = a_trigger(cron_expression="0 * * * *", timezone="Asia/Tokyo", starts_at=datetime(2026, 7, 1, 9))  # noqa: DTZ001

    assert trigger.next_after(NOON) == datetime(2026, 7, 1, 0, tzinfo=UTC)


# The choice of columns


def test_a_schedule_type_needs_a_column_of_its_own() -> None:
    assert list(faults_of(schedule_type="cron")) == ["cron_expression"]
    assert list(faults_of(schedule_type="interval")) == ["interval_seconds"]
    assert list(faults_of(schedule_type="one_time")) == ["scheduled_time"]


def test_cron_takes_text_or_fields_but_not_both() -> None:
    assert "exactly one" in faults_of(cron_expression="0 9 * * *", cron_fields={"hour": 9})["cron_expression"]


def test_columns_of_another_type_are_told() -> None:
    faults = faults_of(schedule_type="interval", interval_seconds=60, cron_expression="0 9 * * *", scheduled_time=NOON)

    assert set(faults) == {"cron_expression", "scheduled_time"}


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    assert "cron, interval, one_time" in faults_of(schedule_type="daily", cron_expression="0 9 * * *")["schedule_type"]


def test_a_bad_zone_is_refused_for_every_type() -> None:
    given: list[dict[str, Any]] = [
        {"schedule_type": "cron", "cron_expression": "0 9 * * *"},
        {"schedule_type": "interval", "interval_seconds": 60},
        {"schedule_type": "one_time", "scheduled_time": datetime(2026, 7, 1)},  # noqa: DTZ001
    ]
    for columns in given:
        assert list(faults_of(**columns, timezone="America")) == ["timezone"]
