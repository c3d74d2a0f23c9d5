"""Every statement of the store: it fits the schema, says what it is for and what it takes, and is used by some code."""

import ast
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import asyncpg
import pytest

import rowcall
from rowcall.domain.straight import Standing
from rowcall.store.claims import OF_SCHEDULE, Claim
from rowcall.store.sessions import sql
from rowcall.store.starting import STANDING

PACKAGE = Path(rowcall.__file__).parent
CODE = [PACKAGE, PACKAGE.parent / "worker", PACKAGE.parent / "webapi", PACKAGE.parent / "bench"]
PEERS = PACKAGE.parent / "bench" / ".peers"  # other people's code, where bench.peers was run
FILES = sorted((PACKAGE / "store" / "sql").glob("*.sql"))
CALLS = {"fetch", "fetchrow", "fetchval", "stream", "sql"}


def header_and_body(file: Path) -> tuple[str, str]:
    lines = file.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join(lines[:first]), "\n".join(re.sub(r"--.*", "", line) for line in lines[first:])


def parameters(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\$(\d+)", text)}


def names_in_the_code() -> Iterator[tuple[str, Path]]:
    """The statements that code runs by their names: first arguments, also where one of two is chosen."""
    ours = [path for root in CODE for path in sorted(root.rglob("*.py")) if not path.is_relative_to(PEERS)]
    for path in ours:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and called(node.func) in CALLS:
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Constant) and re.fullmatch("[a-z][a-z0-9_]*", str(part.value)):
                        yield str(part.value), path


def called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


async def test_every_statement_fits_the_schema(db: "asyncpg.Connection[asyncpg.Record]") -> None:
    faults = {}
    for file in FILES:
        try:
            prepared = await db.prepare(file.read_text())
        except asyncpg.PostgresError as fault:
            faults[file.name] = str(fault)
            continue
        if len(prepared.get_parameters()) != len(parameters(header_and_body(file)[1])):
            faults[file.name] = "a parameter is left out"

    assert faults == {}


async def test_what_is_read_by_its_place_stands_there(db: "asyncpg.Connection[asyncpg.Record]") -> None:
    of_schedule = [field.name for field in fields(Claim) if field.default is MISSING][OF_SCHEDULE]
    of_schedule[of_schedule.index("schedule_name")] = "name"
    assert of_schedule[0] == "schedule_id"
    for name in ("claim_due", "due_in_full"):
        columns = [column.name for column in (await db.prepare(sql(name))).get_attributes()]
        assert columns[OF_SCHEDULE] == of_schedule, name
        if name == "claim_due":
            assert tuple(columns[STANDING]) == Standing._fields


def test_every_statement_is_used_and_every_name_is_a_statement() -> None:
    used = dict(names_in_the_code())
    there = {file.stem for file in FILES}

    assert there - used.keys() == set(), "no code runs these"
    assert {name: str(path) for name, path in used.items() if name not in there} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_statement_says_what_it_is_for_and_what_it_takes(file: Path) -> None:
    header, body = header_and_body(file)

    assert header.startswith("-- ")
    assert parameters(header) == parameters(body)
    assert body.strip().rstrip(";").count(";") == 0, "one statement a file"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_statement_names_the_columns_it_answers_with_and_the_schema_of_its_tables(file: Path) -> None:
    body = header_and_body(file)[1]

    assert not re.search(r"(SELECT|RETURNING)\s+(\w+\.)?\*", outermost(body)), "name the columns"
    tables = "schedules|schedule_versions|schedule_executions|open_executions|outcomes|workers|tasks|installation"
    assert not re.search(rf"(FROM|JOIN|INTO|UPDATE)\s+({tables})\b", body), "name the schema"


@pytest.mark.parametrize(
    "names",
    [
        ["find_schedules", "find_schedule", "lock_schedule", "insert_schedule", "update_schedule"],
        ["find_executions", "request_execution"],
    ],
    ids=["schedules", "executions"],
)
async def test_what_people_see_of_a_thing_is_the_same_whichever_statement_answers(
    db: "asyncpg.Connection[asyncpg.Record]", names: list[str]
) -> None:
    wanted, *others = [[each.name for each in (await db.prepare(sql(name))).get_attributes()] for name in names]

    for columns in others:
        assert columns[: len(wanted)] == wanted


def outermost(body: str) -> str:
    """What stands in no parentheses."""
    depth, kept = 0, []
    for sign in body:
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            kept.append(sign)
    return "".join(kept)
