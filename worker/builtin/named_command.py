"""A command that the operator wrote down: a program and its arguments, some of which input_data fills in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .asking import check_parameters

KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
"""What a command gets of the worker's environment without being asked for."""

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_VALUE = 4096


def _variable(name: str) -> str:
    """Refuse what is no name of a variable, and what is Rowcall's own."""
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is no name of an environment variable")
    if name == "DATABASE_URL" or name.startswith("ROWCALL_"):
        raise ValueError(f"{name} is Rowcall's own, and no command gets it")
    return name


def _folder(path: str) -> str:
    if not Path(path).is_absolute() or not Path(path).is_dir():
        raise ValueError("the whole path of a folder is expected, one that is there")
    return path


def _pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as fault:
        raise ValueError(f"no regular expression: {fault}") from fault
    return pattern


class NamedCommand(BaseModel):
    """A table [shell.NAME]."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    command: list[str] = Field(min_length=1)
    patterns: dict[str, Annotated[str, AfterValidator(_pattern)]] = {}
    environment: dict[Annotated[str, AfterValidator(_variable)], str] = {}
    inherit: list[Annotated[str, AfterValidator(_variable)]] = []
    cwd: Annotated[str, AfterValidator(_folder)] = "/"
    timeout_seconds: float | None = Field(default=None, gt=0, le=31_536_000, allow_inf_nan=False, strict=False)
    description: str | None = None

    @model_validator(mode="after")
    def _runs(self) -> Self:
        program = self.command[0]
        if not Path(program).is_absolute() or not os.access(program, os.X_OK) or Path(program).is_dir():
            raise ValueError(f"command: {program[:200]!r} must be the whole path of a program, one that is there")
        for argument in self.command:
            if "\x00" in argument:
                raise ValueError("command: an argument can't hold NUL")
            if _PLACE.search(argument) and not _PLACE.fullmatch(argument):
                raise ValueError(f"command: {argument[:60]!r}: a parameter is an argument of its own, as in '{{day}}'")
        check_parameters(self.parameters)
        strangers = self.patterns.keys() - set(self.parameters)
        if strangers:
            raise ValueError(f"patterns: the command has no parameter {', '.join(sorted(strangers))}")
        return self

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, each once, in the order of the command."""
        return tuple(dict.fromkeys(match[1] for match in map(_PLACE.fullmatch, self.command) if match))

    def arguments(self, values: Mapping[str, object]) -> list[str]:
        """The command with these values filled in. Raises ValueError for one that can't be an argument."""
        filled = {name: self._argument(name, value) for name, value in values.items()}
        places = [(argument, _PLACE.fullmatch(argument)) for argument in self.command]
        return [argument if place is None else filled[place[1]] for argument, place in places]

    def variables(self, ours: Mapping[str, str]) -> dict[str, str]:
        """The environment of the command, given the worker's own."""
        return {name: ours[name] for name in (*KEPT, *self.inherit) if name in ours} | self.environment

    def _argument(self, name: str, value: object) -> str:
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str | int | float):
            text = str(value)
        else:
            raise ValueError(f"parameters.{name}: text or a number is expected")  # noqa: TRY004 - told to the schedule's author
        if "\x00" in text or len(text) > _LONGEST_VALUE:
            raise ValueError(f"parameters.{name}: at most {_LONGEST_VALUE} characters, and no NUL")
        pattern = self.patterns.get(name)
        if pattern is not None and not re.fullmatch(pattern, text):
            raise ValueError(f"parameters.{name}: {text[:80]!r} does not match {pattern}")
        if pattern is None and text.startswith("-"):
            raise ValueError(f"parameters.{name}: {text[:80]!r} begins with a dash, and the program might take it "
                             "for an option; the operator can allow it by a pattern")  # fmt: skip
        return text
