"""Every error that Rowcall raises on purpose.

    RowcallError
    ├── InvalidInput        what was given can't be used; carries every fault at once
    ├── NotFound            nothing of that name or id
    ├── Conflict            right in itself, but not in the present state
    ├── Forbidden           known, and not allowed
    ├── StoreUnavailable    PostgreSQL can't be reached, or is restarting; try again
    └── LeaseLost           the execution was given to another worker; its result is refused

The embedded server, the schema and outgoing calls have leaves of their own beside these, where they are raised.
How an execution ended is a value, not an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: the field's path (``cron_fields.hour``), and what to do about it."""

    field: str
    message: str


class RowcallError(Exception):
    """The base of all errors of Rowcall."""


class InvalidInput(RowcallError):
    """What was given can't be used. `faults` holds all that is wrong with it, never only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.message}".removeprefix(": ") for fault in self.faults))

    @classmethod
    def of(cls, field: str, message: str) -> Self:
        """An InvalidInput with one fault."""
        return cls([Fault(field, message)])


class NotFound(RowcallError):
    """Nothing of that name or id is there, for this client."""


class Conflict(RowcallError):
    """The request is right in itself, but not in the present state of what it names."""


class Forbidden(RowcallError):
    """What was asked for is known, and not allowed."""


class StoreUnavailable(RowcallError):
    """PostgreSQL can't be reached, is starting, or is going away. Nothing was lost: try again."""


class LeaseLost(RowcallError):
    """The execution was given to another worker in the meantime: this result is refused."""
