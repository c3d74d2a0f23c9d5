"""A finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something is. Only FAIL makes the doctor's exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `to_do` is None where nothing needs to be done."""

    check: str
    state: State
    found: str
    to_do: str | None = None

    @classmethod
    def ok(cls, check: str, found: str) -> Finding:
        """As it should be."""
        return cls(check, State.OK, found)

    @classmethod
    def warn(cls, check: str, found: str, to_do: str) -> Finding:
        """Works now, but somebody should know."""
        return cls(check, State.WARN, found, to_do)

    @classmethod
    def fail(cls, check: str, found: str, to_do: str) -> Finding:
        """Does not work, or will be missed."""
        return cls(check, State.FAIL, found, to_do)
