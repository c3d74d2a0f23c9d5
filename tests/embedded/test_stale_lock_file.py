"""A lock file that a killed server left behind, whose number belongs to another process by now.

Containers deal numbers anew at each start, so this is an ordinary Monday. PostgreSQL takes any live process of its own
account for the server it once was, and would not start.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rowcall.embedded import EmbeddedError, embedded_postgres, leftover
from rowcall.embedded.account import Account
from rowcall.embedded.address import socket_folder
from rowcall.embedded.binaries import find_binaries, reachable_by
from rowcall.embedded.folders import Folders, prepare
from rowcall.embedded.processes import is_alive
from rowcall.embedded.server import Server, _options
from rowcall.embedded.spawn import NO_LIFELINE
from tests.embedded.processes import a_user, server_pid, serves
from tests.embedded.support import DEADLINE_SECONDS, ask, copy_cluster, until


@pytest.fixture
async def crashed(data_dir: Path) -> Folders:
    """A data folder whose owner and server were killed, with a row in it, and the lock file still there."""
    async with a_user(data_dir) as owner:
        await ask((await owner.says("ready"))["dsn"], "INSERT INTO kept VALUES (7)")
        owner.killed_with(server_pid(data_dir))
        await owner.ended()
        await until(lambda: not serves(data_dir))
    return Folders(data_dir)


@contextlib.contextmanager
def a_process(account: Account, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, **account.identity, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def put_number(folders: Folders, pid: int) -> None:
    """Let the number be dealt to another process: it stands in the lock files of the data and of the socket."""
    for path in (folders.cluster / "postmaster.pid", folders.run / ".s.PGSQL.5432.lock"):
        path.write_text("\n".join([str(pid), *path.read_text().splitlines()[1:]]) + "\n")


def server_by_hand(folders: Folders, account: Account) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A server of this data that nobody owns, as a person would start it."""
    prepare(folders, account)
    binaries = reachable_by(account, find_binaries())
    options = _options(folders, socket_folder(folders, account), {})
    return a_process(account, binaries.tool("postgres"), f"-D{folders.cluster}", *options)


@contextlib.asynccontextmanager
async def an_unowned_server(data_dir: Path, account: Account) -> AsyncIterator[subprocess.Popen[bytes]]:
    with server_by_hand(Folders(data_dir), account) as process:
        server = Server(Folders(data_dir), process, NO_LIFELINE)
        await until(lambda: server.is_ready)
        yield process


async def recovers(folders: Folders) -> bool:
    async with asyncio.timeout(DEADLINE_SECONDS), embedded_postgres(folders.root) as server:
        kept: int = await ask(server.dsn, "SELECT n FROM kept")
        return kept == 7


async def test_a_number_that_belongs_to_another_program_of_the_account_does_not_keep_the_server_out(
    crashed: Folders, account: Account
) -> None:
    with a_process(account, "sleep", "60") as stranger:
        put_number(crashed, stranger.pid)
        assert await recovers(crashed)
        assert stranger.poll() is None


async def test_postgresql_by_itself_would_have_stayed_out(crashed: Folders, account: Account) -> None:
    """What the tests around this one rest on: without the proof, the same state stops the server."""
    with a_process(account, "sleep", "60") as stranger:
        put_number(crashed, stranger.pid)
        with server_by_hand(crashed, account) as server:
            await until(lambda: server.poll() == 1)


async def test_a_number_that_belongs_to_the_server_of_other_data_does_not_keep_the_server_out(
    crashed: Folders, prepared: Path, place: Path
) -> None:
    copy_cluster(prepared, place / "other")
    async with embedded_postgres(place / "other") as other:
        put_number(crashed, server_pid(place / "other"))
        assert await recovers(crashed)
        assert await ask(other.dsn, "SELECT count(*) FROM kept") == 0


async def test_a_number_that_belongs_to_an_ended_process_that_nobody_collected_does_not_either(
    crashed: Folders, account: Account
) -> None:
    with a_process(account, "true") as ended:
        await until(lambda: not is_alive(ended.pid))
        put_number(crashed, ended.pid)
        assert await recovers(crashed)


async def test_a_number_that_belongs_to_ourselves_or_to_root_does_not_either(crashed: Folders) -> None:
    for pid in (os.getpid(), 1):
        put_number(crashed, pid)
        assert await recovers(crashed)
        async with a_user(crashed.root) as owner:
            await owner.says("ready")
            owner.killed_with(server_pid(crashed.root))
            await owner.ended()


async def test_a_live_server_of_this_data_is_ended_in_order_before_another_is_started(
    data_dir: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftover, "PATIENCE_SECONDS", 0.3)
    said: list[str] = []
    async with (
        an_unowned_server(data_dir, account) as unowned,
        embedded_postgres(data_dir, on_progress=said.append) as server,
    ):
        assert unowned.poll() == 0
        assert server_pid(data_dir) != unowned.pid
        assert await ask(server.dsn, "SELECT count(*) FROM kept") == 0
    assert said == ["waiting for the previous database server to shut down"]


async def test_what_may_be_the_server_and_cannot_be_looked_at_is_not_declared_harmless(
    data_dir: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftover, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(leftover, "DOUBT_SECONDS", 0.3)
    monkeypatch.setattr(leftover, "works_in", lambda pid, folder: None)  # as for root without CAP_SYS_PTRACE
    async with an_unowned_server(data_dir, account) as unowned:
        with pytest.raises(EmbeddedError, match=f"Process {unowned.pid} stands in"):
            await embedded_postgres(data_dir).__aenter__()
        assert unowned.poll() is None


async def test_a_server_that_hangs_is_waited_for(
    data_dir: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can't shut down before it goes on; a second one beside it would ruin the data."""
    monkeypatch.setattr(leftover, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(leftover, "REMINDER_SECONDS", 0.1)
    said: list[str] = []

    def hear(words: str) -> None:
        said.append(words)
        if sum("still waiting" in words for words in said) == 3:
            assert unowned.poll() is None
            unowned.send_signal(signal.SIGCONT)

    async with an_unowned_server(data_dir, account) as unowned:
        unowned.send_signal(signal.SIGSTOP)
        async with embedded_postgres(data_dir, on_progress=hear) as server:
            assert unowned.poll() == 0
            assert await ask(server.dsn, "SELECT count(*) FROM kept") == 0
    assert sum("still waiting" in words for words in said) >= 3
