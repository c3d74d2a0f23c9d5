"""Readers for the pages: each with a folder and a database of its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Admin
from tests.docs.pages import ROOT
from tests.docs.quick import quick_rowcall
from tests.docs.reader import Reader
from tests.folders import short_lived_folder

EMBEDDED = {ROOT / "README.md", ROOT / "docs" / "start.md", ROOT / "examples" / "walkers" / "README.md"}
"""The pages whose reader has no PostgreSQL: Rowcall brings its own."""


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the program `rowcall` in it."""
    with quick_rowcall(tmp_path_factory.mktemp("programs")) as folder:
        yield folder


@pytest.fixture
def reader(page: Path, folder: Path, settings: dict[str, str], programs: Path) -> Iterator[Reader]:
    """A reader of this page, who leaves when the test ends."""
    with Reader(folder, settings, programs=programs) as sitting:
        for file in folder.glob("*.json"):
            file.write_text(sitting.with_real_places(file.read_text()))
        yield sitting


@pytest.fixture
def folder(page: Path, tmp_path: Path) -> Path:
    """Where the reader is: a copy of the example that the page belongs to, or an empty folder."""
    here = tmp_path / "folder"
    if page.parent.parent.name == "examples":
        shutil.copytree(page.parent, here)
    else:
        here.mkdir()
    return here


@pytest.fixture
def settings(page: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The settings that make the reader's database, and a data folder beside whatever this account has of its own."""
    with short_lived_folder() as data:
        if page not in EMBEDDED:
            request.getfixturevalue("roles")
            yield {"DATABASE_URL": request.getfixturevalue("dsn"), "ROWCALL_DATA_DIR": str(data / "data")}
            return
        monkeypatch.delenv("DATABASE_URL", raising=False)
        yield {"ROWCALL_DATA_DIR": str(data / "data")}


@pytest.fixture
def roles(page: Path, admin: Admin) -> Iterator[None]:
    """Drops the roles that a page makes, before and after: they belong to the server, not to a database of it."""
    made = re.findall(r"^CREATE ROLE (\w+)", page.read_text(), re.MULTILINE)
    for role in made:
        admin.run(f"DROP ROLE IF EXISTS {role}")
    yield
    for role in made:
        admin.run(f"DROP ROLE IF EXISTS {role}")
