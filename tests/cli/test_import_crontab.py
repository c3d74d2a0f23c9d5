"""``rowcall import crontab``: a crontab becomes schedules that run its commands."""

import io
import os
import pwd
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from rowcall.cli.declaring.crontab import host_zone
from rowcall.domain.zones import zone_names
from rowcall.worker.builtin.named import named_commands
from tests.cli.support import RowcallCommand

CRONTAB = r"""
GREETING=hello
MAILTO=ops
# Says hello
30 1 * * * printf '\%s there' "$GREETING" | awk '{print}'
*/5 * * * * /bin/true
@reboot /bin/false
"""


@pytest.fixture
def crontab(tmp_path: Path) -> Path:
    path = tmp_path / "crontab"
    path.write_text(CRONTAB)
    return path


def test_a_crontab_is_written_as_a_file_that_can_be_applied(
    rowcall: RowcallCommand, crontab: Path, tmp_path: Path
) -> None:
    ran = rowcall("import", "crontab", str(crontab), "-z", "Europe/London")
    assert ran.code == 0
    assert f"{crontab}:7: not taken over: @reboot" in ran.err
    assert f"{crontab}:3: MAILTO" in ran.err
    assert ran.err.splitlines()[-1] == "2 taken over, 1 not."
    file = tmp_path / "schedules.yaml"
    file.write_text(ran.out)
    assert rowcall("apply", "-f", str(file), "--yes", "--allow-unknown-task").code == 0
    [first, second] = rowcall("schedules", "list", "--json").lines
    assert {
        "name": "printf", "description": "Says hello", "cron_expression": "30 1 * * *", "timezone": "Europe/London",
        "task_type": "shell", "input_data": {"name": "printf"}, "source": "file:crontab", "max_retries": 0,
    }.items() <= first.items()  # fmt: skip
    assert second["cron_expression"] == "*/5 * * * *"


