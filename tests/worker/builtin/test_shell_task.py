"""The built-in task type `shell`: named commands, as real processes of their own."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from rowcall.domain.errors import InvalidInput
from rowcall.worker.builtin.named import named_commands
from tests.worker.builtin.operator import write_down
from tests.worker.conftest import Serve, StartWorker
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

PYTHON = os.path.realpath(sys.executable)

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(os.getpgid(0)))
time.sleep(600)
"""
"""Ignores SIGTERM, and so does the child that it starts; tells its process group."""


def script(text: str, *arguments: str) -> dict[str, Any]:
    """A command that is a Python script."""
    return {"command": [PYTHON, "-I", "-S", "-c", text, *arguments]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "named.toml"


def turned_on(file: Path, **named: dict[str, Any]) -> dict[str, Any]:
    """Write commands down; the setting that turns them on."""
    return {"named_commands": write_down(file, "shell", **named)}


def asking(name: str, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "parameters": parameters}


def group_is_gone(group: int) -> bool:
    """Whether no process of this group runs any more; zombies don't count."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, found = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(found) == group and state != "Z":
            return False
    return True


async def test_a_command_gets_its_parameters_as_whole_arguments_and_no_shell_sees_them(
    serve: Serve, schedules: Schedules, file: Path
) -> None:
    echo = script("import sys, json; print(json.dumps(sys.argv[1:]))", "--day", "{day}", "{run.execution_id}", "{n}")
    odd = "a b; touch /tmp/x $(id) `id` 'ä\"\n*"
    schedule_id = await schedules.insert("shell", input_data=asking("echo", day=odd, n=1.5))
    await serve(**turned_on(file, echo=echo))
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    result = json.loads(row["result_data"])
    assert json.loads(result["stdout"]) == ["--day", odd, str(row["execution_id"]), "1.5"]
    assert (result["exit_code"], result["stdout_bytes"]) == (0, len(result["stdout"].encode()))


async def test_a_command_gets_a_small_environment_and_nothing_of_rowcalls(
    serve: Serve, schedules: Schedules, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "ROWCALL_SQL_DATABASE_URL", "ROWCALL_ANYTHING", "SECRET", "WANTED"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("TZ", "Europe/London")
    told = script("import os, json; print(json.dumps([dict(os.environ), os.getcwd(), os.getpgid(0) == os.getppid()]))")
    told |= {"environment": {"KIND": "backup"}, "inherit": ["WANTED", "NOT_THERE"], "cwd": str(file.parent)}
    schedule_id = await schedules.insert("shell", input_data=asking("told"))
    await serve(**turned_on(file, told=told))
    row = await schedules.reaches("SUCCEEDED", schedule_id)
    environment, folder, is_in_group_of_keeper = json.loads(json.loads(row["result_data"])["stdout"])
    usual = {
        name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ") if name in os.environ
    }
    environment.pop("LC_CTYPE", None)  # what Python sets for itself where no language is set
    assert environment == usual | {"KIND": "backup", "WANTED": "mine"}
    assert (folder, is_in_group_of_keeper) == (str(file.parent), True)


async def test_a_command_starts_with_the_signals_and_files_of_an_ordinary_process(
    serve: Serve, schedules: Schedules, file: Path
) -> None:
    ordinary = {"command": ["/bin/sh", "-c", "grep SigIgn /proc/self/status; ls /proc/self/fd | wc -l; cat; echo end"]}
    schedule_id = await schedules.insert("shell", input_data=asking("ordinary"))
    await serve(**turned_on(file, ordinary=ordinary))
    result = json.loads((await schedules.reaches("SUCCEEDED", schedule_id))["result_data"])
    _, ignored, files, end = result["stdout"].split()
    # Python ignores SIGPIPE and SIGXFSZ for itself; what the tests' own parent ignores is not Rowcall's to undo.
    assert not any(int(ignored, 16) >> (number - 1) & 1 for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT))
    assert (files, end) == ("4", "end")  # three, and the one that ls opens


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            script("import sys; print('working'); sys.exit('no disk')"),
            "ended with exit status 1; the end of its standard error:\nno disk",
        ),
        (
            script("import sys; print('working'); sys.exit(3)"),
            "ended with exit status 3; the end of its standard output:\nworking",
        ),
        (script("raise SystemExit(4)"), "ended with exit status 4, and said nothing"),
        (script("import os; os.kill(os.getpid(), 11)"), "ended with signal 11 (SIGSEGV), and said nothing"),
        (script("import os; os.kill(os.getppid(), 9)"), "ended with signal 9 (SIGKILL), and said nothing"),
    ],
)  # fmt: skip
async def test_a_command_that_fails_says_how_and_is_tried_again(
    serve: Serve, schedules: Schedules, file: Path, command: dict[str, Any], told: str
) -> None:
    schedule_id = await schedules.insert("shell", input_data=asking("bad"), max_retries=1, retry_backoff_seconds=0)
    await serve(**turned_on(file, bad=command))
    row = await schedules.reaches("FAILED", schedule_id)
    assert row["error_message"] == f"bad {told}"
    assert row["attempt"] == 2


async def test_a_program_that_is_gone_by_now_fails_and_is_named(
    serve: Serve, schedules: Schedules, file: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/nowhere/interpreter\n")
    program.chmod(0o755)
    schedule_id = await schedules.insert("shell", input_data=asking("gone"), max_retries=0)
    await serve(**turned_on(file, gone={"command": [str(program)]}))
    row = await schedules.reaches("FAILED", schedule_id)
    assert "gone could not be started: [Errno 2]" in row["error_message"]


async def test_of_much_output_the_end_is_kept_within_the_limits(serve: Serve, schedules: Schedules, file: Path) -> None:
    text = "import sys; [sys.stdout.write(f'{k:07d}\\n\"\\x01') for k in range(300_000)]; print('the end')"
    failing = "import sys; [sys.stderr.write(f'{k:07d}\\n') for k in range(300_000)]; sys.exit('the end')"
    much = await schedules.insert("shell", input_data=asking("much"))
    bad = await schedules.insert("shell", input_data=asking("bad"), max_retries=0)
    await serve(result_max_bytes=2000, error_max_bytes=1000, **turned_on(file, much=script(text), bad=script(failing)))
    kept = (await schedules.reaches("SUCCEEDED", much))["result_data"]
    result = json.loads(kept)
    assert result["stdout"].endswith("the end\n")
    assert result["stdout_bytes"] == 300_000 * 10 + 8
    assert 1000 < len(json.dumps(result, ensure_ascii=False)) <= 2020
    error = (await schedules.reaches("FAILED", bad))["error_message"]
    assert error.endswith("the end")
    assert len(error) <= 1000


@pytest.mark.parametrize("how", ["its own limit", "the schedule's limit", "a request", "a drain"])
async def test_a_command_that_is_to_end_is_ended_with_all_it_started(
    serve: Serve, schedules: Schedules, file: Path, tmp_path: Path, how: str
) -> None:
    told = tmp_path / "group"
    stubborn = script(STUBBORN, str(told)) | ({"timeout_seconds": 1.0} if how == "its own limit" else {})
    limit = 1.0 if how == "the schedule's limit" else 600
    schedule_id = await schedules.insert("shell", input_data=asking("stubborn"), max_retries=0, timeout_seconds=limit)
    served = await serve(drain_timeout_seconds=0.1, **turned_on(file, stubborn=stubborn))
    await until(lambda: told.exists() and told.read_text(), what="the command")
    group = int(told.read_text())
    if how == "a request":
        [row] = await schedules.executions(schedule_id)
        await schedules.cancel(row["execution_id"], notify=True)
    if how == "a drain":
        served.stop()
    status = {"a request": "CANCELLED", "a drain": "QUEUED"}.get(how, "TIMED_OUT")
    await schedules.reaches(status, schedule_id)
    await until(lambda: group_is_gone(group), what="the end of the group")


async def test_a_command_asked_to_end_may_clean_up_first(
    serve: Serve, schedules: Schedules, file: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    careful = {
        "command": ["/bin/sh", "-c", f"trap 'echo cleaned > {told}; exit 0' TERM; echo up > {told}; sleep 600 & wait"]
    }
    schedule_id = await schedules.insert("shell", input_data=asking("careful"))
    await serve(**turned_on(file, careful=careful))
    await until(lambda: told.exists() and told.read_text() == "up\n", what="the command")
    [row] = await schedules.executions(schedule_id)
    await schedules.cancel(row["execution_id"], notify=True)
    row = await schedules.reaches("CANCELLED", schedule_id)
    assert told.read_text() == "cleaned\n"
    assert "the task stopped by itself" in row["error_message"]


async def test_what_a_command_leaves_in_its_group_ends_with_it(
    serve: Serve, schedules: Schedules, file: Path, tmp_path: Path
) -> None:
    told = tmp_path / "group"
    leaving = {
        "command": ["/bin/sh", "-c", f"sleep 600 & ps -o pgid= -p $$ > {told} || echo $PPID > {told}; echo done"]
    }
    schedule_id = await schedules.insert("shell", input_data=asking("leaving"))
    await serve(**turned_on(file, leaving=leaving))
    result = json.loads((await schedules.reaches("SUCCEEDED", schedule_id))["result_data"])
    assert result["stdout"] == "done\n"
    await until(lambda: group_is_gone(int(told.read_text())), what="the end of the group")


async def test_a_command_dies_with_its_worker(
    start_worker: StartWorker, schedules: Schedules, file: Path, tmp_path: Path
) -> None:
    told = tmp_path / "group"
    worker = start_worker(**turned_on(file, stubborn=script(STUBBORN, str(told))))
    await schedules.insert("shell", input_data=asking("stubborn"))
    await until(lambda: told.exists() and told.read_text(), what="the command")
    worker.signal(signal.SIGKILL)
    await worker.ended()
    await until(lambda: group_is_gone(int(told.read_text())), what="the end of the group")


@pytest.mark.parametrize(
    ("input_data", "told"),
    [
        ({"name": "rm -rf /"}, "input_data.name: no command 'rm -rf /' was written down; there are: echo"),
        ({"name": "echo", "command": ["/bin/sh"]}, "input_data.command: is none of name, parameters"),
        (asking("echo", day="x", other=1), "parameters.other: echo has no such parameter; it takes: day, month"),
        (asking("echo", day="x"), "input_data.parameters.month: is missing; echo takes: day, month"),
        (asking("echo", day="--help", month=1), "parameters.day: '--help' begins with a dash"),
        (asking("echo", day=["x"], month=1), "parameters.day: text or a number is expected"),
        (asking("echo", day="x" * 5000, month=1), "parameters.day: at most 4096 characters"),
        (asking("echo", day="x", month="13; rm"), "parameters.month: '13; rm' does not match [0-9-]+"),
    ],
)  # fmt: skip
async def test_input_that_makes_no_sense_fails_at_once_and_starts_nothing(
    serve: Serve, schedules: Schedules, file: Path, tmp_path: Path, input_data: dict[str, Any], told: str
) -> None:
    trace = tmp_path / "trace"
    echo = script("import sys; open(sys.argv[1], 'w')", str(trace), "{day}", "{month}") | {
        "patterns": {"month": "[0-9-]+"}
    }
    schedule_id = await schedules.insert("shell", input_data=input_data, max_retries=3, retry_backoff_seconds=3600)
    await serve(**turned_on(file, echo=echo))
    row = await schedules.reaches("FAILED", schedule_id)
    assert told in row["error_message"]
    assert row["attempt"] == 1
    assert not trace.exists()


async def test_without_a_file_the_task_type_is_not_offered(serve: Serve, schedules: Schedules) -> None:
    await serve()
    [worker] = await until(lambda: schedules.workers("RUNNING"), what="the worker")
    assert worker["routes"] == ["http"]


# ── the file ──


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"command": []}, "at least 1 item"),
        ({"command": "ls -l"}, "valid list"),
        ({"command": ["ls"]}, "'ls' must be the whole path of a program"),
        ({"command": ["/nowhere/ls"]}, "must be the whole path of a program, one that is there"),
        ({"command": ["/tmp"]}, "must be the whole path of a program"),
        ({"command": ["/bin/sh", "--day={day}"]}, "a parameter is an argument of its own"),
        ({"command": ["{program}"]}, "must be the whole path of a program"),
        ({"command": ["/bin/sh", "{run.password}"]}, "'run.password' is none of run.scheduled_for"),
        ({"command": ["/bin/sh"], "patterns": {"day": ".*"}}, "the command has no parameter day"),
        ({"command": ["/bin/sh", "{day}"], "patterns": {"day": "("}}, "no regular expression"),
        ({"command": ["/bin/sh"], "inherit": ["DATABASE_URL"]}, "DATABASE_URL is Rowcall's own"),
        ({"command": ["/bin/sh"], "environment": {"ROWCALL_X": "1"}}, "ROWCALL_X is Rowcall's own"),
        ({"command": ["/bin/sh"], "cwd": "here"}, "the whole path of a folder"),
        ({"command": ["/bin/sh"], "timeout_seconds": 0}, "greater than 0"),
        ({"command": ["/bin/sh"], "shell": True}, "Extra inputs are not permitted"),
    ],
)
def test_a_command_that_could_not_run_is_refused_with_its_name(file: Path, table: dict[str, Any], told: str) -> None:
    write_down(file, "shell", nightly_backup=table)
    with pytest.raises(InvalidInput) as refused:
        named_commands(file)
    assert all("shell.nightly-backup" in fault.field for fault in refused.value.faults)
    assert told in str(refused.value)
