"""Owners and servers that are killed. Nothing that was committed is lost, and nobody has to help."""

import asyncio
import re
from pathlib import Path

import asyncpg
import pytest

from rowcall.embedded import embedded_postgres
from rowcall.embedded.folders import Folders
from tests.embedded.processes import a_user, kill, server_pid, serves
from tests.embedded.support import answers, ask, until

BUSY = "SELECT count(*) FROM generate_series(1, 100000) AS a, generate_series(1, 1000000) AS b"


def server_log(data_dir: Path) -> str:
    return "".join(path.read_text() for path in Folders(data_dir).log.iterdir())


@pytest.mark.parametrize("how", [[], ["--from-a-thread"]], ids=["main thread", "other thread"])
async def test_a_server_whose_owner_is_killed_shuts_down_in_order(data_dir: Path, how: list[str]) -> None:
    before = server_log(data_dir).count("database system is shut down")
    async with a_user(data_dir, *how) as owner:
        await ask((await owner.says("ready"))["dsn"], "INSERT INTO kept VALUES (7)")
        owner.killed()
        await until(lambda: not serves(data_dir))

    await until(lambda: server_log(data_dir).count("database system is shut down") == before + 1)
    async with embedded_postgres(data_dir) as server:
        assert await ask(server.dsn, "SELECT n FROM kept") == 7
    assert "was not properly shut down" not in server_log(data_dir)


async def test_the_next_owner_waits_for_the_server_of_a_killed_one(data_dir: Path) -> None:
    async with a_user(data_dir) as first:
        dsn = (await first.says("ready"))["dsn"]
        await ask(dsn, "INSERT INTO kept VALUES (7)")
        first.killed()
        async with embedded_postgres(data_dir) as server:
            assert server.owner
            assert await ask(server.dsn, "SELECT n FROM kept") == 7
    assert "was not properly shut down" not in server_log(data_dir)


async def test_a_killed_server_is_started_again_at_the_same_address(data_dir: Path) -> None:
    said: list[str] = []
    async with embedded_postgres(data_dir, on_progress=said.append) as server:
        await ask(server.dsn, "INSERT INTO kept VALUES (7)")
        first = server_pid(data_dir)
        kill(first)
        await until(lambda: "the database server is ready again" in said)
        assert await ask(server.dsn, "SELECT n FROM kept") == 7
        assert server_pid(data_dir) != first
    assert not serves(data_dir)


async def test_a_server_killed_again_and_again_is_started_again_and_again(data_dir: Path) -> None:
    async with embedded_postgres(data_dir) as server:
        for round_number in range(1, 4):
            await answers(server.dsn, "INSERT INTO kept VALUES (7)")
            kill(server_pid(data_dir))
            assert await answers(server.dsn, "SELECT count(*) FROM kept") == round_number


@pytest.mark.parametrize(("lasting", "pauses"), [(0.0, ["0.1", "0.1", "0.1"]), (3600.0, ["0.1", "0.2", "0.4"])])
async def test_only_a_server_that_dies_young_is_waited_for_longer_each_time(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, lasting: float, pauses: list[str]
) -> None:
    monkeypatch.setattr("rowcall.embedded.supervisor.LASTING_SECONDS", lasting)
    said: list[str] = []
    async with embedded_postgres(data_dir, on_progress=said.append) as server:
        for _ in pauses:
            kill(server_pid(data_dir))
            await answers(server.dsn, "SELECT count(*) FROM kept")
    assert [line.split()[-2] for line in said if "starting it again" in line] == pauses


@pytest.mark.parametrize("how", [[], ["--like-a-container"]], ids=["with all rights", "with a container's"])
async def test_a_busy_session_of_a_killed_server_does_not_keep_the_next_one_out(data_dir: Path, how: list[str]) -> None:
    async with a_user(data_dir, *how) as owner:
        dsn = (await owner.says("ready"))["dsn"]
        busy = await asyncpg.connect(dsn)
        work = asyncio.create_task(busy.execute(BUSY))
        pid = busy.get_server_pid()
        await answers(dsn, f"SELECT 1 / count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'")

        kill(server_pid(data_dir))
        await owner.says("progress", "ending the last sessions of a server that was killed")
        await owner.says("progress", "the database server is ready again")
        assert await ask(dsn, "SELECT count(*) FROM kept") == 0
        with pytest.raises((asyncpg.PostgresError, ConnectionError)):
            await work
        busy.terminate()


async def test_everything_killed_and_started_again_has_lost_nothing(data_dir: Path) -> None:
    async with a_user(data_dir) as owner:
        dsn = (await owner.says("ready"))["dsn"]
        connection = await asyncpg.connect(dsn)
        for n in range(200):
            await connection.execute(f"INSERT INTO kept VALUES ({n})")
        owner.killed_with(server_pid(data_dir))
        connection.terminate()
        async with embedded_postgres(data_dir) as again:
            assert await ask(again.dsn, "SELECT count(*) FROM kept") == 200
    assert re.search("automatic recovery in progress", server_log(data_dir))


async def test_an_owner_killed_while_it_makes_the_database_leaves_none_behind_or_a_whole_one(place: Path) -> None:
    async with a_user(place / "data") as owner:
        await owner.says("progress", "making a new database")
        owner.killed()
        await owner.ended()
    async with embedded_postgres(place / "data") as server:
        assert await ask(server.dsn, "SELECT current_database()") == "rowcall"
    assert [path.name for path in (place / "data").glob(".initdb*")] == []


async def test_a_server_that_cannot_be_started_again_is_tried_until_it_can(data_dir: Path) -> None:
    said: list[str] = []
    configuration = Folders(data_dir).cluster / "postgresql.conf"
    async with embedded_postgres(data_dir, on_progress=said.append) as server:
        good = configuration.read_text()
        configuration.write_text(good + "\nmax_connections = lots\n")
        kill(server_pid(data_dir))
        await until(lambda: any("could not be started" in words for words in said))
        configuration.write_text(good)
        assert await answers(server.dsn, "SELECT count(*) FROM kept") == 0
    assert any("max_connections" in words for words in said)
