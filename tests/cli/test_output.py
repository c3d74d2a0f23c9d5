"""What people read: states, moments, lengths of time, and text that comes from elsewhere."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rowcall.cli.durations import moment_of, seconds_of
from rowcall.cli.output import clean, moment, print_json, print_table, shown, span
from rowcall.domain.errors import InvalidInput

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0124, "12 ms"), (3.44, "3.44 s"), (59.9, "59.9 s"), (60, "1 min"), (90, "1 min 30 s"), (3600, "1 h"),
        (12_000, "3 h 20 min"), (86_400, "1 d"), (180_000, "2 d 2 h"), (0, "0 ms"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_told_in_at_most_two_units(seconds: float, text: str) -> None:
    assert span(seconds) == span(timedelta(seconds=seconds)) == text


def test_moments_are_told_in_utc_wherever_they_come_from() -> None:
    assert moment(NOON.astimezone(timezone(timedelta(hours=5)))) == "2030-01-31 12:00:00Z"


def test_text_from_elsewhere_is_neither_markup_nor_control_code(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME",), [("[red]\x1b[31m[/red]\nnext",)], empty="")
    assert "[red]\\x1b[31m[/red]\\nnext" in capsys.readouterr().out


def test_a_table_that_nobody_watches_is_never_cut_nor_padded(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME", "WHY"), [("a" * 300, "b" * 300), ("c", None)], empty="")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["a" * 300, "b" * 300]
    assert all(line == line.rstrip() for line in lines)


def test_an_empty_table_is_talk_and_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME",), [], empty="No schedules.")
    assert tuple(capsys.readouterr()) == ("", "No schedules.\n")


def test_json_is_a_line_with_moments_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"at": NOON, "took": timedelta(seconds=2), "what": {"é"}, "how": ("a", None)})
    assert capsys.readouterr().out == '{"at": "2030-01-31T12:00:00Z", "took": 2.0, "what": ["é"], "how": ["a", null]}\n'


def test_what_has_no_value_is_a_dash() -> None:
    assert [str(shown(value)) for value in (None, "", False, 0)] == ["–", "–", "no", "0"]


def test_clean_text_stays_as_it_is() -> None:
    assert clean("Grüße, 世界 [x]") == "Grüße, 世界 [x]"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h 30m 5", 5405), ("2d", 172_800), ("1W", 604_800)],
)
def test_lengths_of_time_are_read_as_people_type_them(text: str, seconds: int) -> None:
    assert seconds_of(text, "--interval") == seconds


@pytest.mark.parametrize("text", ["", "m", "5 minutes", "-5", "1.5h", "٣m", "30s5m", "9" * 40])
def test_what_is_no_length_of_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidInput, match="such as 90, 90s, 5m"):
        seconds_of(text, "--interval")


def test_a_moment_is_a_date_in_utc_or_a_length_of_time_ago() -> None:
    assert moment_of("2030-01-31T12:00", "--since", NOON) == NOON
    assert moment_of("2h", "--since", NOON) == NOON - timedelta(hours=2)
