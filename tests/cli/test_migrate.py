"""``rowcall migrate``: the way from an empty database to one that works, and whether it was gone."""

from collections.abc import Callable
from typing import Any

import pytest

from rowcall.store.migrations import known_migrations
from tests.cli.support import RowcallCommand

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


def test_a_database_of_a_newer_rowcall_is_left_alone(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    execute("INSERT INTO rowcall.schema_migrations (version, name) VALUES ('9999', 'post_tidy')")
    for arguments in (("migrate",), ("migrate", "--check"), ("schedules", "list")):
        ran = rowcall(*arguments)
        assert (ran.code, "upgrade Rowcall" in ran.err) == (3, True)
