"""Triggers in plain English: what is said must be what happens."""

import re
from datetime import UTC, datetime
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.errors import InvalidInput
from rowcall.domain.triggers import describe_trigger

CRON = [
    ("* * * * *", "Every minute"),
    ("*/15 * * * *", "Every 15 minutes"),
    ("0 * * * *", "Every hour"),
    ("@daily", "At 00:00"),
    ("30 9 * * *", "At 09:30"),
    ("0 9 * * 1-5", "At 09:00, Monday to Friday"),
    ("0 9 * * MON,FRI", "At 09:00, on Monday and Friday"),
    ("0 0 * * 5-7", "At 00:00, Friday to Sunday"),
    ("0 0 * * 7", "At 00:00, on Sunday"),
    ("0 0 1,15 * *", "At 00:00, on day 1 and 15 of the month"),
    ("0 0 1 1 *", "At 00:00, on day 1 of the month, in January"),
    ("0 0 * jun-aug *", "At 00:00, in June to August"),
    ("30 2 L * *", "At 02:30, on the last day of the month"),
    ("0 9 * * 5#2", "At 09:00, on the second Friday of the month"),
    ("0 9 * * 1,3#5", "At 09:00, on Monday or on the fifth Wednesday of the month"),
    ("30 0-23 * * *", "At 30 minutes past the hour"),
    ("9-9 9-9 * * *", "At 09:09"),
    ("10-50/20 2 * * *", "At 10, 30, and 50 minutes past the hour, between 02:00 and 02:59"),
    ("30 9,17 * * *", "At 09:30 and 17:30"),
    ("* 9,17 * * *", "Every minute, from 09:00 through 09:59 and 17:00 through 17:59"),
    ("*/5 9-11,17 * * *", "Every 5 minutes, from 09:00 through 11:59 and 17:00 through 17:59"),
    ("0-29 9,17 * * *", "Minutes 0 through 29 past the hour, from 09:00 through 09:59 and 17:00 through 17:59"),
]


@pytest.mark.parametrize(("expression", "described"), CRON)
def test_cron_text(expression: str, described: str) -> None:
    assert describe_trigger(schedule_type="cron", cron_expression=expression) == described


def test_days_are_joined_as_they_are_matched() -> None:
    either = describe_trigger(schedule_type="cron", cron_expression="0 0 13 * FRI")
    both = describe_trigger(schedule_type="cron", cron_expression="0 0 */2 * MON")

    assert either == "At 00:00, on day 13 of the month or on Friday"
    assert both == "At 00:00, on every 2nd day from day 1 of the month, if it falls on Monday"


def test_a_day_that_is_every_day_makes_the_other_idle() -> None:
    assert describe_trigger(schedule_type="cron", cron_expression="0 0 1-31 * 1") == "At 00:00"


@pytest.mark.parametrize(
    ("expression", "described"),
    [
        ("*/90 * * * *", "Every hour"),
        ("*/25 * * * *", "At 0, 25, and 50 minutes past the hour"),
        ("0 0-5,22,23 * * *", "At 00:00, 01:00, 02:00, 03:00, 04:00, 05:00, 22:00 and 23:00"),
    ],
)
def test_a_step_or_list_is_told_by_what_it_does(expression: str, described: str) -> None:
    assert describe_trigger(schedule_type="cron", cron_expression=expression) == described


def test_a_slot_is_told_as_what_it_became() -> None:
    one = describe_trigger(schedule_type="cron", cron_expression="H H * * *", client_id="default", name="backup")

    assert one == "At 18:36"
    assert one != describe_trigger(schedule_type="cron", cron_expression="H H * * *", client_id="default", name="mail")


