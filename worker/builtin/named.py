"""What the operator wrote down: statements and commands, each under a name, in a TOML file.

    [sql.refresh-sales]
    statement = "SELECT refresh_sales($1)"
    parameters = ["day"]

    [shell.backup]
    command = ["/usr/local/bin/backup", "--day", "{day}"]

The file is read when a worker starts, and refused with all its faults at once.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rowcall.domain.errors import Fault, InvalidInput

from .named_command import NamedCommand
from .named_statement import NamedStatement

SECTIONS = ("sql", "shell")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

Named = TypeVar("Named", bound=BaseModel)


def named_statements(path: Path) -> dict[str, NamedStatement]:
    """The statements of the file, by name. Raises InvalidInput with every fault in it."""
    return _read(path, "ROWCALL_NAMED_SQL", "sql", NamedStatement)


def named_commands(path: Path) -> dict[str, NamedCommand]:
    """The commands of the file, by name. Raises InvalidInput with every fault in it."""
    return _read(path, "ROWCALL_NAMED_COMMANDS", "shell", NamedCommand)


def _read(path: Path, setting: str, section: str, kind: type[Named]) -> dict[str, Named]:
    tables = _load(path, setting)
    faults = [
        Fault(f"{path}: {key}", f"is no section; found are {' and '.join(f'[{each}.NAME]' for each in SECTIONS)}")
        for key in tables
        if key not in SECTIONS
    ]
    entries = tables.get(section, {})
    named: dict[str, Named] = {}
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        where = f"{path}: {section}.{name}"
        if not _NAME.fullmatch(name):
            faults.append(Fault(where, "a name is 1 to 100 letters, digits, dots, dashes and underscores"))
            continue
        try:
            named[name] = kind.model_validate(entry)
        except ValidationError as invalid:
            faults += _faults(where, invalid)
    if not (named or faults):
        faults.append(Fault(f"{path}: {section}", f"nothing is written down; add [{section}.NAME], or unset {setting}"))
    if faults:
        raise InvalidInput(faults)
    return named


def _load(path: Path, setting: str) -> Mapping[str, Any]:
    """The file as tables. One that anybody may change is refused: what it says would not be the operator's word."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(path.stat().st_mode) & stat.S_IWOTH:
                raise InvalidInput.of(setting, f"{path} can be written by anybody: chmod o-w it")
            return tomllib.load(file)
    except OSError as fault:
        raise InvalidInput.of(setting, f"{path} can't be read: {fault.strerror}") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise InvalidInput.of(setting, f"{path} is no TOML: {fault}") from fault


def _faults(where: str, invalid: ValidationError) -> list[Fault]:
    return [
        Fault(
            ".".join((where, *(str(part) for part in error["loc"]))),
            error["msg"].removeprefix("Value error, "),
        )
        for error in invalid.errors(include_input=False, include_context=False, include_url=False)
    ]
