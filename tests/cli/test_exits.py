"""Exit codes: every error has one, and each keeps its meaning."""

import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from rowcall.cli.exits import EXIT_CODES, MEANINGS, ExitCode, exit_code_of
from rowcall.domain import errors
from rowcall.store.migrations import SchemaMismatch
from tests.cli.support import RowcallCommand


def test_every_error_of_the_domain_has_an_exit_code() -> None:
    assert {error for error in errors.RowcallError.__subclasses__() if error.__module__ == errors.__name__} == set(
        EXIT_CODES
    )


def test_every_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_a_kind_of_an_error_ends_like_the_error() -> None:
    assert exit_code_of(SchemaMismatch("older")) is ExitCode.UNAVAILABLE


def test_the_codes_that_scripts_know_stay_what_they_are() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0, "FAULT": 1, "USAGE": 2, "UNAVAILABLE": 3, "NOT_FOUND": 4, "CONFLICT": 5, "FORBIDDEN": 6,
        "INTERRUPTED": 130,
    }  # fmt: skip


def test_an_unknown_command_is_a_fault_of_usage(command_line: RowcallCommand) -> None:
    assert command_line("shcedules").code == ExitCode.USAGE


def test_a_setting_that_can_not_be_used_names_every_fault(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWCALL_PORT", "eighty")
    monkeypatch.setenv("ROWCALL_CONCURENCY", "7")
    ran = command_line("schedules", "list")
    assert ran.code == ExitCode.USAGE
    assert "ROWCALL_PORT" in ran.err
    assert "did you mean ROWCALL_CONCURRENCY?" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("executions", "list", "--since", "1000000d"),
        ("executions", "list", "--until", "999999999999w"),
        ("audit", "--since", "1000000d"),
        ("audit-log", "--since", "1000000d"),
        ("backfill", "start", "nightly", "--since", "1000000d"),
        ("keys", "create", "--expires", "9999999d"),
        ("keys", "create", "--expires", "999999999999w"),
        ("retention", "--older-than", "999999999999w"),
        ("retention", "--older-than", "9999999d"),
    ],
    ids=" ".join,
)
def test_a_length_of_time_that_leads_out_of_the_calendar_is_told(
    rowcall: RowcallCommand, command: tuple[str, ...]
) -> None:
    rowcall("schedules", "create", "nightly", "--task", "x", "--interval", "1d", "--allow-unknown-task")
    ran = rowcall(*command)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert re.search(r"rowcall: (--)?\w.*: (beyond the years 1 to 9999|36500 days are the most)", ran.err), ran.err


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:1/nothing",
        "postgresql://nobody@/nothing?host=/nowhere",
        "postgresql://nobody@no-such-host.invalid/nothing",
        "postgresql://nobody@no..host/nothing",
        f"postgresql://nobody@{'a' * 64}.example,127.0.0.1:1/nothing",
    ],
)
def test_a_database_that_does_not_answer_is_told_without_a_traceback(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    ran = command_line("schedules", "list")
    assert ran.code == ExitCode.UNAVAILABLE
    assert "Traceback" not in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("password", ["hunter#2", "hunter/2", "hunter?2", "[hunter]", "hunter@2:x"])
def test_a_password_that_is_not_encoded_is_told_of_and_not_told(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    """What stands behind the sign is no password to whoever reads the URL, but maybe a port."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{password}@127.0.0.1:1/nothing")
    for command in (("schedules", "list"), ("doctor",)):
        ran = command_line(*command)
        assert ran.code != ExitCode.OK
        assert "hunter" not in ran.out + ran.err
        assert "Traceback" not in ran.err


def test_a_missing_database_is_told_so(command_line: RowcallCommand, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", urlsplit(dsn)._replace(path="/rowcall_no_such_database").geturl())
    ran = command_line("schedules", "list")
    assert (ran.code, ran.out) == (ExitCode.UNAVAILABLE, "")
    assert 'database "rowcall_no_such_database" does not exist' in ran.err


def test_a_server_that_says_nothing_is_not_waited_for_long(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/x?sslmode=disable")
        for command in (("schedules", "list"), ("migrate",)):
            began = time.monotonic()
            ran = command_line(*command)
            assert (ran.code, "PostgreSQL does not answer" in ran.err) == (ExitCode.UNAVAILABLE, True)
            assert time.monotonic() - began < 15
