"""Readers for the pages: each with a folder and a database of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.docs.pages import ROOT
from tests.docs.reader import Reader
from tests.folders import short_lived_folder

EMBEDDED = {"README.md", "start.md"}
"""The pages whose reader has no PostgreSQL: Rowcall brings its own."""


class Sit(Protocol):
    """Has a reader sit down with a page."""

    def __call__(self, page: Path) -> Reader: ...


@pytest.fixture
def sit(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    """Readers, who leave when the test ends."""
    with ExitStack() as stack:

        def sit_down(page: Path) -> Reader:
            folder = tmp_path / "folder"
            if page.parent.parent.name == "examples":
                shutil.copytree(page.parent, folder)
            else:
                folder.mkdir()
            if page.name in EMBEDDED and page.parent.parent.name != "examples":
                monkeypatch.delenv("DATABASE_URL", raising=False)
                settings = {"ROWCALL_DATA_DIR": str(stack.enter_context(short_lived_folder()) / "data")}
            else:
                settings = {"DATABASE_URL": request.getfixturevalue("dsn")}
            reader = stack.enter_context(Reader(folder, settings))
            for file in folder.glob("*.json"):
                file.write_text(reader.with_real_ports(file.read_text()))
            return reader

        yield sit_down


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT
