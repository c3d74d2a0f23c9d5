"""A statement that the operator wrote down, with the names of its parameters in the order of $1, $2 and so on."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from .asking import check_parameters

_COMMENT = re.compile(r"--[^\n]*|/\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/")  # the innermost, so that nested ones go in turn
_WORD = re.compile(r"\s*([A-Za-z]+)")
_RESERVED = frozenset(
    {"ABORT", "BEGIN", "COMMIT", "END", "PREPARE", "RELEASE", "ROLLBACK", "SAVEPOINT", "START"},
)


def _texts(given: object) -> object:
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


def _some_statements(given: object) -> object:
    if given == []:
        raise ValueError("a statement is expected, or a list of some")
    return _texts(given)


def _leave_the_transaction(statement: str) -> str:
    """Refuse what would begin or end a transaction; found out again when it runs, whatever it looks like here."""
    text, changed = statement, 1
    while changed:
        text, changed = _COMMENT.subn(" ", text)
    word = _WORD.match(text)
    if word is None:
        raise ValueError("a statement is expected")
    if word[1].upper() in _RESERVED:
        raise ValueError(f"{word[1].upper()} is Rowcall's own: the statement runs in a transaction that it makes")
    return statement


Statement = Annotated[str, AfterValidator(_leave_the_transaction)]


class NamedStatement(BaseModel):
    """A table [sql.NAME]."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    statement: Annotated[tuple[Statement, ...], BeforeValidator(_some_statements)]
    parameters: Annotated[tuple[str, ...], BeforeValidator(_texts), AfterValidator(check_parameters)] = ()
    timeout_seconds: float | None = Field(default=None, gt=0, le=31_536_000, allow_inf_nan=False, strict=False)
    description: str | None = None
