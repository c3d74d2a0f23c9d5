"""What the programs share: their command line, and the notes of starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.harness.samples import FILE_VARIABLE, Samples

DSN_VARIABLE = "BENCH_DSN"


def dsn() -> str:
    """The database to use."""
    return os.environ[DSN_VARIABLE]


def samples() -> Samples:
    """Where starts are noted."""
    return Samples(Path(os.environ[FILE_VARIABLE]))


def say_ready() -> None:
    """Tell whoever started this program that it waits for work."""
    print("ready", flush=True)


def main(fill: Callable[[int, datetime], None], work: Callable[[], None]) -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["fill", count, due]:
            fill(int(count), datetime.fromtimestamp(float(due), UTC))
        case ["work"]:
            work()
        case _:
            sys.exit("fill COUNT DUE, or work")
