"""Options that several commands have in common, and how their values are read."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeAlias

import typer

from rowcall.domain.errors import InvalidInput

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Write JSON, one object a line, for scripts.")]
Apps: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--app", metavar="MODULE:ATTR", help="An app whose tasks to run, as in billing.tasks:app; repeatable."
    ),
]
Client: TypeAlias = Annotated[str, typer.Option("--client", help="Whose schedule a name means.")]
Reference: TypeAlias = Annotated[str, typer.Argument(metavar="SCHEDULE", help="A schedule's name, or its id.")]
Meant: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[SCHEDULE]", help="A schedule's name, or its id; or none, with --label.")
]
Labels: TypeAlias = Annotated[
    list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="All that carry it, at most 500; repeatable.")
]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="With --label: only tell what would be done.")]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]
Statuses: TypeAlias = Annotated[
    list[str] | None, typer.Option("--status", help="Only these; repeatable.", metavar="STATUS")
]
Timezone: TypeAlias = Annotated[str | None, typer.Option("--timezone", "-z", help="An IANA name, Europe/London.")]


def an_object(text: str | None, option: str) -> dict[str, Any] | None:
    """The JSON object that an option holds; None where it was not given. Raises InvalidInput."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as fault:
        raise InvalidInput.of(option, f"is no JSON: {fault}") from fault
    if not isinstance(found, dict):
        raise InvalidInput.of(option, "a JSON object is needed, such as '{\"key\": 1}'")
    return found


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """``key=value`` options as a mapping. Raises InvalidInput."""
    split = [text.partition("=") for text in texts or ()]
    if wrong := [key for key, equals, _ in split if not equals or not key]:
        raise InvalidInput.of(option, f"key=value is needed, not {wrong[0][:60]!r}")
    return {key: value for key, _, value in split}


def known_words(given: list[str] | None, known: type[Any], option: str) -> list[str]:
    """These words in the spelling of an enumeration, whatever their case. Raises InvalidInput."""
    spelled = {str(word).upper(): str(word) for word in known}
    if wrong := [word for word in given or () if word.upper() not in spelled]:
        raise InvalidInput.of(option, f"{wrong[0][:60]!r} is none of {', '.join(spelled.values())}")
    return [spelled[word.upper()] for word in given or ()]
