"""What a page of the documentation tells its reader to do, in order.

```console           commands behind `$ `, each with what it says; it goes on for as long as its quotes are open
```console exact     the same, with moments compared to the letter
```sql               statements for psql; a ```text block right behind it is what psql says
```python name.py    a file to write, any language
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")])

_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_STAYS = re.compile(r"(?P<settings>(?:[A-Z_]+=\S* )*)(?P<program>rowcall (?:serve|worker|api)|python receiver\.py)\b")


@dataclass(frozen=True)
class Step:
    """Something to do, and what is then said. `line` is where it stands; `said` None: nothing is claimed."""

    line: int
    text: str
    said: str | None = None


@dataclass(frozen=True)
class Command(Step):
    """A line for a shell."""

    exact: bool = False

    @property
    def stays(self) -> bool:
        """Whether it starts a program that runs on while the reader does other things."""
        return _STAYS.match(self.text) is not None

    def replacing_shell(self) -> str:
        """The command, for a shell that becomes the program: signals then reach it."""
        return _STAYS.sub(r"\g<settings>exec \g<program>", self.text, count=1)


@dataclass(frozen=True)
class Query(Step):
    """Statements for psql."""


@dataclass(frozen=True)
class File(Step):
    """A file to write."""

    name: str = ""


def steps_of(page: Path) -> list[Step]:
    """All that a page says to do."""
    return list(_steps(page.read_text()))


def _steps(text: str) -> Iterator[Step]:
    fences = list(_FENCE.finditer(text))
    for fence, following in zip_longest(fences, fences[1:]):
        kind, *more = fence["info"].split() or [""]
        line = text.count("\n", 0, fence.start()) + 2
        if kind == "console":
            yield from _commands(fence["text"], line, exact="exact" in more)
        elif kind == "sql":
            yield Query(line, fence["text"], _answer(text, fence, following))
        elif more:
            yield File(line, fence["text"], name=more[0])


def _answer(text: str, fence: re.Match[str], following: re.Match[str] | None) -> str | None:
    """What stands as text right behind a statement."""
    if following is None or following["info"] != "text" or text[fence.end() : following.start()].strip():
        return None
    return following["text"]


def _commands(block: str, first_line: int, *, exact: bool) -> Iterator[Command]:
    lines = block.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        size = next(size for size in range(1, end - start + 1) if _is_whole(lines[start : start + size]))
        command = "\n".join(lines[start : start + size]).removeprefix("$ ")
        said = "\n".join(lines[start + size : end])
        yield Command(first_line + start, command, said, exact)


def _is_whole(lines: list[str]) -> bool:
    """Whether a shell would not ask for more."""
    text = "\n".join(lines)
    try:
        shlex.split(text)
    except ValueError:
        return False
    return not text.endswith("\\")
