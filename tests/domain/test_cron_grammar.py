"""Cron text: what is read, as what, and what is refused, quickly and shortly."""

from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.cron.grammar import checked, parse, uses_slots
from rowcall.domain.errors import InvalidInput
from rowcall.domain.triggers import Trigger, trigger_of

THE_ALPHABET = "0123456789*/,-#LH() \t@?WSUNJAmonfri%.;\n"

SAME = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@DAILY", "0 0 * * *"),
    ("0 9 * * MON-FRI", "0 9 * * 1-5"),
    ("0 9 * * mon-Fri", "0 9 * * 1,2,3,4,5"),
    ("0 0 1 jan-MAR,Dec *", "0 0 1 1,2,3,12 *"),
    ("0 0 * * 7", "0 0 * * 0"),
    ("0 0 * * 5-7", "0 0 * * 5,6,0"),
    ("0 0 * * 1-7/3", "0 0 * * 1,4,0"),
    ("0 0 * * 0-7", "0 0 * * 0-6"),
    ("0 0 * * sun", "0 0 * * 0"),
    ("0 0 * * FRI#2", "0 0 * * 5#2"),
    ("0 0 * * 7#1", "0 0 * * 0#1"),
    ("9-9 9-9 * * *", "9 9 * * *"),
    ("10-50/20 * * * *", "10,30,50 * * * *"),
    ("05 09 * * *", "5 9 * * *"),
    ("  5   9\t*  * * ", "5 9 * * *"),
    ("*/1 * * * *", "* * * * *"),
    ("5,5,5 * * * *", "5 * * * *"),
    ("*/90 * * * *", "*/60 * * * *"),
    ("0 0 l * *", "0 0 L * *"),
]


@pytest.mark.parametrize(("written", "plain"), SAME)
def test_two_ways_to_write_the_same_are_read_the_same(written: str, plain: str) -> None:
    assert parse(written) == parse(plain)


def test_a_star_counts_only_at_the_start_of_a_field() -> None:
    assert parse("*,5 * * * *").minute.starred
    assert not parse("5,* * * * *").minute.starred
    assert not parse("0-59 * * * *").minute.starred


def test_the_last_day_and_nth_weekdays_are_kept_beside_the_numbers() -> None:
    text = parse("0 0 L,15 * 1,5#2,3#5")

    assert (text.day.numbers, text.day.last) == ((15,), True)
    assert (text.weekday.numbers, text.weekday.nth) == ((1,), ((3, 5), (5, 2)))


