"""`--server`: the same commands, words and exit codes over an API as over a database."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from rowcall.domain.access import Scope
from tests.cli.support import Ran, RowcallCommand
from tests.cli.test_help import COMMANDS
from tests.client.support import ONCE_A_DAY, SERVE, a_server, make_key
from tests.databases import Admin
from tests.programs import url_of

ON_EITHER = tuple(
    name
    for name in sorted(COMMANDS)
    if name.split()[0] in {"schedules", "executions", "backfill", "webhooks", "preview", "audit-log"}
)
EVERY_DAY = ("--task", "quick", "--cron", ONCE_A_DAY, "--set", "starts_at=2026-03-01T00:00:00Z")
STORY = (
    ("schedules", "create", "nightly", *EVERY_DAY, "--input", '{"a": 1}', "--label", "team=a"),
    ("schedules", "create", "a/b", "--task", "no such", "--set", "priority=99"),
    ("schedules", "create", "nightly", *EVERY_DAY),
    ("schedules", "list"),
    ("schedules", "list", "--label", "team=b"),
    ("schedules", "list", "--status", "paused", "--json"),
    ("schedules", "show", "nightly"),
    ("schedules", "show", "nowhere"),
    ("schedules", "pause", "nightly", "--reason", "a holiday"),
    ("schedules", "pause", "nightly"),
    ("schedules", "explain", "nightly"),
    ("schedules", "explain", "nightly", "--at", "soon"),
    ("schedules", "resume", "nightly"),
    ("schedules", "resume", "nightly", "--json"),
    ("schedules", "execute", "nightly", "--wait", "--json", "--input", '{"a": 2}'),
    ("executions", "list", "--schedule", "nightly", "--status", "succeeded"),
    ("executions", "list", "--schedule", "nowhere"),
    ("executions", "list", "--since", "1h", "--limit", "1", "--json"),
    ("executions", "show", "999999"),
    ("executions", "cancel", "999999"),
    ("backfill", "start", "nightly", "--since", "2026-03-02", "--until", "2026-03-03", "--dry-run"),
    ("backfill", "start", "nightly", "--since", "2026-03-02", "--until", "2026-03-01"),
    ("backfill", "list"),
    ("backfill", "show", "999999"),
    ("webhooks", "list"),
    ("webhooks", "redeliver", "999999"),
    ("preview", "0 9 * * *", "--after", "2030-01-01"),
    ("preview", "61 * * * *"),
    ("preview", "H H * * *", "--name", "backup", "--after", "2030-01-01"),
    ("audit-log", "--schedule", "nightly", "--action", "schedule.paused"),
    ("schedules", "create", "hourly", *EVERY_DAY, "--label", "team=b"),
    ("schedules", "pause", "--label", "team=b", "--reason", "a holiday", "--dry-run"),
    ("schedules", "pause", "--label", "team=b", "--reason", "a holiday"),
    ("schedules", "show", "hourly"),
    ("schedules", "resume", "--label", "team=b", "--json"),
    ("schedules", "execute", "--label", "team=b", "--dry-run", "--json"),
    ("schedules", "execute", "--label", "team=b"),
    ("schedules", "delete", "--label", "team=b"),
    ("schedules", "delete", "--label", "team=c"),
    ("schedules", "delete", "--label", "team"),
    ("schedules", "delete", "nightly"),
    ("schedules", "delete", "nightly", "--json"),
)
NEEDED = {
    "schedules create": ("n", *EVERY_DAY),
    "backfill start": ("n", "--since", "2026-03-02"),
    "preview": ("0 9 * * *",),
    **dict.fromkeys(("backfill list", "webhooks list", "executions list", "schedules list", "audit-log"), ()),
    **dict.fromkeys(
        (f"schedules {verb}" for verb in ("show", "explain", "pause", "resume", "delete", "execute")), ("n",)
    ),
}
"""What a command must be told; of all others, an id."""
BULK = tuple(f"schedules {verb}" for verb in ("pause", "resume", "delete", "execute"))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if re.match("DATABASE_URL|ROWCALL_(?!TEST_)", name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROWCALL_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def served(admin: Admin, template_database: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server, and its database."""
    name = f"rowcall_test_{secrets.token_hex(4)}"
    dsn = admin.make(name, template_database)
    with a_server(SERVE, tmp_path / "output", dsn) as program:
        yield url_of(program), dsn
    admin.drop(name)


def told(ran: Ran) -> tuple[int, str, str]:
    """What a command did, without what differs between any two times."""
    return ran.code, _alike(ran.out), _alike(ran.err)