def test_what_is_imported_runs_the_commands_that_were_written_down(
    rowcall: RowcallCommand, crontab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "commands.toml"
    arguments = ("import", "crontab", str(crontab), "--commands", str(named), "--apply", "--yes")
    assert rowcall(*arguments).err.endswith("Applied: 2 created.\n")
    assert rowcall(*arguments).code == 2  # the file is there: it is not written over
    assert stat.S_IMODE(named.stat().st_mode) == 0o600
    monkeypatch.setenv("ROWCALL_NAMED_COMMANDS", str(named))
    rowcall("schedules", "execute", "printf")
    assert rowcall("tick").code == 0
    [execution] = rowcall("executions", "list", "--schedule", "printf", "--json").lines
    shown = rowcall("executions", "show", str(execution["execution_id"]), "--json").json
    assert (shown["status"], shown["result_data"]["stdout"]) == ("SUCCEEDED", "hello there\n")


def commands_of(rowcall: RowcallCommand, tmp_path: Path, crontab: str, *more: str) -> tuple[dict[str, Any], str]:
    """The commands that a worker would find in the file, by name, and what was said."""
    source, named = tmp_path / "crontab", tmp_path / "commands.toml"
    source.write_text(crontab)
    ran = rowcall("import", "crontab", str(source), "-z", "UTC", "--commands", str(named), *more)
    assert ran.code == 0
    return {name: command.model_dump() for name, command in named_commands(named).items()}, ran.err


def test_a_job_runs_where_cron_would_run_it(rowcall: RowcallCommand, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    crontab = f"0 1 * * * a\nHOME={elsewhere}\n0 2 * * * b\nHOME=/no/such\n0 3 * * * c\n"
    commands, said = commands_of(rowcall, tmp_path, crontab)
    assert {name: command["cwd"] for name, command in commands.items()} == {
        "a": pwd.getpwuid(os.getuid()).pw_dir, "b": str(elsewhere), "c": "/"
    }  # fmt: skip
    assert ":5: cron runs it in '/no/such', which is no folder here; it will run in /\n" in said


def test_a_job_of_a_system_crontab_runs_in_the_home_of_its_user(rowcall: RowcallCommand, tmp_path: Path) -> None:
    commands, said = commands_of(rowcall, tmp_path, "0 1 * * * root a\n0 2 * * * no-such b\n", "--system")
    assert {name: command["cwd"] for name, command in commands.items()} == {"a": pwd.getpwnam("root").pw_dir, "b": "/"}
    assert ":2: cron runs it in '~no-such', which is no folder here" in said


def test_what_a_worker_would_refuse_is_not_taken_over(rowcall: RowcallCommand, tmp_path: Path) -> None:
    crontab = "0 1 * * * a\nDATABASE_URL=x\nROWCALL_PORT=1\n0 2 * * * b\n"
    commands, said = commands_of(rowcall, tmp_path, crontab)
    assert list(commands) == ["a"]
    assert ":4: not taken over: DATABASE_URL is Rowcall's own, and no command gets it; ROWCALL_PORT is" in said
    assert said.endswith("1 taken over, 1 not.\n")


@pytest.mark.parametrize("shell", ["bash", "/no/such", "/"])
def test_a_shell_that_is_no_program_is_told_of(rowcall: RowcallCommand, tmp_path: Path, shell: str) -> None:
    commands, said = commands_of(rowcall, tmp_path, f"0 1 * * * a\nSHELL={shell}\n0 2 * * * b\n")
    assert list(commands) == ["a"]
    assert f":3: not taken over: command: '{shell}' must be the whole path of a program, one that is there" in said


def test_another_task_gets_the_command_itself(rowcall: RowcallCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("0 1 * * * root backup --all\n"))
    ran = rowcall("import", "crontab", "-", "--system", "--task", "run-command", "-z", "UTC", "--json")
    assert ran.json == {
        "source": "crontab",
        "defaults": {"task_type": "run-command", "timezone": "UTC", "max_retries": 0, "timeout_seconds": 86400},
        "schedules": [
            {"name": "backup", "cron_expression": "0 1 * * *", "input_data": {"command": "backup --all"}},
        ],
    }
    assert "commands run as the account of the worker, not as root" in ran.err


def test_strict_says_by_its_exit_code_that_something_was_lost(rowcall: RowcallCommand, crontab: Path) -> None:
    assert rowcall("import", "crontab", str(crontab), "-z", "UTC", "--strict").code == 1
    crontab.write_text("0 1 * * * a\n")
    assert rowcall("import", "crontab", str(crontab), "-z", "UTC", "--strict").code == 0


def test_without_a_file_the_accounts_own_crontab_is_read(
    rowcall: RowcallCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "crontab"
    program.write_text("#!/bin/sh\n[ \"$1\" = -l ] && echo '0 1 * * * backup'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert "name: backup" in rowcall("import", "crontab", "-z", "UTC").out
    program.write_text("#!/bin/sh\necho 'no crontab for ada' >&2\nexit 1\n")
    ran = rowcall("import", "crontab", "-z", "UTC")
    assert (ran.code, ran.err) == (2, "rowcall: crontab -l: no crontab for ada\n")


def test_the_zone_is_that_of_the_host_where_none_is_given(
    rowcall: RowcallCommand, crontab: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("rowcall.cli.declaring.crontab.LOCALTIME", tmp_path / "localtime")
    monkeypatch.setattr("rowcall.cli.declaring.crontab.TIMEZONE", tmp_path / "timezone")
    assert rowcall("import", "crontab", str(crontab)).code == 2
    (tmp_path / "timezone").write_text("Asia/Tokyo\n")
    assert "timezone: Asia/Tokyo" in rowcall("import", "crontab", str(crontab)).out
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Paris")
    assert host_zone() == "Europe/Paris"
    assert host_zone() in zone_names()
    assert rowcall("import", "crontab", str(crontab), "-z", "Nowhere").code == 2