REFUSED = [
    ("", "empty"),
    ("   ", "empty"),
    ("\t", "empty"),
    ("*", "five fields"),
    ("* * * *", "five fields"),
    ("0 0 12 * * *", "cron_fields"),
    ("0 0 12 * * * 2030", "cron_fields"),
    ("* * * * * * * *", "five fields"),
    ("60 * * * *", "minute: 60 is outside 0-59"),
    ("* 24 * * *", "hour: 24 is outside 0-23"),
    ("* * 0 * *", "day of month: 0 is outside 1-31"),
    ("* * 32 * *", "day of month: 32"),
    ("* * * 0 *", "month: 0"),
    ("* * * 13 *", "month: 13"),
    ("* * * * 8", "day of week: 8"),
    ("*/0 * * * *", "a step of 0"),
    ("1-5/0 * * * *", "a step of 0"),
    ("5/15 * * * *", "'5-59/15'"),
    ("MON/2 * * * *", "can't be read"),
    ("50-10 * * * *", "runs backwards"),
    ("0 0 * * FRI-SUN", "runs backwards"),
    ("-5 * * * *", "can't be read"),
    ("1- * * * *", "can't be read"),
    ("1,,2 * * * *", "can't be read"),
    (", * * * *", "can't be read"),
    ("*5 * * * *", "can't be read"),
    ("*-5 * * * *", "can't be read"),
    ("*/-5 * * * *", "can't be read"),
    ("1.5 * * * *", "can't be read"),
    ("+5 * * * *", "can't be read"),
    ("1_0 * * * *", "can't be read"),
    ("MON * * * *", "no name known"),
    ("* * * MON *", "no name known"),
    ("* * * January *", "can't be read"),
    ("* * * * MONDAY", "can't be read"),
    ("? * * * *", "write * instead"),
    ("0 0 ? * *", "write * instead"),
    ("0 0 15W * *", "can't be read"),
    ("0 0 LW * *", "can't be read"),
    ("0 0 L-3 * *", "can't be read"),
    ("L * * * *", "can't be read"),
    ("0 0 * * L", "can't be read"),
    ("0 0 * * 5L", "can't be read"),
    ("0 0 * * 5#0", "1 to 5"),
    ("0 0 * * 5#6", "1 to 5"),
    ("0 0 * * 1-5#2", "can't be read"),
    ("0 0 * * *#2", "can't be read"),
    ("0 0 5#2 * *", "can't be read"),
    ("R * * * *", "can't be read"),
    ("H(30-10) * * * *", "runs backwards"),
    ("H(0-60) * * * *", "outside"),
    ("H/0 * * * *", "a step of 0"),
    ("H-5 * * * *", "can't be read"),
    ("@reboot", "no alias"),
    ("@every 5m", "no alias"),
    ("@", "no alias"),
    ("99999999999999999999 * * * *", "can't be read"),
    ("٥ * * * *", "ASCII"),  # an Arabic-Indic five
    ("５ * * * *", "ASCII"),  # a full-width five
    ("0\u00a09 * * *", "ASCII"),
    ("0 9 * * *\n", "one line"),
    ("0 9\n* * *", "one line"),
    ("0 9 * * *\r", "one line"),
    ("0 9 * * *\x00", "one line"),
    ("0 9 * * * ; rm", "five fields"),
    ("* " * 5_000, "longer than 400"),
    ("0 0 * * " + "1," * 5_000 + "1", "longer than 400"),
    (None, "text is needed"),
    (5, "text is needed"),
    (["0 9 * * *"], "text is needed"),
    (b"0 9 * * *", "text is needed"),
    ("0 0 31 2 *", "no date in fifty years"),
    ("0 0 30 2 *", "no date in fifty years"),
    ("0 0 31 2,4,6,9,11 *", "no date in fifty years"),
]


def a_cron(expression: Any, **more: Any) -> Trigger:
    columns: dict[str, Any] = dict.fromkeys(
        ["cron_fields", "interval_seconds", "scheduled_time", "starts_at", "ends_at"]
    )
    columns |= {"schedule_type": "cron", "timezone": "UTC", "created_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return trigger_of(**columns | {"cron_expression": expression} | more)


@pytest.mark.parametrize(("expression", "because"), REFUSED, ids=lambda value: repr(value)[:30])
def test_what_is_refused_is_told_in_a_line(expression: Any, because: str) -> None:
    if expression is None:
        with pytest.raises(InvalidInput) as caught:
            checked(expression)
    else:
        with pytest.raises(InvalidInput) as caught:
            a_cron(expression)

    assert [fault.field for fault in caught.value.faults] == ["cron_expression"]
    assert because in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "expression", [text for text, _ in REFUSED if isinstance(text, str)], ids=lambda text: text[:20]
)
def test_no_text_takes_long_to_refuse(expression: str) -> None:
    def once() -> float:
        started = perf_counter()
        with pytest.raises(InvalidInput):
            a_cron(expression)
        return perf_counter() - started

    assert min(once() for _ in range(3)) < 0.05


@pytest.mark.parametrize(
    ("expression", "timezone"), [("* 2 8-14 3 */7", "America/New_York"), ("*/5 2 25-31 3 */7", "Europe/Berlin")]
)
def test_a_rule_that_matches_only_minutes_the_clock_skips_is_refused(expression: str, timezone: str) -> None:
    with pytest.raises(InvalidInput, match="no date in fifty years"):
        a_cron(expression, timezone=timezone)

    in_utc = a_cron(expression).next_after(datetime(2026, 1, 1, tzinfo=UTC))
    assert in_utc is not None
    assert in_utc.year == 2026, "in UTC nothing is skipped"


