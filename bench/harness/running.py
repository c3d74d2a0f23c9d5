"""The command line of a benchmark, made of its plan: a dataclass whose fields are options, with a value per size."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

import uvloop

from .clocks import Clocks, told
from .machine import facts_of
from .report import RESULTS, Report, write_report
from .server import Server, a_server
from .telling import Teller

P = TypeVar("P")
T = TypeVar("T")
INTERRUPTED = 130


class Size(StrEnum):
    """How much is measured: an impression, what is published, or what takes minutes."""

    QUICK = "quick"
    FULL = "full"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark is given: a server of its own, and whom to tell how it goes."""

    server: Server
    size: Size
    teller: Teller


@dataclass(frozen=True, slots=True)
class Scenario(Generic[P]):
    """A benchmark: its name, its plan, the coroutine that measures, and in which sizes it is among all of them."""

    name: str
    plan: type[P]
    measure: Callable[[Bench, P], Awaitable[Report]]
    sizes: Sequence[Size] = (Size.QUICK, Size.FULL)

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run it from the command line."""
        parser = argparse.ArgumentParser(
            prog=f"python -m bench.{self.name}", description=sys.modules["__main__"].__doc__
        )
        add_common(parser)
        self._add_options(parser)
        options = parser.parse_args(arguments)
        teller = Teller()
        with ending_in_order(), teller.telling():
            self.run(options, {name: value for name, value in vars(options).items() if value is not None}, teller)

    def run(self, options: argparse.Namespace, given: dict[str, Any], teller: Teller) -> Report:
        """Measure, and publish what was found. `given` are the fields of the plan that were named."""
        size = size_of(options)
        plan = self.plan_for(size, given)
        with a_server(options.data) as server:
            bench, clocks = Bench(server, size, teller), Clocks()
            with teller.step(f"[bold]{self.name}[/bold]"):
                report = run(self.measure(bench, plan))
            facts = facts_of(server)
            if leap := clocks.leapt():
                facts["clock"] = told(leap)
        name = self.name if size is Size.FULL else f"{self.name}-{size}"
        teller.say("")
        sys.stdout.write(write_report(report, name, self._command(size, given), facts, options.results) + "\n")
        sys.stdout.flush()
        return report

    def plan_for(self, size: Size, given: dict[str, Any]) -> P:
        """The plan of a size, with what was given instead."""
        values: dict[str, Any] = {each.name: each.metadata[size] for each in self._fields()}
        chosen: dict[str, Any] = {name: given.get(name, value) for name, value in values.items()}
        typed: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()
        }
        return self.plan(**typed)

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        for each in self._fields():
            sizes = dict(each.metadata)
            several = isinstance(sizes[Size.FULL], tuple)
            sample = sizes[Size.FULL][0] if several else sizes[Size.FULL]
            parser.add_argument(
                f"--{each.name.replace('_', '-')}",
                type=type(sample),
                nargs="+" if several else None,
                metavar="N" if isinstance(sample, int | float) else "TEXT",
                help=f"{sizes['help']} (default {_shown(sizes[Size.FULL])}; quick {_shown(sizes[Size.QUICK])})",
            )

    def _fields(self) -> Sequence[Field[Any]]:
        return fields(self.plan)  # type: ignore[arg-type] # P is a dataclass: there is no way to say that of a TypeVar

    def _command(self, size: Size, given: dict[str, Any]) -> str:
        words = ["python -m", f"bench.{self.name}", *([f"--{size}"] if size is not Size.FULL else [])]
        names = [each.name for each in self._fields()]
        words += [f"--{name.replace('_', '-')} {_shown(given[name])}" for name in names if name in given]
        return " ".join(words)


def option(what: str, full: T, *, quick: T | None = None, long: T | None = None) -> T:
    """A field of a plan: what it means, and its value in each size; where left out, that of the full one."""
    sizes: dict[str, Any] = {
        "help": what,
        Size.FULL: full,
        Size.QUICK: full if quick is None else quick,
        Size.LONG: full if long is None else long,
    }
    value: T = field(default=full, metadata=sizes)
    return value


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options of every benchmark."""
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="a first impression")
    sizes.add_argument("--long", action="store_true", help="the sizes that take minutes each")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="a folder on the disk to measure (default: TMPDIR)")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="where results are written")


def size_of(options: argparse.Namespace) -> Size:
    """Which size was asked for."""
    return Size.QUICK if options.quick else Size.LONG if options.long else Size.FULL


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM end the program as Ctrl-C does: with its workers, its server and its data, and no traceback."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def run(main: Awaitable[T]) -> T:
    """Run a coroutine on the event loop that workers use too."""

    async def awaited() -> T:
        return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(awaited())


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
