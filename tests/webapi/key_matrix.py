"""What every kind of key meets at every operation, as it is meant to be: the table of docs/security.md."""

from __future__ import annotations

from rowcall.domain.access import Scope
from rowcall.webapi.registry import Operation
from rowcall.webapi.resources import OPERATIONS
from tests.webapi.keyring import INVALID, KINDS

YES = "yes"


def expected(operation: Operation, kind: str) -> str:
    """`yes`, or the status of the refusal. The other client's key may write; what is asked for is not its client's."""
    if operation.scope is None:
        return YES
    if kind in INVALID:
        return "401"
    if not (Scope.WRITE if kind == "other" else Scope(kind)).includes(operation.scope):
        return "403"
    return "404" if kind == "other" and "{" in operation.path else YES


def matrix_table() -> str:
    """The table, in Markdown. What is wrong, expired or revoked is refused like no key at all: one column."""
    shown = [kind for kind in KINDS if kind not in INVALID[1:]]
    titles = {"none": "no valid key", "other": "another client's"}
    rows = [
        f"| `{operation.method} {operation.path}` | " + " | ".join(expected(operation, kind) for kind in shown) + " |"
        for operation in OPERATIONS
    ]
    head = "| operation | " + " | ".join(titles.get(kind, f"`{kind}`") for kind in shown) + " |"
    return "\n".join([head, "|---" * (len(shown) + 1) + "|", *rows, ""])
