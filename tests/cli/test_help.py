"""``rowcall --help``: complete, and quick."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

from rowcall.cli.application import app
from rowcall.cli.exits import MEANINGS
from tests.cli.support import RowcallCommand

COMMANDS = {
    "serve", "worker", "api", "tick", "migrate", "preview", "audit", "audit-log", "retention", "doctor", "psql",
    "apply", "diff", "export", "import crontab",
    "schedules list", "schedules show", "schedules create", "schedules pause", "schedules resume", "schedules delete",
    "schedules execute", "schedules explain", "executions list", "executions show", "executions cancel",
    "backfill start", "backfill list", "backfill show", "backfill cancel", "keys create", "keys list", "keys revoke",
    "webhooks list", "webhooks redeliver", "secrets create", "secrets grant",
    "secrets list", "secrets rotate", "secrets retire", "secrets remove",
}  # fmt: skip
WITHOUT_JSON = {"api", "psql"}
HEAVY = ("asyncpg", "uvicorn", "starlette", "pydantic", "structlog", "httpx2", "croniter", "asyncio")


def leaves(command: object, *path: str) -> Iterator[tuple[str, object]]:
    """Every command that does something, with the words that call it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path), command
        return
    for name, found in below.items():
        yield from leaves(found, *path, name)


FOUND = dict(leaves(get_command(app)))


def test_the_commands_are_those_that_are_documented() -> None:
    assert set(FOUND) == COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself_and_all_it_takes(command_line: RowcallCommand, name: str) -> None:
    ran = command_line(*name.split(), "--help")
    assert ran.code == 0
    assert getattr(FOUND[name], "help", "")
    for parameter in getattr(FOUND[name], "params", []):
        assert getattr(parameter, "help", None), f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", sorted(COMMANDS - WITHOUT_JSON))
def test_every_command_with_data_has_json_for_scripts(name: str) -> None:
    options = [option for parameter in getattr(FOUND[name], "params", []) for option in parameter.opts]
    assert "--json" in options


def test_exit_codes_are_documented_where_people_look(command_line: RowcallCommand) -> None:
    told = " ".join(command_line("--help").out.split())
    assert all(f"{code.value} {meaning}" in told for code, meaning in MEANINGS.items())


def test_help_imports_nothing_that_it_does_not_need() -> None:
    code = "import sys, rowcall.cli.application; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(HEAVY) & set(done.stdout.split()) == set()


def test_typer_is_what_the_version_speaks_through(command_line: RowcallCommand) -> None:
    assert isinstance(app, typer.Typer)
    assert command_line("--version").out.strip()
