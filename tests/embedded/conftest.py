"""Data folders for the tests of the embedded server. A cluster is made once, and copied for each test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from rowcall.embedded import embedded_postgres
from rowcall.embedded.account import Account, serving_account
from rowcall.embedded.folders import Folders
from tests.embedded.support import ask, copy_cluster
from tests.folders import short_lived_folder


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder, which the server's account may pass through."""
    with short_lived_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A data folder whose server has run once, holds a table `kept`, and was stopped in order."""
    with short_lived_folder() as folder, asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(_made(folder / "data"))
        # What a killed server leaves in memory goes with its folder then.
        with (Folders(folder / "data").cluster / "postgresql.conf").open("a") as configuration:
            configuration.write("dynamic_shared_memory_type = mmap\n")
        yield folder / "data"


@pytest.fixture
def data_dir(prepared: Path, place: Path) -> Path:
    """A data folder with a cluster of its own, not running."""
    return copy_cluster(prepared, place / "data")


@pytest.fixture(scope="session")
def account() -> Account:
    """The account that servers run as."""
    return serving_account(None)


async def _made(data_dir: Path) -> None:
    async with embedded_postgres(data_dir) as server:
        await ask(server.dsn, "CREATE TABLE kept (n int)")