def _alike(text: str) -> str:
    for pattern, word in (
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "<moment>"),
        (r"\w+ on the command line|the API", "<who>"),
        (r'"(api|cli)"|\b(api|cli)\b', "<source>"),
        (r"\d+(\.\d+)? (ms|s)\b|\d+ d \d+ h", "<span>"),
        (r'((_id|duration_seconds|version)"?:? +)[\d.]+', r"\1<n>"),
        (r"\b([Ee]xecution|schedule) \d+", r"\1 <n>"),
        (r"[ –]{2,}", " "),
        (r"^\d+", "<n>"),
    ):
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def test_every_command_does_says_and_ends_the_same(
    command_line: RowcallCommand, served: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, dsn = served
    far = [told(command_line(*command, "--server", server)) for command in STORY]
    monkeypatch.setenv("DATABASE_URL", dsn)
    near = [told(command_line(*command)) for command in STORY]
    for command, there, here in zip(STORY, far, near, strict=True):
        assert there == here, command
    assert {code for code, _, _ in far} >= {0, 2, 4, 5}


def test_the_server_can_stand_in_the_environment(
    command_line: RowcallCommand, served: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWCALL_SERVER", served[0])
    assert command_line("schedules", "list").err == "No schedules.\n"


def test_a_key_says_what_a_command_may(command_line: RowcallCommand, served: tuple[str, str]) -> None:
    server, dsn = served
    mine, reading = make_key(dsn, Scope.WRITE, "acme"), make_key(dsn, Scope.READ, "acme")
    made = command_line("schedules", "create", "n", *EVERY_DAY, "--json", "--server", server, "--key", mine)
    assert made.json["client_id"] == "acme"
    assert command_line("schedules", "show", "n", "--json", "--server", server, "--key", reading).code == 0
    ran = command_line("schedules", "pause", "n", "--server", server, "--key", reading)
    assert (ran.code, "needs the scope run" in ran.err) == (6, True)
    ran = command_line("schedules", "list", "--server", server, "--key", f"rowcall_abcd1234_{'x' * 43}")
    assert (ran.code, "Traceback" in ran.err) == (6, False)


@pytest.mark.parametrize("name", ON_EITHER)
def test_these_commands_take_a_server(command_line: RowcallCommand, name: str) -> None:
    assert "--server" in command_line(*name.split(), "--help").out


@pytest.mark.parametrize("name", sorted(COMMANDS - set(ON_EITHER)))
def test_all_others_say_that_they_take_none(command_line: RowcallCommand, name: str) -> None:
    named = name.startswith("secrets ") or name in {"keys revoke", "import crontab"}
    given = ["-f", "x"] if name in {"apply", "diff"} else ["x"] if named and name != "secrets list" else []
    given += ["--client", "x"] if name == "secrets grant" else []
    ran = command_line(*name.split(), *given, "--server", "http://127.0.0.1:1")
    assert (ran.code, "--server: this command works on the database itself" in ran.err) == (2, True)


@pytest.mark.parametrize("command", ["audit", "doctor", "psql", "migrate"])
@pytest.mark.parametrize("folder_is_there", [False, True])
def test_a_server_in_the_environment_is_no_database(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, folder_is_there: bool
) -> None:
    monkeypatch.setenv("ROWCALL_SERVER", "http://127.0.0.1:1")
    if folder_is_there:
        (tmp_path / "data").mkdir(mode=0o700)
    ran = command_line(command)
    assert (ran.code, ran.out) == (2, "")
    assert "ROWCALL_SERVER: this command works on the database itself: set DATABASE_URL" in ran.err


@pytest.mark.parametrize("command", [("schedules", "list"), ("doctor",), ("migrate",), ("worker",), ("api",)])
def test_the_way_past_a_pooler_is_no_database_either(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ROWCALL_DIRECT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("ROWCALL_PORT", "0")
    ran = command_line(*command)
    assert (ran.code, ran.out) == (2, "")
    assert "ROWCALL_DIRECT_DATABASE_URL: goes with DATABASE_URL" in ran.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--server", "nowhere"), 2, "server: must be the address of a Rowcall"),
        (("--server", "http://127.0.0.1:1", "--key", "hunter2"), 2, "rowcall_<id>_<secret>"),
        (("--key", f"rowcall_abcd1234_{'x' * 43}"), 2, "--key: needs a --server"),
    ],
)
def test_what_can_not_be_used_is_told(
    command_line: RowcallCommand, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ran = command_line("schedules", "list", *arguments)
    assert (ran.code, says in ran.err, "hunter2" in ran.err) == (code, True, False)


@pytest.mark.parametrize(
    "command",
    [(*name.split(), *NEEDED.get(name, ("1",))) for name in ON_EITHER]
    + [(*name.split(), "--label", "team=a") for name in BULK],
    ids=" ".join,
)
@pytest.mark.parametrize("named", ["by an option", "in the environment"])
def test_a_command_that_takes_a_server_asks_that_one_and_no_database(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    monkeypatch.setattr("rowcall.client.calls.FIRST_PAUSE_SECONDS", 0.001)
    nowhere = "http://127.0.0.1:1"
    if named == "by an option":
        command = (*command, "--server", nowhere)
    else:
        monkeypatch.setenv("ROWCALL_SERVER", nowhere)
    ran = command_line(*command)
    assert (ran.code, "no answer to" in ran.err) == (3, True), ran
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "command", [("schedules", "list"), ("schedules", "delete", "--label", "team=a"), ("preview", "@daily")]
)
def test_a_server_that_is_named_by_nothing_is_refused(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], tmp_path: Path
) -> None:
    """A script whose variable is not set means a server, and never the database that happens to be here."""
    ran = command_line(*command, "--server", "")
    assert (ran.code, "--server: is empty" in ran.err) == (2, True), ran
    ran = command_line(*command, "--server", "http://127.0.0.1:1", "--key", " ")
    assert (ran.code, "--key: is empty" in ran.err) == (2, True), ran
    monkeypatch.setenv("ROWCALL_SERVER", " ")
    ran = command_line(*command)
    assert (ran.code, "ROWCALL_SERVER: is empty" in ran.err) == (2, True), ran
    assert not (tmp_path / "data").exists()


def test_a_server_that_is_not_there_is_told(command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowcall.client.calls.FIRST_PAUSE_SECONDS", 0.001)
    ran = command_line("schedules", "list", "--server", "http://127.0.0.1:1")
    assert (ran.code, "no answer to GET /v1/schedules" in ran.err) == (3, True)
