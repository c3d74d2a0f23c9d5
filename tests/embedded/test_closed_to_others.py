"""The server is for one account of one machine, and leaves everything around it as it was."""

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from rowcall.embedded import EmbeddedError, embedded_postgres
from rowcall.embedded.account import Account, serving_account
from rowcall.embedded.binaries import find_binaries
from rowcall.embedded.folders import Folders
from rowcall.embedded.processes import user_of
from tests.embedded.processes import server_pid
from tests.embedded.support import ask

IS_ROOT = os.geteuid() == 0
STRANGER = "daemon"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def run(*command: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, **how, cwd="/", capture_output=True, text=True, check=False)


async def test_what_it_makes_is_closed_and_the_folders_above_stay_as_they_were(place: Path, prepared: Path) -> None:
    above = place / "above"
    above.mkdir()
    above.chmod(0o715)
    before = [(path, path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in (above, *above.parents)]
    folders = Folders(above / "made" / "data")

    async with embedded_postgres(folders.root):
        assert mode(folders.root) == (0o710 if IS_ROOT else 0o700)
        assert [mode(path) for path in (folders.cluster, folders.log, folders.run)] == [0o700] * 3
        assert [mode(path) for path in (folders.lock, folders.password, folders.connection)] == [0o600] * 3
        assert mode(folders.run / ".s.PGSQL.5432") & 0o077 == 0
        assert not any(mode(path) & 0o077 for path in folders.log.iterdir())

    assert [(path, path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path, *_ in before] == before
    assert folders.root.stat().st_uid == os.geteuid()
    assert folders.connection.exists() is False


async def test_it_does_not_listen_on_the_network(data_dir: Path) -> None:
    async with embedded_postgres(data_dir) as server:
        assert await ask(server.dsn, "SHOW listen_addresses") == ""
        assert await ask(server.dsn, "SELECT inet_server_addr() IS NULL")


@pytest.mark.parametrize("password", ["", "wrong", "rowcall"])
async def test_it_lets_nobody_in_without_the_password(data_dir: Path, password: str) -> None:
    async with embedded_postgres(data_dir) as server:
        with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):
            await asyncpg.connect(server.dsn, password=password)


async def test_each_database_has_a_password_of_its_own_and_it_is_not_shown(place: Path, prepared: Path) -> None:
    async with embedded_postgres(place / "one") as one:
        password = urlsplit(one.dsn).password
        assert password is not None
        assert len(password) == 64
        assert password != Folders(prepared).password.read_text()
        assert password not in repr(one)


async def test_it_runs_as_an_account_without_rights(data_dir: Path, account: Account) -> None:
    async with embedded_postgres(data_dir):
        assert user_of(server_pid(data_dir)) == account.uid != 0
        status = status_of(server_pid(data_dir))
    facts = dict(line.split(":", 1) for line in status.splitlines())
    assert set(facts["Gid"].split()) == {str(account.gid)}
    assert [int(number) for number in facts["Groups"].split()] == ([] if IS_ROOT else os.getgroups())
    assert int(facts["CapEff"], 16) == 0


async def test_the_environment_cannot_lead_it_astray(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "/nowhere")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    async with embedded_postgres(data_dir), embedded_postgres(data_dir) as guest:
        assert not guest.owner


if IS_ROOT:
    # Only root can become another account to try what that account may do.

    async def test_another_account_cannot_connect_even_with_the_password(data_dir: Path) -> None:
        stranger = serving_account(STRANGER)
        async with embedded_postgres(data_dir) as server:
            url = urlsplit(server.dsn)
            [host] = parse_qs(url.query)["host"]
            command = [find_binaries().tool("psql"), "-X", "-h", host, "-U", "rowcall", "-c", "SELECT 1"]
            refused = run(*command, env={"PGPASSWORD": url.password}, **stranger.identity)
            welcome = run(*command, env={"PGPASSWORD": url.password})

        assert welcome.returncode == 0
        assert refused.returncode == 2
        assert "Permission denied" in refused.stderr

    async def test_another_account_cannot_read_how_to_connect(data_dir: Path) -> None:
        folders, stranger = Folders(data_dir), serving_account(STRANGER)
        async with embedded_postgres(data_dir):
            for path in (folders.password, folders.connection, folders.cluster / "PG_VERSION"):
                assert run("cat", str(path), **stranger.identity).returncode == 1
                assert run("cat", str(path)).returncode == 0

    @pytest.mark.parametrize("name", ["nobody", STRANGER])
    async def test_root_runs_the_server_as_the_account_that_is_named(place: Path, name: str) -> None:
        async with embedded_postgres(place / "data", run_as=name) as server:
            assert user_of(server_pid(place / "data")) == pwd.getpwnam(name).pw_uid
            assert await ask(server.dsn, "SELECT 1") == 1
        async with embedded_postgres(place / "data"):  # and stays with it when it is not named again
            assert user_of(server_pid(place / "data")) == pwd.getpwnam(name).pw_uid
        with pytest.raises(EmbeddedError, match=f"belongs to {name}"):
            await embedded_postgres(place / "data", run_as="games").__aenter__()

    async def test_root_leaves_the_data_folder_of_another_account_alone(place: Path) -> None:
        (place / "data").mkdir()
        os.chown(place / "data", serving_account(STRANGER).uid, -1)
        with pytest.raises(EmbeddedError, match=f"belongs to {STRANGER}: data of another account is not touched"):
            await embedded_postgres(place / "data").__aenter__()
        assert list((place / "data").iterdir()) == []

    async def test_root_is_told_which_folder_is_closed_to_the_account(place: Path) -> None:
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(EmbeddedError, match=f"{closed} is closed to it"):
            await embedded_postgres(closed / "data").__aenter__()
        assert mode(closed) == 0o700

    async def test_a_link_laid_by_the_account_does_not_lead_root_astray(
        data_dir: Path, place: Path, account: Account
    ) -> None:
        """All that the account may write to lies in folders of its own, where root writes nothing."""
        theirs = [path for path in data_dir.iterdir() if path.stat().st_uid == account.uid]  # noqa: ASYNC240 - nobody waits
        assert sorted(path.name for path in theirs) == ["log", "postgres", "run"]
        async with embedded_postgres(data_dir):
            owned_by_root = [path for folder in theirs for path in folder.rglob("*") if path.lstat().st_uid == 0]
        assert owned_by_root == []
else:

    async def test_an_ordinary_user_is_told_that_a_folder_is_anothers(place: Path) -> None:
        with pytest.raises(EmbeddedError, match="belongs to root"):
            await embedded_postgres(Path("/usr")).__aenter__()

    async def test_an_ordinary_user_cannot_hand_the_server_to_another(place: Path) -> None:
        with pytest.raises(EmbeddedError, match="only root can"):
            await embedded_postgres(place / "data", run_as=STRANGER).__aenter__()
