"""A mutation: edits that break one promise. They are made in a copy of the tree, never in the tree itself."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDED = ("rowcall", "worker", "webapi", "tests", "bench", "schema.sql", "pyproject.toml")
UNNEEDED = shutil.ignore_patterns("__pycache__", "results", ".peers")


class DoesNotApply(Exception):
    """The text that a mutation edits is not there, or there more than once."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In the file at `path`, `old` becomes `new`; it has to stand there exactly once."""

    path: str
    old: str
    new: str

    def applied_to(self, text: str) -> str:
        """The text with the edit made. Raises DoesNotApply."""
        if (found := text.count(self.old)) != 1:
            raise DoesNotApply(f"{self.path} holds {found} times, and should hold once:\n{self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is broken, in a few words; the edits that do it; and the tests that fail then, each of them."""

    breaks: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]

    def mutated(self, root: Path) -> dict[Path, str]:
        """The files that change, with their new text. Raises DoesNotApply."""
        changed: dict[Path, str] = {}
        for edit in self.edits:
            path = root / edit.path
            changed[path] = edit.applied_to(changed.get(path) or path.read_text())
        return changed

    @contextmanager
    def applied(self, root: Path) -> Iterator[None]:
        """The tree at `root` with this mutation in it, until the block ends. Raises DoesNotApply."""
        mutated = self.mutated(root)
        originals = {path: path.read_text() for path in mutated}
        for path, text in mutated.items():
            path.write_text(text)
        try:
            yield
        finally:
            for path, text in originals.items():
                path.write_text(text)


def copy_tree(target: Path) -> Path:
    """A copy of what the tests need, relative links included."""
    for name in NEEDED:
        if (source := ROOT / name).is_dir():
            shutil.copytree(source, target / name, symlinks=True, ignore=UNNEEDED)
        else:
            shutil.copy2(source, target / name)
    return target


def names_in(file: Path) -> set[str]:
    """The names of the functions that a file of tests holds."""
    found = ast.walk(ast.parse(file.read_text()))
    return {node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
