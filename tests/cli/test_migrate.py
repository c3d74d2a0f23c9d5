"""``rowcall migrate``: the way from an empty database to one that works, and whether it was gone."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cli.support import RowcallCommand
from tests.databases import Admin


@pytest.fixture
def _empty(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    name = f"rowcall_test_{secrets.token_hex(6)}"
    monkeypatch.setenv("DATABASE_URL", admin.make(name, "template0"))
    yield
    admin.drop(name)


@pytest.mark.usefixtures("_empty")
def test_an_empty_database_is_refused_by_all_other_commands_until_it_is_migrated(command_line: RowcallCommand) -> None:
    refused = command_line("schedules", "list")
    assert (refused.code, "run `rowcall migrate`" in refused.err) == (3, True)
    assert command_line("migrate", "--check").code == 1
    assert command_line("migrate", "--check", "--json").json == {"version": None, "applied": [], "pending": ["0001"]}

    assert command_line("migrate", "--json").json == {"version": "0001", "applied": ["0001"], "pending": []}

    assert command_line("migrate", "--check").code == 0
    assert command_line("migrate").err == "The schema is at 0001; nothing is missing.\n"
    assert command_line("schedules", "list").code == 0


def test_a_database_of_a_newer_rowcall_is_left_alone(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    execute("INSERT INTO rowcall.schema_migrations (version, name) VALUES ('9999', 'post_tidy')")
    for arguments in (("migrate",), ("migrate", "--check"), ("schedules", "list")):
        ran = rowcall(*arguments)
        assert (ran.code, "upgrade Rowcall" in ran.err) == (3, True)
