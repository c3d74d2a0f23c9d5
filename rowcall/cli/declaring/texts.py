"""Files, folders and standard input, as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from rowcall.domain.errors import Fault, InvalidInput

SUFFIXES = (".yaml", ".yml", ".json")
MOST_BYTES = 16 * 1024 * 1024
STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Text:
    """What a file holds; `name` is how people called it."""

    name: str
    text: str

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, by its name or, from standard input, by how it begins."""
        return self.name.endswith(".json") or self.text.lstrip()[:1] == "{"


def read_texts(places: Sequence[str]) -> list[Text]:
    """All files of these places: files, folders with files in them, - for standard input.

    Raises InvalidInput with every place that can't be read.
    """
    faults: list[Fault] = []
    texts: list[Text] = []
    for place in dict.fromkeys(places):
        for name in _files(place, faults):
            try:
                texts.append(Text("standard input" if name == STANDARD_INPUT else name, _text(name)))
            except (OSError, ValueError) as fault:
                faults.append(Fault(name, f"can't be read: {fault}"))
    if faults:
        raise InvalidInput(faults)
    return texts


def _files(place: str, faults: list[Fault]) -> Iterator[str]:
    if not place:  # to Path, the folder one is in
        faults.append(Fault("''", "names no file; a dot is the folder here"))
        return
    folder = Path(place)
    if place == STANDARD_INPUT or not folder.is_dir():
        yield place
        return
    found = sorted(file for file in folder.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    shown = [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]
    if not shown:
        faults.append(Fault(place, f"holds no file that ends in {', '.join(SUFFIXES)}"))
    yield from map(str, shown)


def _text(name: str) -> str:
    if name == STANDARD_INPUT:
        if isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(newline="")  # as a file is read: what ends a line, its reader knows
        data = sys.stdin.read(MOST_BYTES + 1).encode("utf-8", "surrogateescape")
    else:
        with Path(name).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES // 2**20} MiB")
    return data.decode("utf-8")