def test_the_longest_text_taken_is_quick_too() -> None:
    minutes = ",".join(f"{low}-59" for low in range(56))
    widest = f"{minutes} {','.join(f'{low}-23' for low in range(12))} 28-31 2 *"
    assert 380 < len(widest) <= 400

    def once(weekday: int) -> float:
        started = perf_counter()
        a_cron(f"{widest[:-1]}{weekday}").next_after(datetime(2026, 3, 1, tzinfo=UTC))
        return perf_counter() - started

    assert min(once(weekday) for weekday in range(3)) < 0.05


def test_every_fault_of_a_schedule_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        a_cron(
            "61 * * * *",
            timezone="Mars/Olympus",
            starts_at=datetime(2030, 1, 2, tzinfo=UTC),
            ends_at=datetime(2030, 1, 1, tzinfo=UTC),
        )

    assert [fault.field for fault in caught.value.faults] == ["timezone", "ends_at", "cron_expression"]
    assert len(str(caught.value)) < 300


@settings(max_examples=600, deadline=None)
@given(st.one_of(st.text(THE_ALPHABET, max_size=60), st.text(max_size=40)))
def test_any_text_is_either_taken_or_refused_as_invalid(text: str) -> None:
    assert taken_or_refused(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("0123456789*/,-LH#TUE", min_size=1, max_size=8), min_size=5, max_size=5).map(" ".join))
def test_five_odd_fields_are_either_taken_or_refused_as_invalid(text: str) -> None:
    assert taken_or_refused(text)


def taken_or_refused(text: str) -> bool:
    """Whether it names a date, or is refused in a short line; any other error comes through."""
    try:
        return a_cron(text).next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    except InvalidInput as invalid:
        return 10 < len(str(invalid)) < 300


def test_slots_are_stable_and_spread() -> None:
    one = parse("H H * * *", "default/backup")

    assert parse("H H * * *", "default/backup") == one
    assert (one.minute.numbers, one.hour.numbers) == ((36,), (18,)), "a change here moves every schedule with an H"
    minutes = {parse("H * * * *", f"default/job-{number}").minute.numbers for number in range(600)}
    assert len(minutes) == 60


def test_a_slot_belongs_to_client_and_name() -> None:
    slots = [parse("H H * * *", f"{client}/{name}") for client in "abcde" for name in "vwxyz"]

    assert len(set(slots)) > 20


@given(st.text(max_size=20), st.integers(1, 59))
def test_a_stepped_slot_is_every_step_from_a_slot_on(key: str, step: int) -> None:
    minutes = parse(f"H/{step} * * * *", key).minute.numbers

    assert 0 <= minutes[0] < step
    assert minutes == tuple(range(minutes[0], 60, step))


@given(st.text(max_size=20))
def test_a_slot_stays_in_its_field(key: str) -> None:
    text = parse("H(10-19) H H H H", key)

    assert 10 <= text.minute.numbers[0] <= 19
    assert 1 <= text.day.numbers[0] <= 28, "every month has it"
    assert 1 <= text.month.numbers[0] <= 12
    assert 0 <= text.weekday.numbers[0] <= 6
    assert parse("H(0-29)/10 * * * *", key).minute.numbers[-1] <= 29
    assert parse("H(20-29)/90 * * * *", key).minute.numbers[0] in range(20, 30)


def test_slots_count_as_fixed_times() -> None:
    assert not parse("H/15 2 * * *", "a/b").minute.starred


@pytest.mark.parametrize(
    ("expression", "slotted"),
    [("H * * * *", True), ("0 h(1-5)/2 * * *", True), ("0 0 * MAR THU", False), ("@hourly", False)],
)
def test_only_an_h_of_its_own_is_a_slot(expression: str, slotted: bool) -> None:
    assert uses_slots(expression) is slotted
