"""From pydantic's findings to faults: every one of them at once, each saying what was sought and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .errors import Fault

M = TypeVar("M", bound=BaseModel)

SHOWN = 60
"""So much of a value is repeated in a message; no answer echoes a body."""

MOST_TOLD = 100
"""So many faults are told. To look for what was meant by each of many thousands took seconds."""


def read_partly(model: type[M], given: Mapping[str, Any]) -> tuple[M | None, list[Fault]]:
    """The model of what was right among what was given, and the faults of the rest.

    So that checks of several fields together can go on, and one answer can tell all that is wrong. None where a field
    that must be given is among the faulty.
    """
    try:
        return model.model_validate(given), []
    except ValidationError as invalid:
        details = invalid.errors(include_url=False)
    faults = [_fault(detail, model) for detail in details[:MOST_TOLD]]
    if len(details) > MOST_TOLD:
        faults.append(Fault("", f"{len(details) - MOST_TOLD} more faults are not told one by one"))
    wrong = {detail["loc"][0] for detail in details if detail["loc"]}
    right = {name: value for name, value in given.items() if name not in wrong}
    try:
        return model.model_validate(right), faults
    except ValidationError:
        return None, faults


def shown(value: object) -> str:
    """A value of JSON for a message: short, on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _cut(format(value, ".15g") if isinstance(value, float) else _digits(value))
        case str():
            return _cut(repr(value))
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
    return f"a {type(value).__name__}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for a near miss, else nothing."""
    candidates = sorted(known)
    near = get_close_matches(name, candidates, n=1, cutoff=0.7)
    near = near or [candidate for candidate in candidates if len(name) > 2 and candidate.startswith(f"{name}_")]
    return f"; did you mean {near[0]!r}?" if near else ""


def _digits(value: int) -> str:
    """A whole number in digits, or its size where it has too many for Python to write."""
    return str(value) if value.bit_length() < 1000 else f"a number of {value.bit_length()} bits"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _fault(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    path = [_cut(str(part)) for part in detail["loc"] if part != "[key]"]
    return Fault(".".join(path), _message(detail, model))


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        return f"there is no such field{did_you_mean(str(detail['loc'][-1]), model.model_fields)}"
    value, found = detail["input"], shown(detail["input"])
    template = TEMPLATES.get(detail["type"])
    if template is None:
        return _of_kind(detail["type"], found) or f"{detail['msg']}; found {found}"
    length = len(value) if isinstance(value, str) else 0
    return template.format(**detail.get("ctx", {}), found=found, length=length)


TEMPLATES = {
    "missing": "is needed",
    "literal_error": "must be {expected}, not {found}",
    "greater_than_equal": "must be at least {ge}, not {found}",
    "greater_than": "must be above {gt}, not {found}",
    "less_than_equal": "must be at most {le}, not {found}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters, not {length}",
    "too_short": "must have at least {min_length}, and has {actual_length}",
    "too_long": "must have at most {max_length} entries, not {actual_length}",
    "value_error": "{error}",
}


def _of_kind(kind: str, found: str) -> str | None:
    """What was sought, for the faults that only concern the type."""
    wanted = {
        "string": "text",
        "int": "a whole number",
        "float": "a number",
        "finite": "a number",
        "bool": "true or false",
        "dict": "an object",
        "model": "an object",
        "list": "a list",
        "datetime": "a date and time, such as 2030-01-31T09:00:00Z,",
    }.get(kind.partition("_")[0])
    return None if wanted is None else f"{wanted} is needed, not {found}"
