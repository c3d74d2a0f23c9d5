"""One process owns the server, and all others are its guests."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from rowcall.embedded import embedded_postgres, running_server
from rowcall.embedded.connection import told
from rowcall.embedded.folders import Folders
from rowcall.embedded.owner import take_ownership
from rowcall.embedded.processes import is_alive
from tests.embedded.processes import a_user, serves
from tests.embedded.support import DEADLINE_SECONDS, ask, until


async def test_the_first_to_come_owns_the_server_and_the_second_is_its_guest(data_dir: Path) -> None:
    async with a_user(data_dir) as first, a_user(data_dir) as second:
        seen = [await user.says("ready") for user in (first, second)]

    assert sorted(message["owner"] for message in seen) == [False, True]
    assert len({message["dsn"] for message in seen}) == 1


async def test_a_guest_that_leaves_takes_nothing_with_it(data_dir: Path) -> None:
    async with embedded_postgres(data_dir) as owner:
        async with embedded_postgres(data_dir) as guest:
            assert (owner.owner, guest.owner) == (True, False)
            await ask(guest.dsn, "INSERT INTO kept VALUES (7)")
        assert await ask(owner.dsn, "SELECT n FROM kept") == 7


async def test_a_guest_waits_until_the_owner_is_ready(place: Path) -> None:
    async with a_user(place / "data") as owner:
        await owner.says("progress", "making a new database")
        owner.stopped()
        async with a_user(place / "data") as guest:
            await guest.says("progress", "another process owns")
            owner.goes_on()
            assert (await guest.says("ready"))["owner"] is False


async def test_an_owner_that_leaves_stops_the_server_and_the_next_one_starts_it(data_dir: Path) -> None:
    async with a_user(data_dir) as first:
        await ask((await first.says("ready"))["dsn"], "INSERT INTO kept VALUES (7)")
        await first.leaves()
        assert not serves(data_dir)

    async with embedded_postgres(data_dir) as server:
        assert server.owner
        assert await ask(server.dsn, "SELECT n FROM kept") == 7


async def test_the_server_is_found_while_it_runs_and_not_before_or_after(data_dir: Path) -> None:
    assert await running_server(data_dir) is None
    async with a_user(data_dir) as owner:
        await owner.says("ready")
        found = await running_server(data_dir)
        assert found is not None
        assert not found.owner
        assert await ask(found.dsn, "SELECT count(*) FROM kept") == 0
        await owner.leaves()
    assert await running_server(data_dir) is None


async def test_an_owner_that_leaves_waits_for_guests_who_are_brief(data_dir: Path) -> None:
    said: list[str] = []
    leave = asyncio.Event()

    async def own() -> None:
        async with embedded_postgres(data_dir, on_progress=said.append):
            await leave.wait()

    owner = asyncio.create_task(own())
    await until(lambda: told(Folders(data_dir)) is not None)
    async with embedded_postgres(data_dir, brief=True) as guest:
        assert not guest.owner
        leave.set()
        await until(lambda: "waiting for other commands to end" in said)
        assert await ask(guest.dsn, "SELECT count(*) FROM kept") == 0
        assert not owner.done()
        assert await running_server(data_dir) is None
    await owner
    assert not serves(data_dir)


@pytest.mark.parametrize("brief", [True, False])
async def test_an_owner_waits_for_nobody_for_ever_and_for_guests_who_stay_not_at_all(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, brief: bool
) -> None:
    monkeypatch.setattr("rowcall.embedded.owner.PATIENCE_SECONDS", 0.2 if brief else 600.0)
    async with AsyncExitStack() as guests:
        async with embedded_postgres(data_dir):
            await guests.enter_async_context(embedded_postgres(data_dir, brief=brief))
        assert not serves(data_dir)


@pytest.mark.parametrize(
    "text", ["", '{"host": "/r', "[]", '{"host": "/run"}', "\0" * 80], ids=["empty", "half", "list", "part", "zeros"]
)
async def test_a_guest_waits_where_the_address_is_one_that_the_machine_lost_its_power_over(
    data_dir: Path, text: str
) -> None:
    """The new owner has yet to write its own."""
    folders = Folders(data_dir)
    said: list[str] = []
    lock = take_ownership(folders)
    assert lock is not None
    folders.connection.write_text(text)

    async def use() -> bool:
        async with embedded_postgres(data_dir, on_progress=said.append) as server:
            return server.owner

    guest = asyncio.create_task(use())
    await until(lambda: guest.done() or any("waiting until it is ready" in words for words in said))
    lock.release()
    assert await guest


async def test_the_address_of_a_killed_owner_is_not_believed(data_dir: Path) -> None:
    async with a_user(data_dir) as owner:
        await owner.says("ready")
        owner.killed()
        await owner.ended()
        await until(lambda: not serves(data_dir))
        assert told(Folders(data_dir)) is not None
        assert await running_server(data_dir) is None


async def test_a_server_of_other_data_is_not_believed(data_dir: Path, place: Path) -> None:
    """The data folder was copied while its server ran, and the copy names the original's socket."""
    copy = Folders(place / "copy")
    async with embedded_postgres(data_dir):
        copy.root.mkdir()
        copy.connection.write_text(Folders(data_dir).connection.read_text())
        (copy.cluster / "global").mkdir(parents=True)
        control = (Folders(data_dir).cluster / "global" / "pg_control").read_bytes()
        (copy.cluster / "global" / "pg_control").write_bytes(control)
        assert await running_server(copy.root) is None
        assert await running_server(data_dir) is not None


@pytest.mark.parametrize("how", [[], ["--from-a-thread"]], ids=["main thread", "other thread"])
async def test_a_forked_child_of_a_killed_owner_does_not_hold_the_ownership_on(data_dir: Path, how: list[str]) -> None:
    async with a_user(data_dir, "--with-a-child", *how) as owner:
        child = (await owner.says("ready"))["child"]
        owner.killed()
        await until(lambda: not is_alive(owner.pid))  # before that, a newcomer is rightly its guest
        try:
            async with asyncio.timeout(DEADLINE_SECONDS), embedded_postgres(data_dir) as server:
                assert server.owner
            assert is_alive(child)
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("name", ["with a blank", "mit-Ümlaut", "two,names", 'quo"te', "x" * 90])
async def test_any_name_of_a_data_folder_will_do(data_dir: Path, name: str) -> None:
    """The last is too long for a socket's path."""
    renamed = data_dir.rename(data_dir.with_name(name))  # noqa: ASYNC240 - nobody else waits on this loop
    async with embedded_postgres(renamed) as server, embedded_postgres(renamed) as guest:
        assert await ask(server.dsn, "SELECT count(*) FROM kept") == 0
        assert await ask(guest.dsn, "SELECT current_database()") == "rowcall"