FIELDS = [
    ({"hour": 9}, "At 09:00"),
    ({"hour": 9, "minute": 5, "second": 7}, "At 09:05:07"),
    ({"second": "*/10"}, "Every 10 seconds"),
    ({"minute": "*/5"}, "Every 5 minutes"),
    ({"second": "5,10", "minute": "*/15"}, "At 5 and 10 seconds past the minute, every 15 minutes"),
    (
        {"second": "10,20", "minute": 30, "hour": 9},
        "At 10 and 20 seconds past the minute, at 30 minutes past the hour, between 09:00 and 09:59",
    ),
    (
        {"second": 10, "minute": 30, "hour": "9,17"},
        "At 10 seconds past the minute, at 30 minutes past the hour, from 09:00 through 09:59 and 17:00 through 17:59",
    ),
    ({"day_of_week": "mon-fri", "hour": 9}, "At 09:00, Monday to Friday"),
    ({"day": 13, "day_of_week": "fri"}, "At 00:00, on day 13 of the month, if it falls on Friday"),
    ({"day": "2nd fri, last sun"}, "At 00:00, on the second Friday of the month or on the last Sunday of the month"),
    ({"day": "last", "hour": 9}, "At 09:00, on the last day of the month"),
    ({"week": "1-5,9"}, "At 00:00, in ISO week 1 to 5 and 9"),
    ({"year": 2030}, "At 00:00, on day 1 of the month, in January, in 2030"),
]


@pytest.mark.parametrize(("fields", "described"), FIELDS)
def test_cron_fields(fields: dict[str, object], described: str) -> None:
    assert describe_trigger(schedule_type="cron", cron_fields=fields) == described


def test_a_list_that_nobody_would_read_is_cut() -> None:
    described = describe_trigger(schedule_type="cron", cron_fields={"year": "*/50"})

    assert described.endswith("in 1970, 2020, 2070, 2120, 2170, 2220, 2270, 2320, 2370, 2420, … (130 more) and 8970")


INTERVALS = [
    (1, "Every second"),
    (60, "Every minute"),
    (90, "Every minute and 30 seconds"),
    (5_400, "Every hour and 30 minutes"),
    (7_200, "Every 2 hours"),
    (86_400, "Every day"),
    (1_213_261, "Every 2 weeks, 1 hour, 1 minute and 1 second"),
]


@pytest.mark.parametrize(("seconds", "described"), INTERVALS)
def test_intervals(seconds: int, described: str) -> None:
    assert describe_trigger(schedule_type="interval", interval_seconds=seconds) == described


def test_one_time_is_told_in_its_zone() -> None:
    moment = datetime(2030, 7, 1, 8, tzinfo=UTC)

    utc = describe_trigger(schedule_type="one_time", scheduled_time=moment)
    london = describe_trigger(schedule_type="one_time", scheduled_time=moment, timezone="Europe/London")

    assert utc == "Once, on 1 July 2030 at 08:00:00 UTC"
    assert london == "Once, on 1 July 2030 at 09:00:00, Europe/London time"


def test_a_zone_other_than_utc_is_named() -> None:
    described = describe_trigger(schedule_type="cron", cron_expression="0 9 * * *", timezone="Asia/Kathmandu")

    assert described == "At 09:00, Asia/Kathmandu time"


def test_what_is_no_trigger_is_refused_and_not_described() -> None:
    with pytest.raises(InvalidInput):
        describe_trigger(schedule_type="cron", cron_expression="0 0 12 * * *")


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.tuples(span, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    item = st.one_of(number.map(str), span, stepped, st.sampled_from(["*", "*/2", "*/7", "H"]))
    return st.lists(item, min_size=1, max_size=3).map(",".join)


@settings(max_examples=300, deadline=None)
@given(st.tuples(numbers(0, 59), numbers(0, 23), numbers(1, 28), numbers(1, 12), numbers(0, 7)).map(" ".join))
def test_every_trigger_has_a_description_in_one_line(expression: str) -> None:
    described = describe_trigger(
        schedule_type="cron", cron_expression=expression, timezone="Europe/London", name="backup"
    )

    assert described.isprintable()
    assert described.endswith(", Europe/London time")
    assert len(described) < 700


SIZES = (60, 60, 24)


def some(high: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.just("*"),
        st.lists(st.integers(0, high), min_size=1, max_size=5).map(lambda found: ",".join(map(str, found))),
    )


@settings(max_examples=300, deadline=None)
@given(some(59), some(59), some(23))
def test_times_of_day_are_named_only_where_they_are_all(second: str, minute: str, hour: str) -> None:
    fields = {"second": second, "minute": minute, "hour": hour}
    described = describe_trigger(schedule_type="cron", cron_fields=fields)

    named = re.findall(r"\d\d:\d\d(?::\d\d)?", described)
    if named and "between" not in described and "from" not in described:
        runs = [
            len(set(text.split(","))) if text != "*" else size
            for text, size in zip(fields.values(), SIZES, strict=True)
        ]
        assert len(named) == prod(runs)
