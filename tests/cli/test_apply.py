"""``rowcall apply`` and ``rowcall diff``: files of schedules, held against a real database."""

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Ran, RowcallCommand

BILLING = """\
source: billing
defaults:
  timezone: Europe/London
  allow_unknown_task: true
schedules:
  - name: nightly
    task_type: report
    cron_expression: 0 2 * * *
    input_data: {kind: daily, deep: {a: 1}}
  - name: hourly
    task_type: report
    interval_seconds: 3600
    priority: 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(BILLING)
    return path


@pytest.fixture
def apply(rowcall: RowcallCommand, file: Path) -> Callable[..., Ran]:
    """Applies the file without being asked."""
    return lambda *options: rowcall("apply", "-f", str(file), "--yes", *options)


def rows(rowcall: RowcallCommand) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rowcall("schedules", "list", "--json").lines}


def test_what_a_file_declares_is_there_afterwards_and_is_its_own(
    apply: Callable[..., Ran], rowcall: RowcallCommand
) -> None:
    ran = apply()
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "+ nightly  report: At 02:00, Europe/London time",
        "+ hourly  report: Every hour",
    ]
    assert ran.err.splitlines() == ["Plan: 2 to create.", "Applied: 2 created."]
    found = rows(rowcall)
    assert {row["source"] for row in found.values()} == {"file:billing"}
    assert (found["nightly"]["timezone"], found["hourly"]["priority"]) == ("Europe/London", 7)
    assert found["nightly"]["input_data"] == {"kind": "daily", "deep": {"a": 1}}
    assert found["nightly"]["next_run_at"]


def test_applied_again_nothing_changes(apply: Callable[..., Ran], rowcall: RowcallCommand) -> None:
    apply()
    before = rows(rowcall)
    ran = apply()
    assert (ran.code, ran.out, ran.err) == (0, "", "Plan: 2 unchanged.\n")
    assert rows(rowcall) == before


def test_a_change_is_told_field_by_field(apply: Callable[..., Ran], file: Path, rowcall: RowcallCommand) -> None:
    apply()
    file.write_text(BILLING.replace("a: 1", "a: 2, b: [1]").replace("priority: 7", "priority: 9"))
    planned = rowcall("diff", "-f", str(file), "--exit-code")
    assert planned.code == 1
    assert planned.out.splitlines() == [
        "~ nightly",
        "    input_data.deep.a: 1 → 2",
        "    input_data.deep.b: – → [1]",
        "~ hourly",
        "    priority: 7 → 9",
    ]
    assert rows(rowcall)["hourly"]["priority"] == 7
    assert apply().out == planned.out
    assert (rows(rowcall)["hourly"]["priority"], rows(rowcall)["hourly"]["version"]) == (9, 2)
    assert rowcall("diff", "-f", str(file), "--exit-code").code == 0


def test_scripts_get_one_object(apply: Callable[..., Ran], rowcall: RowcallCommand, file: Path) -> None:
    planned = rowcall("apply", "-f", str(file), "--dry-run", "--json").json
    assert (planned["applied"], planned["created"]) == (False, 2)
    assert rows(rowcall) == {}
    apply()
    file.write_text(BILLING.replace("priority: 7", "priority: 9"))
    told = apply("--json").json
    assert (told["applied"], told["created"], told["changed"], told["unchanged"], told["pruned"]) == (True, 0, 1, 1, 0)
    assert told["schedules"][1] == {
        "action": "change", "client_id": "default", "name": "hourly", "source": "file:billing",
        "differences": {"priority": {"before": 7, "after": 9}},
    }  # fmt: skip


def test_every_fault_of_every_entry_is_told_at_once_with_its_place(rowcall: RowcallCommand, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "source: billing\n"
        "defaults: {priority: 11, allow_unknown_task: true, capabilty_required: x, ends_at: yesterday}\n"
        "schedules:\n"
        "  - name: one\n"
        "    task_type: report\n"
        "    cron_expression: 61 * * * *\n"
        "    timezone: Nowhere\n"
        "  - name: two\n"
        "    cron_fields: {hour: 99}\n"
        "    labels: {team: 5}\n"
        "  - task_type: report\n"
        "    interval_seconds: 60\n"
        "  - name: one\n"
        "    task_type: report\n"
        "    interval_seconds: 60\n"
        "    priority: 3\n"
        "    priority: 4\n"
    )
    (tmp_path / "b.json").write_text('{"source": "billing",\n\t"shedules": []\n}')
    (tmp_path / "c.yml").write_text("source: [\n")
    ran = rowcall("apply", "-f", str(tmp_path), "--yes")
    assert (ran.code, ran.out) == (2, "")
    told = [line.removeprefix("rowcall: ").replace(f"{tmp_path}/", "") for line in ran.err.splitlines()]
    for start in [
        "a.yaml:2: defaults.capabilty_required: there is no such field; did you mean 'capability_required'",
        "a.yaml:2: defaults: ends_at: ",
        "a.yaml:2: defaults.priority: must be at most 10, not 11",
        "a.yaml:6: one: cron_expression: minute: 61",
        "a.yaml:7: one: timezone: ",
        "a.yaml:8: two: task_type: is needed",
        "a.yaml:9: two: cron_fields",
        "a.yaml:10: two: labels.team: text is needed, not 5",
        "a.yaml:11: name: is needed",
        "a.yaml:13: one: name: is taken already, at ",
        "a.yaml:17: 'priority' is given twice, first on line 16",
        "b.json:2: shedules: there is no such field; did you mean 'schedules'",
        "c.yml:2: can't be read: ",
    ]:
        assert any(line.startswith(start) for line in told), f"{start}\n\n{ran.err}"
    assert len(told) == len(set(told)) == 13
    assert rows(rowcall) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "schedules.yaml:1: is empty"),
        ("# nothing\n", "schedules.yaml:1: must be a mapping"),
        ("schedules: []", "schedules.yaml:1: source: is needed"),
        ("source: billing\nschedules:\n", "schedules.yaml:2: schedules: is empty; write []"),
        ("source: billing\nschedules: {a: 1}\n", "schedules.yaml:2: schedules: must be a list"),
        ("source: billing\nschedules: [a]\n", "schedules.yaml:2: each schedule must be a mapping"),
        ("source: a b\nschedules: []", "schedules.yaml:1: source: "),
        ("source: a\nschedules: []\n---\nsource: b\n", "schedules.yaml:3: another document begins"),
        ("source: a\nx: !!python/name:os.system\n", "schedules.yaml:2: has the tag"),
    ],
)
def test_what_is_no_file_of_schedules_says_why(apply: Callable[..., Ran], file: Path, text: str, words: str) -> None:
    file.write_text(text)
    ran = apply("--prune", "--force")
    assert ran.code == 2
    assert words in ran.err


def test_a_place_that_can_not_be_read_is_a_fault_of_usage(rowcall: RowcallCommand, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"source: caf\xe9\n")
    places = ["/no/such.yaml", str(tmp_path / "empty"), str(tmp_path / "latin.yaml")]
    ran = rowcall("apply", "--yes", *(part for place in places for part in ("-f", place)))
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 3
    assert rowcall("apply", "--yes").code == 2


@pytest.mark.parametrize("command", [("apply", "--yes", "-f", ""), ("diff", "-f", ""), ("import", "crontab", "")])
def test_a_name_that_is_empty_is_no_folder(
    rowcall: RowcallCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """As of a script's variable that is not set: it would take in all that lies around."""
    (tmp_path / "around.yaml").write_text(BILLING)
    monkeypatch.chdir(tmp_path)
    ran = rowcall(*command)
    assert (ran.code, ran.out, rows(rowcall)) == (2, "", {})
    assert "names no file" in ran.err


