"""The file of named statements: what it may say, and that all its faults are told at once, when the worker starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rowcall.domain.errors import InvalidInput
from rowcall.worker.builtin.named import named_statements
from tests.worker.builtin.operator import Operator, write_down
from tests.worker.conftest import Serve, StartWorker
from tests.worker.schedules import Schedules


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "named.toml"


def refusal_of(file: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        named_statements(file)
    return refused.value


def test_a_statement_is_read_with_its_parameters(file: Path) -> None:
    file.write_text(
        "[sql.refresh-sales]\n"
        'statement = """\nSELECT refresh_sales($1)\n"""\n'
        'parameters = ["day", "run.scheduled_for"]\n'
        "timeout_seconds = 60\n\n"
        '[shell.other]\ncommand = "not looked at here"\n'
    )
    [(name, statement)] = named_statements(file).items()
    assert (name, statement.parameters) == ("refresh-sales", ("day", "run.scheduled_for"))
    assert [each.strip() for each in statement.statement] == ["SELECT refresh_sales($1)"]
    assert statement.timeout_seconds == 60


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"statement": ""}, "a statement is expected"),
        ({"statement": "-- nothing\n/* but /* remarks */ */"}, "a statement is expected"),
        ({"statement": []}, "a list of some"),
        ({"statement": 5}, "valid tuple"),
        ({"statement": "COMMIT"}, "COMMIT is Rowcall's own"),
        ({"statement": "/* x /* y */ */ -- z\n rollback and chain"}, "ROLLBACK is Rowcall's own"),
        ({"statement": ["SELECT 1", "begin"]}, "BEGIN is Rowcall's own"),
        ({"statement": "SELECT 1", "parameters": ["a", "a"]}, "a parameter is named twice"),
        ({"statement": "SELECT 1", "parameters": ["a b"]}, "letters, digits and underscores"),
        ({"statement": "SELECT 1", "parameters": ["run.secret"]}, "is none of run.scheduled_for"),
        ({"statement": "SELECT 1", "timeout_seconds": -1}, "greater than 0"),
        ({"statement": "SELECT 1", "dsn": "x"}, "Extra inputs are not permitted"),
        ({}, "Field required"),
    ],
)
def test_a_statement_that_could_not_run_is_refused_with_its_name(file: Path, table: dict[str, Any], told: str) -> None:
    write_down(file, "sql", nightly=table)
    refused = refusal_of(file)
    assert all("sql.nightly" in fault.field for fault in refused.faults)
    assert told in str(refused)


def test_every_fault_of_the_file_is_told_at_once(file: Path) -> None:
    file.write_text('[sql.a]\nstatement = "COMMIT"\n[sql.b]\n[sql."c d"]\nstatement = "SELECT 1"\n[sqll.e]\n')
    assert [fault.field.rpartition(": ")[2].split(".statement")[0] for fault in refusal_of(file).faults] == [
        "sqll", "sql.a", "sql.b", "sql.c d"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "nothing is written down; add [sql.NAME]"), ("[sql", "is no TOML"), ("sql = 5", "nothing is written down")],
)
def test_a_file_without_a_statement_is_refused(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    assert told in str(refusal_of(file))


def test_a_file_that_is_not_there_is_named_with_its_setting(file: Path) -> None:
    told = f"ROWCALL_NAMED_SQL: {file} can't be read: No such file or directory"
    assert str(refusal_of(file)) == told


def test_a_file_that_anybody_can_write_is_not_the_operators_word(file: Path) -> None:
    write_down(file, "sql", day={"statement": "SELECT 1"})
    file.chmod(0o666)
    assert "can be written by anybody: chmod o-w it" in str(refusal_of(file))
    file.chmod(0o664)
    assert list(named_statements(file)) == ["day"]


async def test_a_worker_does_not_start_with_a_file_that_is_wrong_and_says_all_of_both_files(
    start_worker: StartWorker, operator: Operator, tmp_path: Path
) -> None:
    on = operator.writes_down(one="COMMIT", two="BEGIN")
    commands = write_down(tmp_path / "commands.toml", "shell", three={"command": ["ls"]})
    worker = start_worker(named_commands=commands, **on)
    assert await worker.ended() == 2
    assert all(name in worker.log for name in ("sql.one", "sql.two", "shell.three"))


async def test_both_tasks_may_be_written_down_in_one_file(
    serve: Serve, schedules: Schedules, operator: Operator
) -> None:
    on = operator.writes_down(one="SELECT 1 AS one")
    with operator.file.open("a") as file:
        file.write('[shell.two]\ncommand = ["/bin/echo", "two"]\n')
    ids = [await schedules.insert(kind, input_data={"name": name}) for kind, name in (("sql", "one"), ("shell", "two"))]
    await serve(named_commands=operator.file, **on)
    rows = await schedules.ended(*ids)
    assert [row["status"] for row in rows] == ["SUCCEEDED"] * 2
