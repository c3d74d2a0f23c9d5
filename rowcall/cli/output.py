"""What commands write: data on standard output, as tables or as JSON lines; talk on standard error.

Names and errors come from databases and from tasks, so nothing of them is taken for markup or for control codes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rowcall.domain.errors import InvalidInput, RowcallError

from .streams import Heedless, nobody_reads

UNBOUNDED_COLUMNS = 10_000
"""The width of what is no terminal: a table in a file or a pipe is never cut."""

STYLES: Mapping[str, str] = {
    "SUCCEEDED": "green", "DELIVERED": "green", "ACTIVE": "green", "ok": "green",
    "RUNNING": "cyan", "QUEUED": "cyan", "PENDING": "cyan",
    "SKIPPED": "yellow", "MISSED": "yellow", "PAUSED": "yellow", "CANCELLED": "yellow", "warn": "yellow",
    "FAILED": "red", "TIMED_OUT": "red", "LOST": "red", "INVALID": "red", "DEAD": "red", "fail": "red",
    "COMPLETED": "dim", "DISABLED": "dim",
}  # fmt: skip
"""How a state looks. It is always written out too: nothing is told by colour alone."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def out() -> Console:
    """Where data goes."""
    return _console(sys.stdout)


def err() -> Console:
    """Where talk goes. Where nobody can be told any more, nothing is told: the work is more than the talk of it."""
    return _console(sys.stderr, at_any_rate=True)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller: by itself, a console would end the process, and whatever runs in it."""
        raise BrokenPipeError


@cache
def _console(stream: TextIO, *, at_any_rate: bool = False) -> Console:
    width = None if stream.isatty() else UNBOUNDED_COLUMNS
    file: Any = Heedless(stream) if at_any_rate else stream
    return _Console(file=file, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: str) -> None:
    """Tell people something that is no data."""
    err().print(text)


def say_fault(fault: RowcallError) -> None:
    """Tell what went wrong: each fault on a line."""
    faults = [f"{f.field}: {f.message}" for f in fault.faults] if isinstance(fault, InvalidInput) else [str(fault)]
    for message in faults:
        err().print(Text("rowcall: ", style="bold red"), Text(clean(message)), sep="")


def print_json(value: object) -> None:
    """One value as one line of JSON."""
    print_text(json_of(value))


def print_text(text: str) -> None:
    """Data as it is. Raises RowcallError where it can't be written, as to a full disk."""
    with _writing():
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    """Whoever reads has perhaps seen enough: that is no fault. What can't be written for another reason is one."""
    try:
        yield
    except BrokenPipeError:
        nobody_reads()
    except OSError as fault:
        nobody_reads()
        raise RowcallError(f"standard output can't be written to: {fault.strerror}") from fault


def json_of(value: object) -> str:
    """One value as JSON, on one line."""
    return json.dumps(value, ensure_ascii=False, default=_jsonable)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table for people; `empty` is said instead where there are no rows."""
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    if table.rows:
        _print(table)
    else:
        say(empty)


def print_facts(facts: Mapping[str, object]) -> None:
    """One thing and its properties, a line each; what is None is left out."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None:
            table.add_row(name, shown(value))
    _print(table)


def print_lines(lines: Iterable[Text]) -> None:
    """Lines of data, in colours where they are looked at."""
    with _writing():
        with out().capture() as captured:
            for line in lines:
                out().print(line)
        if text := captured.get().rstrip("\n"):
            print_text(text)


def _print(table: Table) -> None:
    """The table without the spaces that would fill its last column."""
    with _writing():
        with out().capture() as captured:
            out().print(table, soft_wrap=False)
        print_text("\n".join(line.rstrip() for line in captured.get().splitlines()))


def shown(value: object) -> Text:
    """A value for people: a moment in UTC, nothing as a dash, a state in its colour."""
    match value:
        case Text():
            return value
        case None | "":
            return Text("–", style="dim")
        case bool():
            return Text("yes" if value else "no")
        case datetime():
            return Text(moment(value))
        case Mapping() | list():
            return Text(clean(json_of(value)))
    text = clean(str(value))
    return Text(text, style=STYLES.get(text, ""))


def moment(value: datetime) -> str:
    """A moment for people, in UTC, to the second."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def span(length: timedelta | float) -> str:
    """A length of time for people: 12 ms, 3.4 s, 5 min, 3 h 20 min, 4 d 2 h."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    for size, unit, smaller, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {unit}" + (f" {rest // smaller} {small_unit}" if rest // smaller else "")
    raise AssertionError(seconds)


def clean(text: str) -> str:
    """The same text on one line, with control codes made visible."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def _jsonable(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return dict(value)
        case set() | frozenset() | tuple():
            return list(value)
    raise TypeError(f"a {type(value).__name__} can't be told in JSON")