def test_nobody_is_asked_without_a_terminal(rowcall: RowcallCommand, file: Path) -> None:
    ran = rowcall("apply", "-f", str(file))
    assert (ran.code, rows(rowcall)) == (2, {})
    assert "--yes: is needed where nobody can be asked" in ran.err


def test_standard_input_is_read(rowcall: RowcallCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"source": "x", "schedules": [{"name": "a", "task_type": "t", "interval_seconds": 60}]}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(document)))
    assert rowcall("apply", "-f", "-", "--yes", "--allow-unknown-task").code == 0
    assert rows(rowcall)["a"]["source"] == "file:x"


class Terminal(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "count"), [("y\n", 0, 2), ("n\n", 1, 0)])
def test_at_a_terminal_the_plan_is_shown_and_then_somebody_is_asked(
    rowcall: RowcallCommand, file: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, count: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ran = rowcall("apply", "-f", str(file))
    assert ran.code == code
    assert "+ nightly" in ran.out
    assert "Apply this?" in ran.err
    assert len(rows(rowcall)) == count


def test_a_task_that_no_worker_has_offered_is_a_fault_unless_it_is_allowed(
    apply: Callable[..., Ran], file: Path
) -> None:
    file.write_text(BILLING.replace("allow_unknown_task: true", "priority: 5"))
    ran = apply()
    assert ran.code == 2
    assert "schedules.yaml:7: nightly: task_type: no worker has offered 'report'" in ran.err
    assert apply("--allow-unknown-task").code == 0


def test_a_pause_is_left_alone(apply: Callable[..., Ran], file: Path, rowcall: RowcallCommand) -> None:
    apply()
    rowcall("schedules", "pause", "nightly", "--reason", "stocktaking")
    file.write_text(BILLING.replace("0 2 * * *", "0 3 * * *"))
    assert apply().code == 0
    found = rows(rowcall)["nightly"]
    assert (found["status"], found["cron_expression"]) == ("PAUSED", "0 3 * * *")
    assert found["status_reason"].startswith("stocktaking")


def test_a_schedule_is_named_within_its_client(apply: Callable[..., Ran], file: Path, rowcall: RowcallCommand) -> None:
    file.write_text(BILLING + "    client_id: acme\n")
    assert "+ acme/hourly" in apply().out
    assert rowcall("schedules", "show", "hourly", "--client", "acme").code == 0


def test_a_schedule_of_another_source_is_taken_over_only_on_request(
    apply: Callable[..., Ran], rowcall: RowcallCommand
) -> None:
    rowcall("schedules", "create", "hourly", "--task", "report", "--interval", "1h", "--allow-unknown-task")
    ran = apply()
    assert ran.code == 2
    assert "schedules.yaml:10: hourly: name: belongs to 'cli', not to 'file:billing'; --take-over" in ran.err
    assert set(rows(rowcall)) == {"hourly"}
    ran = apply("--take-over")
    assert '    source: "cli" → "file:billing"' in ran.out
    assert rows(rowcall)["hourly"]["source"] == "file:billing"


def test_a_static_schedule_is_never_taken_over_while_its_code_is_there(
    apply: Callable[..., Ran], rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    rowcall("schedules", "create", "hourly", "--task", "report", "--interval", "1h", "--allow-unknown-task")
    execute("UPDATE rowcall.schedules SET is_static = true, source = 'shop'")
    ran = apply("--take-over")
    assert ran.code == 2
    assert "hourly: name: is static: declared in 'shop'" in ran.err
    execute(
        "UPDATE rowcall.schedules SET status = 'PAUSED',"
        " status_reason = 'gone: no worker of ''shop'' declares it any more'"
    )
    assert apply("--take-over").code == 0
    found = rows(rowcall)["hourly"]
    assert (found["is_static"], found["source"], found["status"]) == (False, "file:billing", "ACTIVE")


def test_a_run_that_lies_ahead_of_an_older_interval_is_seen(
    apply: Callable[..., Ran], file: Path, execute: Callable[..., Any]
) -> None:
    weekly = "source: billing\nschedules: [{name: n, task_type: report, allow_unknown_task: true, weeks: 1"
    file.write_text(weekly + "}]")
    assert apply().code == 0
    execute("UPDATE rowcall.schedules SET created_at = created_at - interval '5 days'")
    file.write_text(f"{weekly}, ends_at: '{datetime.now(UTC) + timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}'}}]")
    assert apply().err.splitlines()[-1] == "Applied: 1 changed."


def test_literals_that_look_like_credentials_are_warned_of_and_not_shown(
    apply: Callable[..., Ran], file: Path, rowcall: RowcallCommand
) -> None:
    file.write_text(BILLING.replace("kind: daily", "password: hunter2, token: {$secret: billing-token}"))
    ran = apply()
    assert "Warning: " in ran.err
    assert "schedules.yaml:9: nightly: input_data.password looks like a credential" in ran.err
    assert "input_data.token" not in ran.err
    file.write_text(BILLING.replace("kind: daily", "password: hunter3, token: {$secret: another}"))
    ran = apply()
    assert '    input_data.password: "(hidden)" → "(hidden)"' in ran.out
    assert '    input_data.token.$secret: "billing-token" → "another"' in ran.out
    assert "hunter" not in ran.out + ran.err
    assert rows(rowcall)["nightly"]["input_data"]["token"] == {"$secret": "another"}


def test_the_schema_is_written_without_a_database(command_line: RowcallCommand) -> None:
    schema = json.loads(command_line("apply", "--schema").out)
    assert set(schema["properties"]) == {"source", "defaults", "schedules"}
