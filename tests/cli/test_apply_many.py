"""``rowcall apply``: a thousand schedules, several at once, and what may be pruned."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import RowcallCommand

SECONDS = 30
"""Far more than a thousand schedules take, on a machine with much else to do."""


def a_file(path: Path, count: int, source: str = "billing", cron: str = "0 2 * * *") -> Path:
    entries = "".join(
        f"  - {{name: job-{number}, task_type: report, cron_expression: '{cron}'}}\n" for number in range(count)
    )
    path.write_text(
        f"source: {source}\ndefaults: {{allow_unknown_task: true}}\nschedules:{' []' if not count else ''}\n{entries}"
    )
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "schedules.yaml"


@pytest.fixture
def applied(rowcall: RowcallCommand, file: Path) -> Callable[..., Any]:
    """Applies a file of so many schedules: exit code, and the last line that was said."""

    def apply(count: int, *options: str) -> tuple[int, str]:
        ran = rowcall("apply", "-f", str(a_file(file, count)), "--yes", *options)
        return ran.code, ran.err.splitlines()[-1]

    return apply


def test_a_thousand_schedules_are_applied_within_seconds_and_then_unchanged(
    rowcall: RowcallCommand, file: Path, execute: Callable[..., Any]
) -> None:
    a_file(file, 1000)
    began = time.monotonic()
    ran = rowcall("apply", "-f", str(file), "--yes")
    print(f"1000 created in {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < SECONDS
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 1000
    assert ran.err.splitlines() == [
        "Plan: 1000 to create.",
        *(f"  {done} of 1000 written" for done in (250, 500, 750, 1000)),
        "Applied: 1000 created.",
    ]
    count = "SELECT count(*) FROM rowcall.schedules WHERE next_run_at IS NOT NULL AND version = 1"
    transactions = "SELECT count(DISTINCT created_at) FROM rowcall.schedules"
    assert (execute(count), execute(transactions)) == (1000, 1)
    ran = rowcall("apply", "-f", str(file), "--yes")
    assert (ran.out, ran.err) == ("", "Plan: 1000 unchanged.\n")
    assert execute(count) == 1000


def test_one_that_fails_leaves_nothing_of_the_others(applied: Callable[..., Any], execute: Callable[..., Any]) -> None:
    execute("ALTER TABLE rowcall.schedules ADD CONSTRAINT schedules_refused CHECK (name <> 'job-7')")
    code, told = applied(10)
    assert (code, told) == (2, "rowcall: schedule: refused by the database: refused")
    assert execute("SELECT count(*) FROM rowcall.schedules") == 0


def test_applies_of_one_source_wait_for_each_other(
    dsn: str, file: Path, execute: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    command = [sys.executable, "-m", "rowcall", "apply", "-f", str(a_file(file, 300)), "--yes"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    assert sorted(text.splitlines()[-1] for text in told) == [
        "Applied: 300 created.", "Plan: 300 unchanged.", "Plan: 300 unchanged."
    ]  # fmt: skip
    assert execute("SELECT count(*) FROM rowcall.schedules") == 300


def test_without_prune_what_is_in_no_file_stays_and_is_told_of(
    applied: Callable[..., Any], rowcall: RowcallCommand, file: Path
) -> None:
    applied(3)
    ran = rowcall("apply", "-f", str(a_file(file, 2)), "--yes")
    assert "In no file, and left as they are: job-2 (1). --prune deletes them." in ran.err
    assert len(rowcall("schedules", "list", "--json").lines) == 3


def test_prune_deletes_only_what_has_the_same_source(
    applied: Callable[..., Any], rowcall: RowcallCommand, tmp_path: Path
) -> None:
    other = a_file(tmp_path / "other.yaml", 1, source="other")
    other.write_text(other.read_text().replace("job-0", "theirs"))
    rowcall("apply", "-f", str(other), "--yes")
    rowcall("schedules", "create", "by-hand", "--task", "t", "--interval", "1h", "--allow-unknown-task")
    applied(3)
    assert applied(2, "--prune") == (0, "Applied: 1 deleted, 2 unchanged.")
    assert {row["name"] for row in rowcall("schedules", "list", "--json").lines} == {
        "job-0", "job-1", "theirs", "by-hand"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("there", "left", "options", "code"),
    [
        (10, 4, [], 5),
        (10, 5, [], 0),
        (100, 79, [], 5),
        (100, 80, [], 0),
        (10, 4, ["--prune-limit", "6"], 0),
        (10, 4, ["--prune-limit", "5"], 5),
        (10, 9, ["--prune-limit", "0"], 5),
        (10, 0, [], 5),
        (10, 0, ["--force"], 0),
    ],
)
def test_a_slip_of_the_hand_prunes_nothing(
    applied: Callable[..., Any], rowcall: RowcallCommand, there: int, left: int, options: list[str], code: int
) -> None:
    applied(there)
    found, told = applied(left, "--prune", *options)
    assert found == code, told
    assert len(rowcall("schedules", "list", "--json", "--limit", "1000").lines) == (there if code else left)
    if code:
        assert f"{there - left} of the {there} schedules of file:billing would be deleted" in told
        assert f"--prune-limit {there - left}, or --force" in told


def test_a_file_that_says_nothing_of_schedules_prunes_none(
    applied: Callable[..., Any], rowcall: RowcallCommand, file: Path
) -> None:
    applied(2)
    file.write_text("source: billing\ndefaults: {priority: 3}\n")
    ran = rowcall("apply", "-f", str(file), "--yes", "--prune", "--force")
    assert (ran.code, ran.err) == (0, "Plan: nothing is declared.\n")
    assert len(rowcall("schedules", "list", "--json").lines) == 2


def test_what_changed_while_somebody_was_asked_is_not_overwritten(
    applied: Callable[..., Any],
    rowcall: RowcallCommand,
    file: Path,
    execute: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    applied(2)
    a_file(file, 2, cron="0 3 * * *")

    class Hesitant:
        """Somebody at a terminal, who says yes when another has changed a schedule meanwhile."""

        def isatty(self) -> bool:
            return True

        def readline(self, *_: int) -> str:
            subprocess.run(
                [sys.executable, "-m", "rowcall", "schedules", "delete", "job-1"], check=True, capture_output=True
            )
            return "y\n"

    monkeypatch.setattr(sys, "stdin", Hesitant())
    ran = rowcall("apply", "-f", str(file))
    assert ran.code == 5
    assert "the schedules changed since the plan was shown; nothing was written" in ran.err
    assert execute("SELECT count(*) FROM rowcall.schedules WHERE cron_expression = '0 3 * * *'") == 0
