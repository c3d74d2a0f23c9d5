"""``rowcall schedules pause --label …``: the same done to many, or told what it would be."""

from __future__ import annotations

import pytest

from tests.cli.support import RowcallCommand

RULE = ("--task", "report", "--cron", "0 3 * * *", "--allow-unknown-task")


@pytest.fixture
def team(rowcall: RowcallCommand) -> None:
    for name, label in (("one", "a"), ("two", "a"), ("three", "b")):
        assert rowcall("schedules", "create", name, *RULE, "--label", f"team={label}").code == 0


def statuses(rowcall: RowcallCommand) -> list[str]:
    return [schedule["status"] for schedule in rowcall("schedules", "list", "--all", "--json").lines]


@pytest.mark.parametrize(("action", "after"), [("pause", "PAUSED"), ("delete", "DISABLED")])
def test_all_that_carry_a_label_are_changed_after_a_dry_run_that_changes_none(
    rowcall: RowcallCommand, team: None, action: str, after: str
) -> None:
    tried = rowcall("schedules", action, "--label", "team=a", "--dry-run")
    assert tried.err == "Nothing was done. It would be: 2 done, 0 unchanged, 0 refused.\n"
    assert statuses(rowcall) == ["ACTIVE"] * 3

    done = rowcall("schedules", action, "--label", "team=a")
    assert done.err == "2 done, 0 unchanged, 0 refused.\n"
    assert [line.split()[1:3] for line in done.out.splitlines()[1:]] == [["one", "done"], ["two", "done"]]
    assert statuses(rowcall) == [after, after, "ACTIVE"]


def test_scripts_get_what_rest_answers(rowcall: RowcallCommand, team: None) -> None:
    answer = rowcall("schedules", "execute", "--label", "team=a", "--json").json
    assert (answer["action"], answer["done"]) == ("execute", 2)
    assert len(rowcall("executions", "list", "--json").lines) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pause"], "name one schedule, or give --label"),
        (["pause", "one", "--label", "team=a"], "name one schedule, or give --label"),
        (["delete", "one", "--dry-run"], "--dry-run: goes with --label"),
        (["execute", "--label", "team=a", "--wait"], "--wait: goes with one schedule"),
        (["resume", "--label", "team"], "key=value is needed"),
    ],
)
def test_what_does_not_go_together_is_refused(
    rowcall: RowcallCommand, team: None, arguments: list[str], words: str
) -> None:
    ran = rowcall("schedules", *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert statuses(rowcall) == ["ACTIVE"] * 3
