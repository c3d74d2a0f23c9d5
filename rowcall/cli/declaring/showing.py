"""A plan, for people and for scripts. What looks like a credential is shown to neither."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from rowcall.cli.output import clean, print_json, print_lines, print_text, say
from rowcall.domain.credentials import hidden
from rowcall.domain.declaring import Action, Change
from rowcall.domain.schedule_files import json_schema
from rowcall.webapi.views import described

from .planning import Plan

MARKS = {
    Action.CREATE: ("+", "green"),
    Action.CHANGE: ("~", "yellow"),
    Action.PRUNE: ("-", "red"),
}
DONE = {Action.CREATE: "created", Action.CHANGE: "changed", Action.PRUNE: "pruned", Action.UNCHANGED: "unchanged"}
LONGEST_VALUE = 200


def show_plan(plan: Plan) -> None:
    """What is to be done, a schedule a line, its differences below; and what is worth knowing besides."""
    for warning in plan.warnings:
        say(f"Warning: {clean(warning)}")
    print_lines(line for change in plan.changes for line in _lines(change))
    if plan.left_over:
        named = ", ".join(plan.left_over[:5]) + (", …" if len(plan.left_over) > 5 else "")
        say(f"In no file, and left as they are: {clean(named)} ({len(plan.left_over)}). --prune deletes them.")
    say(f"Plan: {_counted(plan, 'to create', 'to change', 'to delete')}.")


def say_applied(plan: Plan) -> None:
    """What was done."""
    say(f"Applied: {_counted(plan, 'created', 'changed', 'deleted')}.")


def print_plan(plan: Plan, *, applied: bool) -> None:
    """All of it as one JSON object."""
    print_json(
        {
            "applied": applied,
            **{word: len(plan.of(action)) for action, word in DONE.items()},
            "left_over": list(plan.left_over),
            "warnings": list(plan.warnings),
            "schedules": [_facts(change) for change in plan.changes],
        }
    )


def print_schema() -> None:
    """The JSON Schema of files of schedules."""
    print_text(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _counted(plan: Plan, create: str, change: str, prune: str) -> str:
    words = {Action.CREATE: create, Action.CHANGE: change, Action.PRUNE: prune, Action.UNCHANGED: "unchanged"}
    counts = {action: len(plan.of(action)) for action in words}
    told = [f"{counts[action]} {word}" for action, word in words.items() if counts[action]]
    return ", ".join(told) or "nothing is declared"


def _lines(change: Change) -> Iterator[Text]:
    if change.action is Action.UNCHANGED:
        return
    mark, style = MARKS[change.action]
    name = change.name if change.client_id == "default" else f"{change.client_id}/{change.name}"
    yield Text(f"{mark} {clean(name)}{_summary(change)}", style=style)
    for path, (before, after) in hidden(change.differences).items():
        yield Text(f"    {clean(path)}: {_value(before)} → {_value(after)}")


def _summary(change: Change) -> str:
    if change.action is not Action.CREATE or change.definition is None:
        return ""
    return f"  {clean(change.definition.task_type)}: {described(change.definition.columns())}"


def _value(value: Any) -> str:
    if value is None:
        return "–"
    text = clean(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _facts(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "client_id": change.client_id,
        "name": change.name,
        "source": change.source,
        "differences": {
            path: {"before": before, "after": after} for path, (before, after) in hidden(change.differences).items()
        },
    }
