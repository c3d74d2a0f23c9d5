"""``rowcall preview``: a rule in words and in its next occurrences, without any database."""

import pytest

from tests.cli.support import RowcallCommand


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")


def test_a_cron_expression_is_told_in_words_and_in_both_clocks(command_line: RowcallCommand) -> None:
    ran = command_line("preview", "30 9 * * MON-FRI", "-z", "Europe/London", "--after", "2030-06-28T12:00", "-n", "2")
    assert ran.code == 0
    description, header, *rows = ran.out.splitlines()
    assert description == "At 09:30, Monday to Friday, Europe/London time"
    assert header.split() == ["LOCAL", "(Europe/London)", "UTC"]
    assert rows[0].startswith("Mon 2030-07-01 09:30:00 BST  2030-07-01 08:30:00Z  in ")
    assert rows[1].startswith("Tue 2030-07-02")


@pytest.mark.parametrize(
    ("arguments", "upcoming"),
    [
        (["--interval", "90m"], ["2030-01-31T13:30:00Z", "2030-01-31T15:00:00Z"]),
        (["--cron-fields", '{"hour": 9, "day": "last"}'], ["2030-02-28T09:00:00Z", "2030-03-31T09:00:00Z"]),
        (["--at", "2030-02-01T09:00", "-z", "Asia/Tokyo"], ["2030-02-01T00:00:00Z"]),
    ],
)
def test_every_kind_of_rule_can_be_tried_out(
    command_line: RowcallCommand, arguments: list[str], upcoming: list[str]
) -> None:
    told = command_line("preview", *arguments, "--after", "2030-01-31T12:00:00Z", "-n", "2", "--json").json
    assert told["upcoming"] == upcoming
    assert set(told) == {"description", "timezone", "upcoming"}


def test_a_slot_is_that_of_the_name_or_said_to_be_of_none(command_line: RowcallCommand) -> None:
    told = command_line("preview", "H H * * *", "--name", "backup", "--after", "2030-01-31T12:00", "--json").json
    assert (told["description"], told["upcoming"][0]) == ("At 18:36", "2030-01-31T18:36:00Z")
    other = command_line("preview", "H H * * *", "--name", "backup", "--client", "shop", "--json").json
    assert other["description"] != told["description"]
    assert "and no name was given" in command_line("preview", "H H * * *").out
    assert "and no name was given" not in command_line("preview", "0 9 * * *").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["61 * * * *"], "cron_expression: minute: 61 is outside 0-59"),
        (["0 0 31 2 *"], "cron_expression: no date"),
        ([], "no rule was given"),
        (["* * * * *", "--interval", "5m"], "only one rule is possible"),
        (["* * * * *", "-z", "Mars/Olympus"], "timezone"),
        (["H H * * *", "--name", "a/b"], "name: must have no slash"),
        (["--cron-fields", "[1]"], "a JSON object is needed"),
        (["--cron-fields", "{"], "is no JSON"),
        (["--interval", "soon"], "a length of time is needed"),
        (["* * * * *", "--after", "tomorrow"], "--after: a date and time is needed"),
    ],
)
def test_a_rule_that_can_not_be_used_is_a_fault_of_usage(
    command_line: RowcallCommand, arguments: list[str], words: str
) -> None:
    ran = command_line("preview", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_a_rule_that_runs_too_often_for_this_installation_is_told_as_by_the_api(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWCALL_MIN_INTERVAL_SECONDS", "3600")
    ran = command_line("preview", "* * * * *")
    assert (ran.code, ran.out) == (2, "")
    assert "this installation allows 3600 s and more" in ran.err
