"""What the exit code of a command says, for scripts. ``rowcall --help`` tells; a code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from rowcall.domain.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LeaseLost,
    NotFound,
    RowcallError,
    StoreUnavailable,
)


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAULT = 1
    USAGE = 2
    UNAVAILABLE = 3
    NOT_FOUND = 4
    CONFLICT = 5
    FORBIDDEN = 6
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAULT: "a fault was found, or something failed",
    ExitCode.USAGE: "the command, its input or a setting can't be used",
    ExitCode.UNAVAILABLE: "the database or the server can't be used: not reachable, or its schema is another",
    ExitCode.NOT_FOUND: "nothing of that name or id",
    ExitCode.CONFLICT: "right in itself, but not in the present state",
    ExitCode.FORBIDDEN: "known, and not allowed",
    ExitCode.INTERRUPTED: "stopped at once, by Ctrl-C or a second signal",
}

EXIT_CODES: Mapping[type[RowcallError], ExitCode] = {
    InvalidInput: ExitCode.USAGE,
    StoreUnavailable: ExitCode.UNAVAILABLE,
    NotFound: ExitCode.NOT_FOUND,
    Conflict: ExitCode.CONFLICT,
    Forbidden: ExitCode.FORBIDDEN,
    LeaseLost: ExitCode.FAULT,
}


def exit_code_of(fault: RowcallError) -> ExitCode:
    """The exit code of an error, or of the nearest class it is one of."""
    known = (EXIT_CODES[base] for base in type(fault).__mro__ if base in EXIT_CODES)
    return next(known, ExitCode.FAULT)
