"""``rowcall migrate``: the way from an empty database to one that works, and whether it was gone."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rowcall.store.migrations import known_migrations
from tests.cli.support import RowcallCommand
from tests.databases import Admin

ALL = [migration.version for migration in known_migrations()]


@pytest.fixture
def _empty(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)


@pytest.mark.usefixtures("_empty")
def test_an_empty_database_is_refused_by_all_other_commands_until_it_is_migrated(command_line: RowcallCommand) -> None:
    refused = command_line("schedules", "list")
    assert (refused.code, "run `rowcall migrate`" in refused.err) == (3, True)
    assert command_line("migrate", "--check").code == 1
    assert command_line("migrate", "--check", "--json").json == {"version": None, "applied": [], "pending": ALL}

    assert command_line("migrate", "--json").json == {"version": ALL[-1], "applied": ALL, "pending": []}

    assert command_line("migrate", "--check").code == 0
    assert command_line("migrate").err == f"The schema is at {ALL[-1]}; nothing is missing.\n"
    assert command_line("schedules", "list").code == 0


@pytest.mark.parametrize(
    "command", [("worker",), ("api",), ("serve",), ("tick",), ("schedules", "list"), ("audit",)], ids=lambda c: c[0]
)
def test_an_older_schema_is_refused_by_all_other_commands_and_migrate_is_named(
    command_line: RowcallCommand, empty_dsn: str, monkeypatch: pytest.MonkeyPatch, admin: Admin, command: Sequence[str]
) -> None:
    admin.fill(empty_dsn, known_migrations()[0].script)
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    refused = command_line(*command)
    sentence = f"The database is at schema 0001, this Rowcall needs {ALL[-1]}: run `rowcall migrate`."
    assert (refused.code, sentence in refused.err) == (3, True), refused.err
    assert command_line("migrate", "--check").err == (
        f"Missing: {', '.join(ALL[1:])}; the schema is at 0001. Run `rowcall migrate`.\n"
    )


def test_a_database_of_a_newer_rowcall_is_left_alone(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    execute("INSERT INTO rowcall.schema_migrations (version, name) VALUES ('9999', 'post_tidy')")
    for arguments in (("migrate",), ("migrate", "--check"), ("schedules", "list")):
        ran = rowcall(*arguments)
        assert (ran.code, "upgrade Rowcall" in ran.err) == (3, True)
