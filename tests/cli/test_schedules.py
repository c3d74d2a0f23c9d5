"""``rowcall schedules``: what REST does, from a shell."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rowcall.wire.schedules import ScheduleView
from tests.cli.support import RowcallCommand

NIGHTLY = ("nightly", "--task", "report", "--cron", "0 3 * * *", "--allow-unknown-task")


def test_what_is_created_can_be_listed_and_shown(rowcall: RowcallCommand) -> None:
    created = rowcall(
        "schedules", "create", *NIGHTLY, "-z", "Europe/London", "--input", '{"deep": [1, null]}',
        "--label", "team=ops", "--set", "priority=8", "--set", "overlap_policy=queue", "--json",
    ).json  # fmt: skip

    shown = rowcall("schedules", "show", "nightly", "--json").json
    [listed] = rowcall("schedules", "list", "--json").lines
    assert created == shown == listed
    assert set(shown) == set(ScheduleView.model_fields)
    wanted = {
        "name": "nightly", "task_type": "report", "timezone": "Europe/London", "input_data": {"deep": [1, None]},
        "labels": {"team": "ops"}, "priority": 8, "overlap_policy": "queue", "source": "cli", "status": "ACTIVE",
        "trigger_description": "At 03:00, Europe/London time",
    }  # fmt: skip
    assert wanted.items() <= shown.items()
    assert shown["next_run_at"].endswith("Z")


def test_people_get_tables_and_sentences(rowcall: RowcallCommand) -> None:
    ran = rowcall("schedules", "create", *NIGHTLY)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        "Created schedule nightly.",
        "No worker that runs report is there now: it waits for one.",
    ]
    header, row = rowcall("schedules", "list").out.splitlines()
    assert header.split()[:4] == ["ID", "NAME", "TASK", "WHEN"]
    assert "nightly  report  At 03:00" in row
    assert "name" in rowcall("schedules", "show", "nightly").out


def test_a_worker_that_can_run_it_is_not_missed(rowcall: RowcallCommand, a_worker: Callable[..., int]) -> None:
    a_worker("report")
    assert rowcall("schedules", "create", *NIGHTLY).err == "Created schedule nightly.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "report"], "no rule was given"),
        (["--cron", "* * * * *"], "task_type: is needed"),
        (["--task", "report", "--cron", "* * * * *"], "no worker has offered 'report' so far"),
        ([*NIGHTLY, "--set", "priority=11"], "priority: must be at most 10"),
        ([*NIGHTLY, "--set", "prioritty=1"], "there is no such field; did you mean 'priority'?"),
        ([*NIGHTLY, "--set", "priority"], "--set: key=value is needed"),
        ([*NIGHTLY, "--label", "=x"], "--label: key=value is needed"),
        ([*NIGHTLY, "--input", "[]"], "--input: a JSON object is needed"),
        ([*NIGHTLY, "--file", "/no/such/file"], "--file: '/no/such/file' can't be read"),
        (["12", *NIGHTLY[1:]], "name: must have no slash and not be digits only"),
    ],
)
def test_what_can_not_be_created_is_a_fault_of_usage(rowcall: RowcallCommand, arguments: list[str], words: str) -> None:
    ran = rowcall("schedules", "create", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_all_faults_are_told_at_once(rowcall: RowcallCommand) -> None:
    ran = rowcall("schedules", "create", "--cron", "61 * * * *", "-z", "Nowhere", "--set", "priority=0")
    assert len([line for line in ran.err.splitlines() if line.startswith("rowcall: ")]) >= 4


def test_fields_can_come_from_a_file_and_options_go_over_them(rowcall: RowcallCommand, tmp_path: Path) -> None:
    file = tmp_path / "nightly.json"
    file.write_text(json.dumps({"name": "nightly", "task_type": "report", "interval_seconds": 60, "priority": 2}))
    created = rowcall(
        "schedules", "create", "--file", str(file), "--set", "priority=9", "--allow-unknown-task", "--json"
    ).json
    assert (created["name"], created["interval_seconds"], created["priority"]) == ("nightly", 60, 9)


def test_a_name_that_is_taken_is_a_conflict(rowcall: RowcallCommand) -> None:
    rowcall("schedules", "create", *NIGHTLY)
    ran = rowcall("schedules", "create", *NIGHTLY)
    assert (ran.code, ran.out) == (5, "")
    assert "choose another name" in ran.err


@pytest.mark.parametrize("action", ["show", "pause", "resume", "delete", "execute"])
def test_what_does_not_exist_is_not_found(rowcall: RowcallCommand, action: str) -> None:
    assert [rowcall("schedules", action, reference).code for reference in ("nothing", "77")] == [4, 4]


def test_pausing_keeps_who_and_why_and_resuming_goes_on(rowcall: RowcallCommand) -> None:
    rowcall("schedules", "create", *NIGHTLY)
    paused = rowcall("schedules", "pause", "nightly", "--reason", "moving house", "--json").json
    assert (paused["status"], paused["next_run_at"]) == ("PAUSED", None)
    assert paused["status_reason"].startswith("moving house (by ")
    assert rowcall("schedules", "resume", "nightly", "--json").json["status"] == "ACTIVE"


def test_what_is_deleted_is_listed_on_request_only_and_can_not_be_paused(rowcall: RowcallCommand) -> None:
    schedule_id = rowcall("schedules", "create", *NIGHTLY, "--json").json["schedule_id"]
    assert rowcall("schedules", "delete", "nightly").code == 0
    assert rowcall("schedules", "list").err == "No schedules.\n"
    assert [row["status"] for row in rowcall("schedules", "list", "--all", "--json").lines] == ["DISABLED"]
    assert rowcall("schedules", "pause", str(schedule_id)).code == 5
    assert rowcall("schedules", "execute", str(schedule_id)).code == 5


def test_what_stands_in_code_is_changed_there(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    rowcall("schedules", "create", *NIGHTLY)
    execute("UPDATE rowcall.schedules SET is_static = true, source = 'billing'")
    ran = rowcall("schedules", "delete", "nightly")
    assert ran.code == 6
    assert "declared in 'billing'" in ran.err


def test_lists_are_filtered_and_cut_on_request(rowcall: RowcallCommand) -> None:
    for number, team in enumerate(("ops", "ops", "dev")):
        rowcall("schedules", "create", f"job-{number}", *NIGHTLY[1:], "--label", f"team={team}")
    rowcall("schedules", "pause", "job-1")

    def names(*arguments: str) -> list[str]:
        return [row["name"] for row in rowcall("schedules", "list", "--json", *arguments).lines]

    assert names("--label", "team=ops") == ["job-0", "job-1"]
    assert names("--status", "paused") == ["job-1"]
    assert names("--text", "b-2") == ["job-2"]
    assert names("--task", "other") == []
    assert names("--limit", "2") == ["job-0", "job-1"]
    assert "--limit takes more" in rowcall("schedules", "list", "--limit", "2").err
    assert rowcall("schedules", "list", "--status", "paussed").code == 2


def test_an_execution_that_is_asked_for_is_queued_and_says_so(rowcall: RowcallCommand) -> None:
    rowcall("schedules", "create", *NIGHTLY)
    ran = rowcall("schedules", "execute", "nightly", "--input", '{"day": 3}', "--json")
    assert ran.code == 0
    assert (ran.json["status"], ran.json["trigger"], ran.json["input_data"]) == ("QUEUED", "manual", {"day": 3})
    assert "is queued" in ran.err
    assert "No worker that runs report is there now" in ran.err


def test_a_schedule_is_named_within_its_client(rowcall: RowcallCommand) -> None:
    rowcall("schedules", "create", *NIGHTLY, "--client", "acme")
    assert rowcall("schedules", "show", "nightly").code == 4
    assert rowcall("schedules", "show", "nightly", "--client", "acme", "--json").json["client_id"] == "acme"


def test_rows_that_came_by_sql_can_be_shown_whatever_they_hold(
    rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, cron_expression) "
        "VALUES (E'[bold]\\x1b[31mred', 'x', 'cron', 'nonsense')"
    )
    ran = rowcall("schedules", "list")
    assert "[bold]\\x1b[31mred" in ran.out
    assert "\x1b" not in ran.out


def test_what_a_schedule_waits_for_is_told_in_a_sentence(rowcall: RowcallCommand) -> None:
    rowcall("schedules", "create", *NIGHTLY)
    ran = rowcall("schedules", "explain", "nightly")
    assert ran.code == 0
    assert ran.out.strip().endswith(".")
    told = rowcall("schedules", "explain", "nightly", "--json").json
    assert told["sentence"] == ran.out.strip()
    assert told["facts"]["route"] == "report"


def test_a_moment_can_be_asked_about_in_the_zone_of_the_schedule(rowcall: RowcallCommand) -> None:
    rowcall("schedules", "create", *NIGHTLY, "-z", "Asia/Tokyo")
    told = rowcall("schedules", "explain", "nightly", "--at", "2020-01-31T03:00", "--json").json
    assert told["at"] == "2020-01-30T18:00:00Z"
    assert rowcall("schedules", "explain", "nightly", "--at", "yesterday").code == 2
