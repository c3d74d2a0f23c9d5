"""Where the server can't serve, it says what was sought, what was found and what to do, and changes nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rowcall.domain.errors import RowcallError, StoreUnavailable
from rowcall.embedded import EmbeddedError, cluster, embedded_postgres
from rowcall.embedded.address import fits
from rowcall.embedded.filesystems import NETWORK, kind_at, linux_mount, mounts
from rowcall.embedded.folders import Folders, default_data_dir
from rowcall.embedded.tools import told
from tests.embedded.processes import ROOT
from tests.embedded.support import ask


async def refusal(data_dir: Path, **how: Any) -> str:
    with pytest.raises(EmbeddedError) as caught:
        await embedded_postgres(data_dir, **how).__aenter__()
    assert "DATABASE_URL" in str(caught.value)
    return str(caught.value)


def test_its_errors_are_rowcalls_and_mean_that_there_is_no_database() -> None:
    assert issubclass(EmbeddedError, StoreUnavailable)
    assert issubclass(EmbeddedError, RowcallError)


async def test_data_of_another_version_is_not_touched(data_dir: Path) -> None:
    version = Folders(data_dir).cluster / "PG_VERSION"
    version.write_text("17\n")
    words = await refusal(data_dir)
    assert "PostgreSQL 17" in words
    assert "PostgreSQL 18" in words
    assert "pg_dump" in words


async def test_a_lost_password_is_said_to_be_lost(data_dir: Path) -> None:
    Folders(data_dir).password.unlink()
    assert str(Folders(data_dir).password) in await refusal(data_dir)


async def test_a_file_in_place_of_the_data_folder_is_refused(place: Path) -> None:
    (place / "data").write_text("")
    assert "can't be made" in await refusal(place / "data")


async def test_a_folder_that_others_may_write_to_is_refused_if_there_is_something_in_it(place: Path) -> None:
    shared = place / "shared"
    (shared / "something").mkdir(parents=True)
    shared.chmod(0o777)
    assert "can be written by other accounts" in await refusal(shared)
    assert shared.stat().st_mode & 0o777 == 0o777


async def test_an_empty_folder_that_others_may_write_to_is_closed_and_used(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data").chmod(0o775)
    async with embedded_postgres(place / "data") as server:
        assert (place / "data").stat().st_mode & 0o027 == 0
        assert await ask(server.dsn, "SHOW data_checksums") == "on"
        assert await ask(server.dsn, "SELECT datlocprovider = 'b' FROM pg_database WHERE datname = 'rowcall'")
        assert await ask(server.dsn, "SHOW timezone") == "UTC"


async def test_too_little_room_is_noticed_before_the_database_is_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ROOM_NEEDED", 2**60)
    assert "MB free: make room" in await refusal(place / "data")
    assert not Folders(place / "data").cluster.exists()


def test_a_full_disk_is_called_one() -> None:
    words = 'FATAL:  could not write to file "pg_wal/xlogtemp.12": No space left on device'
    assert told("postgres", words).startswith("The disk of the embedded PostgreSQL is full: make room.")


async def test_an_account_that_does_not_exist_is_refused(place: Path) -> None:
    assert "no-such-account" in await refusal(place / "data", run_as="no-such-account")


async def test_root_is_no_account_to_run_as(place: Path) -> None:
    words = await refusal(place / "data", run_as="root")
    assert ("does not run as root" if os.geteuid() == 0 else "only root can") in words


async def test_a_broken_configuration_is_quoted(data_dir: Path) -> None:
    with (Folders(data_dir).cluster / "postgresql.conf").open("a") as configuration:
        configuration.write("work_mem = plenty\n")
    assert "work_mem" in await refusal(data_dir)


async def test_what_fails_after_the_server_has_turned_to_its_log_is_quoted_too(data_dir: Path) -> None:
    (Folders(data_dir).cluster / "pg_hba.conf").write_text("everybody welcome\n")
    assert "could not load" in await refusal(data_dir)
    assert "pg_hba.conf" in await refusal(data_dir)


@pytest.mark.parametrize(
    ("line", "point", "kind", "refused"),
    [
        ("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw", "/", "ext4", False),
        ("97 22 0:44 / /home rw - nfs4 files:/home rw,vers=4.2", "/home", "nfs4", True),
        ("98 97 0:45 / /home/me/my\\040disk rw - btrfs /dev/sdb rw", "/home/me/my disk", "btrfs", False),
        ("99 22 0:46 / /srv/a\\134b rw - cifs //files/srv rw", "/srv/a\\b", "cifs", True),
    ],
)
def test_network_file_systems_are_known_by_their_kind(line: str, point: str, kind: str, refused: bool) -> None:
    assert linux_mount(line) == (Path(point), kind)
    assert (kind in NETWORK) is refused


def test_the_file_system_of_a_folder_is_the_one_mounted_nearest_above_it() -> None:
    mounted = [
        (Path("/"), "ext4"),
        (Path("/home"), "nfs4"),
        (Path("/home/me"), "ext4"),
        (Path("/home/me"), "fuse.sshfs"),
    ]
    kinds = [kind_at(Path(path), mounted) for path in ("/var/lib", "/home", "/homes", "/home/you/x", "/home/me/data")]
    assert kinds == ["ext4", "nfs4", "ext4", "nfs4", "fuse.sshfs"]


def test_the_mounts_of_this_machine_can_be_read() -> None:
    assert kind_at(Path("/proc"), mounts()) == "proc"


def test_a_sockets_path_is_counted_in_bytes() -> None:
    assert fits(Path("/" + "x" * 85))
    assert not fits(Path("/" + "x" * 86))
    assert not fits(Path("/" + "ü" * 60))


def test_the_default_place_is_the_users_own() -> None:
    expected = Path("/var/lib/rowcall") if os.geteuid() == 0 else Path.home() / ".local/share/rowcall"
    assert default_data_dir() == expected


def test_a_user_without_a_name_is_told_so() -> None:
    """As in a container that is given a number for a user."""
    code = "import os; from rowcall.embedded.account import serving_account; BECOME; serving_account(None)"
    become = "os.setuid(54321)" if os.geteuid() == 0 else "os.geteuid = lambda: 54321"
    command = [sys.executable, "-c", code.replace("BECOME", become)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "user 54321 has no entry in /etc/passwd" in ended.stderr
