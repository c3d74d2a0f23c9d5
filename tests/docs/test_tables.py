"""What the documentation lists is all there is: settings, fields, operations, commands, exit codes."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, TypeAlias

import asyncpg
import pytest
import typer

from rowcall.cli.application import app
from rowcall.cli.exits import MEANINGS
from rowcall.domain.definitions import Defaults
from rowcall.egress.request import HttpRequest
from rowcall.webapi.openapi import describe
from rowcall.webapi.problems import SLUGS
from rowcall.webapi.resources import OPERATIONS
from rowcall.wire.schedules import ScheduleView
from tests.docs.pages import ROOT
from tests.docs.tables import SECURITY, SETTINGS, with_key_matrix, with_settings_table

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SCHEDULES = (ROOT / "docs" / "schedules.md").read_text()


def rows_of(page: str, columns: int) -> dict[str, list[str]]:
    """The rows of all tables with so many columns, by the code in their first."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in page.splitlines() if line[:3] == "| `"]
    return {row[0].strip(" |`"): [cell.strip(" |") for cell in row[1:]] for row in cells if len(row) == columns}


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return describe(OPERATIONS)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    page = SETTINGS.read_text()
    assert page == with_settings_table(page), "write it anew: python -m tests.docs.tables"


def test_the_table_of_keys_and_operations_is_that_of_the_registry() -> None:
    page = SECURITY.read_text()
    assert page == with_key_matrix(page), "write it anew: python -m tests.docs.tables"


def test_every_field_that_defines_a_schedule_has_type_default_meaning_and_example(
    openapi: dict[str, Any],
) -> None:
    described = openapi["components"]["schemas"]["ScheduleCreation"]["properties"]
    assert set(rows_of(SCHEDULES, columns=5)) == set(described)


async def test_every_column_of_schedules_and_every_field_that_is_shown_is_explained(db: Connection) -> None:
    columns = await db.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'rowcall' AND table_name = 'schedules'"
    )
    explained = set(rows_of(SCHEDULES, columns=5)) | set(rows_of(SCHEDULES, columns=3))
    there = {row["column_name"] for row in columns} | set(ScheduleView.model_fields)
    assert there <= explained
    assert explained - there <= {"weeks", "days", "hours", "minutes", "seconds", "allow_unknown_task"}


async def test_every_table_is_explained(db: Connection) -> None:
    tables = await db.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'rowcall'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )
    page = (ROOT / "docs" / "concepts.md").read_text()
    explained = set(re.findall(r"`(\w+)`", page[page.index("## Where things are") :]))
    assert {row["relname"] for row in tables} - explained == set()


def test_the_defaults_of_a_schedule_are_those_of_the_code() -> None:
    documented = {name: row[1].strip("`") for name, row in rows_of(SCHEDULES, columns=5).items()}
    for field in fields(Defaults):
        if field.name in documented:
            told = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
            assert documented[field.name] == told, field.name


def test_every_operation_has_a_heading_of_its_own(openapi: dict[str, Any]) -> None:
    there = [f"{method.upper()} {path}" for path, methods in openapi["paths"].items() for method in methods]
    assert sorted(headings("api.md")) == sorted(there)


def test_every_kind_of_problem_is_explained() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    told = {(int(status), kind) for status, kind in re.findall(r"^\| (\d{3}) \| `([a-z-]+)`", page, re.MULTILINE)}
    assert told == set(SLUGS.items())


def test_every_command_has_a_heading_of_its_own() -> None:
    there = commands_of(typer.main.get_command(app), "rowcall")
    assert sorted(headings("cli.md")) == sorted(there)


def test_every_exit_code_is_explained() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    told = {int(code): meaning for code, meaning in re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)}
    assert told == {code.value: meaning for code, meaning in MEANINGS.items()}


def test_every_field_of_an_http_task_is_explained() -> None:
    page = (ROOT / "docs" / "tasks.md").read_text()
    there = {field.alias or name for name, field in HttpRequest.model_fields.items()}
    assert set(rows_of(page[page.index("## The task type `http`") :], columns=4)) == there


def headings(page: str) -> list[str]:
    return re.findall(r"^### `(.*)`$", (ROOT / "docs" / page).read_text(), re.MULTILINE)


def commands_of(command: Any, path: str) -> list[str]:
    """The command itself, or all that are below it."""
    below = getattr(command, "commands", {})
    return [each for name, one in below.items() for each in commands_of(one, f"{path} {name}")] or [path]
