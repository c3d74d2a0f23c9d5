"""From what files declare and what is there to a plan: what is created, changed, left, and pruned. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .definitions import Definition
from .documents import as_kept
from .errors import Conflict

MOST_PRUNED = 20
LARGEST_SHARE = 0.5


class Action(StrEnum):
    """What becomes of one schedule."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Change:
    """One schedule of a plan. `version` is what it was planned for; None: there is none yet.

    `differences` are by path: ``input_data.url``, each as (before, after).
    """

    action: Action
    client_id: str
    name: str
    source: str
    schedule_id: int | None = None
    version: int | None = None
    definition: Definition | None = None
    differences: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def takes_over(self) -> bool:
        """Whether the schedule has belonged to another source so far."""
        return "source" in self.differences


@dataclass(frozen=True, slots=True)
class PruneLimit:
    """How many schedules of one source may be pruned: `most` where that is given, any number with `force`."""

    most: int | None = None
    force: bool = False


def differences_of(before: Definition, after: Definition) -> dict[str, tuple[Any, Any]]:
    """Where two definitions differ, by path."""
    old, new = as_kept(before.columns()), as_kept(after.columns())
    return {
        path: values
        for column in new
        if old[column] != new[column]
        for path, values in _differences(column, old[column], new[column])
    }


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        if before != after:
            yield path, (before, after)
        return
    for name in {**before, **after}:
        yield from _differences(f"{path}.{name}", before.get(name), after.get(name))


def check_prune(source: str, pruned: Sequence[str], owned: int, limit: PruneLimit) -> None:
    """Raise Conflict where more would go than a slip of the hand may take; `owned` is what the source has now."""
    count = len(pruned)
    if limit.force or (limit.most is not None and count <= limit.most) or not count:
        return
    if limit.most is not None:
        why = f"more than the {limit.most} that --prune-limit allows"
    elif count > MOST_PRUNED:
        why = f"more than {MOST_PRUNED}"
    elif count > owned * LARGEST_SHARE:
        why = "more than half"
    else:
        return
    named = ", ".join(pruned[:5]) + (", …" if count > 5 else "")
    raise Conflict(
        f"{count} of the {owned} schedules of {source} would be deleted ({named}), {why}: nothing was changed. "
        f"If that is meant: --prune-limit {count}, or --force"
    )
