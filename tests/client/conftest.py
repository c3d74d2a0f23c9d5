"""Servers that run, and clients with either face."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.support import SERVE, a_client, a_server
from tests.databases import Admin
from tests.programs import url_of


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("ROWCALL_") and not name.startswith("ROWCALL_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROWCALL_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(params=["Client", "AsyncClient"])
def face(request: pytest.FixtureRequest) -> str:
    """Which of the two."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def shared_dsn(admin: Admin, template_database: str) -> Iterator[str]:
    """The database of the server that tests share; each makes names of its own in it."""
    name = f"rowcall_test_clients_{secrets.token_hex(4)}"
    yield admin.make(name, template_database)
    admin.drop(name)


@pytest.fixture(scope="session")
def server(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `rowcall serve` with the tasks of `tests.client.tasks`."""
    with a_server(SERVE, tmp_path_factory.mktemp("server") / "output", shared_dsn) as program:
        yield url_of(program)


@pytest.fixture
def client(face: str, server: str) -> Iterator[Any]:
    """A client of that server."""
    with a_client(face, server) as opened:
        yield opened


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"s-{secrets.token_hex(4)}"
