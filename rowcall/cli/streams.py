"""Standard output and standard error where nobody gets them any more: a full disk, a reader or a terminal that left."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, TextIO


class Heedless:
    """A stream whose loss keeps nobody from their work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> None:
        """Write it, if that can be done."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Send it on its way, if that can be done."""
        with suppress(OSError):
            self._stream.flush()


def nobody_reads() -> None:
    """Nobody gets the output any more: what is written from now on, and what is still on its way, goes nowhere."""
    _let_go_of(sys.stdout)


def end_talk() -> None:
    """Let go of what could not be told: at its end, the interpreter would try again, and make an exit code of it."""
    try:
        sys.stderr.flush()
    except OSError:
        _let_go_of(sys.stderr)


def _let_go_of(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
