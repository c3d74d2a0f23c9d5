"""cron_fields: APScheduler's meaning, checked against days and seconds looked at one by one."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.errors import InvalidInput
from rowcall.domain.triggers import CronFieldsTrigger, Trigger, occurrences_after, trigger_of

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def from_fields(fields: Any, timezone: str = "UTC") -> Trigger:
    columns: dict[str, Any] = dict.fromkeys(
        ["cron_expression", "interval_seconds", "scheduled_time", "starts_at", "ends_at"]
    )
    return trigger_of(**columns, schedule_type="cron", timezone=timezone, created_at=NEW_YEAR, cron_fields=fields)


def following(
    fields: Mapping[str, object], after: str = "2026-01-01T00:00:00", count: int = 3, timezone: str = "UTC"
) -> list[str]:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return [f"{found:%Y-%m-%d %H:%M:%S}" for found in occurrences_after(from_fields(fields, timezone), moment, count)]


def test_finer_fields_are_at_their_minimum_and_coarser_ones_open() -> None:
    assert following({"hour": 9}, count=2) == ["2026-01-01 09:00:00", "2026-01-02 09:00:00"]
    assert following({"minute": 5}, count=2) == ["2026-01-01 00:05:00", "2026-01-01 01:05:00"]
    assert following({"second": 7}, count=2) == ["2026-01-01 00:00:07", "2026-01-01 00:01:07"]
    assert following({"month": 3}, count=2) == ["2026-03-01 00:00:00", "2027-03-01 00:00:00"]
    assert following({"year": "2030,2040"}) == ["2030-01-01 00:00:00", "2040-01-01 00:00:00"]
    assert following({"day_of_week": "mon"}, count=2) == ["2026-01-05 00:00:00", "2026-01-12 00:00:00"]
    assert following({"week": 2}, count=2) == ["2026-01-05 00:00:00", "2026-01-06 00:00:00"]


def test_what_is_null_is_not_given() -> None:
    assert following({"hour": 9, "minute": None}) == following({"hour": 9})


def test_all_that_is_given_must_match() -> None:
    assert following({"day": 13, "day_of_week": "fri"}) == [
        "2026-02-13 00:00:00",
        "2026-03-13 00:00:00",
        "2026-11-13 00:00:00",
    ]


def test_monday_is_0_and_names_say_the_same() -> None:
    assert following({"day_of_week": 0}) == following({"day_of_week": "MON"})
    assert following({"day_of_week": "0-4"}, count=9) == following({"day_of_week": "mon-fri"}, count=9)
    assert following({"day_of_week": 6}, count=1) == ["2026-01-04 00:00:00"]


def test_days_can_be_the_last_or_nth_weekdays() -> None:
    assert following({"day": "last"}) == ["2026-01-31 00:00:00", "2026-02-28 00:00:00", "2026-03-31 00:00:00"]
    assert following({"day": "2nd fri"}) == ["2026-01-09 00:00:00", "2026-02-13 00:00:00", "2026-03-13 00:00:00"]
    assert following({"day": "last sun, 1"}) == ["2026-01-25 00:00:00", "2026-02-01 00:00:00", "2026-02-22 00:00:00"]
    assert following({"day": "5th thu"}) == ["2026-01-29 00:00:00", "2026-04-30 00:00:00", "2026-07-30 00:00:00"]


def test_a_number_with_a_step_runs_to_the_top() -> None:
    assert following({"minute": "40/15"}, count=3) == following({"minute": "40-59/15"}, count=3)


def test_iso_week_53_comes_seldom_and_may_end_in_the_next_year() -> None:
    assert following({"week": 53, "day_of_week": "fri"}, count=2) == ["2027-01-01 00:00:00", "2032-12-31 00:00:00"]


def test_the_week_of_new_year_hangs_on_the_year_before() -> None:
    """1 January 2033 and 2039 are Saturdays alike, but 2032 has a week 53 to lend, being leap, and 2038 has none."""
    fields = {"week": 53, "month": 1, "day": 1, "day_of_week": "sat"}

    assert following(fields, "2026-01-01T00:00", 2) == ["2033-01-01 00:00:00", "2061-01-01 00:00:00"]


def test_seconds_are_seconds() -> None:
    assert following({"second": "*/20"}, "2026-01-01T00:00:20.5") == [
        "2026-01-01 00:00:40",
        "2026-01-01 00:01:00",
        "2026-01-01 00:01:20",
    ]


def test_fixed_times_are_made_up_for_at_the_end_of_a_gap() -> None:
    assert following({"hour": 2, "minute": 30}, "2026-03-08T00:00", 2, "America/New_York") == [
        "2026-03-08 07:00:00",
        "2026-03-09 06:30:00",
    ]


def test_fixed_times_run_in_the_first_pass_of_a_fold_only() -> None:
    assert following({"hour": 1, "minute": 30}, "2026-11-01T00:00", 2, "America/New_York") == [
        "2026-11-01 05:30:00",
        "2026-11-02 06:30:00",
    ]


@pytest.mark.parametrize("fields", [{"minute": 30}, {"hour": "*", "minute": 30}, {"hour": "*/1", "minute": 30}])
def test_an_open_hour_follows_the_clock_through_both_passes(fields: Mapping[str, object]) -> None:
    assert following(fields, "2026-11-01T05:00", 3, "America/New_York") == [
        "2026-11-01 05:30:00",
        "2026-11-01 06:30:00",
        "2026-11-01 07:30:00",
    ]


def test_starred_seconds_follow_the_clock_and_skip_what_it_skips() -> None:
    fields = {"hour": 2, "minute": 0, "second": "*/30"}

    assert following(fields, "2026-03-08T00:00", 1, "America/New_York") == ["2026-03-09 06:00:00"]


def test_years_that_are_over_are_an_exhausted_trigger_and_no_fault() -> None:
    assert from_fields({"year": 2020}).next_after(NEW_YEAR) is None


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.tuples(span, st.integers(1, 5)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    item = st.one_of(number.map(str), span, stepped, st.sampled_from(["*", "*/2", "*/7"]))
    return st.lists(item, min_size=1, max_size=2).map(",".join)


def expand(text: str, low: int, high: int) -> set[int]:
    found = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


BOUNDS = {"year": (2024, 2032), "month": (1, 12), "day": (1, 31), "week": (1, 53), "day_of_week": (0, 6)}
DAY_FIELDS = st.fixed_dictionaries({}, optional={name: numbers(*bounds) for name, bounds in BOUNDS.items()})


@settings(max_examples=200, deadline=None)
@given(DAY_FIELDS, st.integers(0, 1500))
def test_days_are_those_of_a_plain_calendar(fields: dict[str, str], offset: int) -> None:
    start = datetime(2023, 12, 1, tzinfo=UTC) + offset * DAY
    allowed = {name: expand(fields.get(name, "*"), *bounds) for name, bounds in BOUNDS.items()}
    if "year" in fields:
        allowed["year"] = expand(fields["year"].replace("*", "1970-9000"), 1970, 9000)
    else:
        allowed["year"] = set(range(1970, 9001))

    def matches(day: date) -> bool:
        iso = day.isocalendar()
        have = {"year": day.year, "month": day.month, "day": day.day, "week": iso.week, "day_of_week": day.weekday()}
        return all(have[name] in allowed[name] for name in have)

    expected = [day for day in (start + passed * DAY for passed in range(1, 900)) if matches(day)][:25]

    trigger = CronFieldsTrigger(tuple(sorted({**fields, "hour": "0"}.items())))
    assert occurrences_after(trigger, start, len(expected)) == expected


@settings(max_examples=60, deadline=None)
@given(numbers(0, 23), numbers(0, 59), numbers(0, 59), st.integers(0, 86_399))
def test_times_of_day_are_found_to_the_second(hour: str, minute: str, second: str, into: int) -> None:
    hours, minutes, seconds = expand(hour, 0, 23), expand(minute, 0, 59), expand(second, 0, 59)
    start = NEW_YEAR + into * SECOND
    day = (NEW_YEAR + passed * SECOND for passed in range(into + 1, 2 * 86_400))
    expected = next(m for m in day if m.hour in hours and m.minute in minutes and m.second in seconds)

    found = from_fields({"hour": hour, "minute": minute, "second": second}).next_after(start)

    assert found == expected


REFUSED = [
    ({}, "cron_fields", "at least one"),
    ({"hour": None}, "cron_fields", "at least one"),
    ({"hours": 9}, "cron_fields", "'hours' is no field"),
    ({"x" * 10_000: 9}, "cron_fields", "is no field"),
    ({5: 9}, "cron_fields", "is no field"),
    ({"hour": 24}, "cron_fields.hour", "outside 0-23"),
    ({"hour": -1}, "cron_fields.hour", "outside 0-23"),
    ({"hour": 10**30}, "cron_fields.hour", "outside 0-23"),
    ({"hour": "24"}, "cron_fields.hour", "24 is outside 0-23"),
    ({"hour": True}, "cron_fields.hour", "not a bool"),
    ({"hour": 9.5}, "cron_fields.hour", "not a float"),
    ({"hour": [9]}, "cron_fields.hour", "not a list"),
    ({"hour": ""}, "cron_fields.hour", "can't be read"),
    ({"hour": "9,,10"}, "cron_fields.hour", "can't be read"),
    ({"hour": "٩"}, "cron_fields.hour", "ASCII"),
    ({"hour": "9\n"}, "cron_fields.hour", "one line"),
    ({"hour": "1," * 5_000}, "cron_fields.hour", "up to 100"),
    ({"hour": "*/0"}, "cron_fields.hour", "a step of 0"),
    ({"hour": "17-9"}, "cron_fields.hour", "backwards"),
    ({"hour": "last"}, "cron_fields.hour", "can't be read"),
    ({"minute": "mon"}, "cron_fields.minute", "no name known"),
    ({"month": "mon"}, "cron_fields.month", "no name known"),
    ({"day_of_week": 7}, "cron_fields.day_of_week", "outside 0-6"),
    ({"day_of_week": "sun-mon"}, "cron_fields.day_of_week", "backwards"),
    ({"day": "6th fri"}, "cron_fields.day", "can't be read"),
    ({"day": "2nd xyz"}, "cron_fields.day", "no weekday"),
    ({"day": "L"}, "cron_fields.day", "can't be read"),
    ({"week": 54}, "cron_fields.week", "outside 1-53"),
    ({"week": 0}, "cron_fields.week", "outside 1-53"),
    ({"year": 1969}, "cron_fields.year", "outside 1970-9000"),
    ({"year": "2026,9001"}, "cron_fields.year", "outside 1970-9000"),
    ({"month": 2, "day": 30}, "cron_fields", "no date ever"),
    ({"week": 53, "month": "2-11", "second": "*"}, "cron_fields", "no date ever"),
    ({"month": 2, "day": 29, "year": 2100}, "cron_fields", "no date ever"),
    ("hour=9", "cron_fields", "not a str"),
    ([("hour", 9)], "cron_fields", "not a list"),
    (dict.fromkeys("abcdefghi", 1), "cron_fields", "at most 8"),
]


@pytest.mark.parametrize(("fields", "path", "because"), REFUSED, ids=lambda value: repr(value)[:30])
def test_what_is_refused_is_told_with_its_path_in_a_line(fields: object, path: str, because: str) -> None:
    started = perf_counter()
    with pytest.raises(InvalidInput) as caught:
        from_fields(fields)
    passed = perf_counter() - started

    assert [fault.field for fault in caught.value.faults] == [path]
    assert because in str(caught.value)
    assert len(str(caught.value)) < 300
    assert passed < 0.2


def test_every_bad_field_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        from_fields({"hour": "25", "minute": "x", "day": "0"})

    assert {fault.field for fault in caught.value.faults} == {
        f"cron_fields.{name}" for name in ("hour", "minute", "day")
    }


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*BOUNDS, "hour", "minute", "second"]),
        st.one_of(st.integers(-5, 70), st.text("0123456789*/,-lastndfrimonh ", max_size=10), st.none()),
    )
)
def test_any_fields_are_either_taken_or_refused_as_invalid(fields: Mapping[str, object]) -> None:
    found: object
    try:
        found = from_fields(fields).next_after(datetime(1969, 12, 31, tzinfo=UTC))
    except InvalidInput as invalid:
        found = invalid.faults

    assert found
