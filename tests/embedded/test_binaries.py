"""The programs come from the wheel, and reach accounts that can't reach the wheel."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rowcall.embedded import EmbeddedError
from rowcall.embedded.account import Account, closed_folder, serving_account
from rowcall.embedded.binaries import Binaries, find_binaries, reachable_by
from tests.embedded.processes import ROOT

SOMEBODY = Account("somebody", 54321, 54321)


@pytest.fixture
def disk() -> Iterator[Path]:
    """An empty folder on the disk; memory may be closed to programs."""
    with tempfile.TemporaryDirectory(prefix="rowcall-tests-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def hidden(disk: Path) -> Binaries:
    """The wheel's programs in a folder that is closed to others, like a virtual environment in root's home."""
    wheel = find_binaries().folder.parent.parent
    home = disk / "home"
    home.mkdir(mode=0o700)
    for part in ("pginstall18/bin", "pginstall18/lib", "pginstall18/share"):
        shutil.copytree(wheel / part, home / wheel.name / part, copy_function=link_or_copy)
    shutil.copytree(f"{wheel}.libs", home / f"{wheel.name}.libs", copy_function=link_or_copy)
    return Binaries(home / wheel.name / "pginstall18" / "bin")


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def runs(binaries: Binaries) -> str:
    """What initdb found beside itself, run as another account if we can be one."""
    as_whom = serving_account("daemon").identity if os.geteuid() == 0 else {}
    command = [binaries.tool("initdb"), "--show", "--pgdata=/nowhere"]
    return subprocess.run(command, **as_whom, cwd="/", capture_output=True, text=True, check=True).stderr


def test_the_wheel_is_found_without_being_imported() -> None:
    code = "import sys; from rowcall.embedded.binaries import *; print(find_binaries().folder, PACKAGE in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    folder, imported = ended.stdout.split()
    assert os.access(f"{folder}/postgres", os.X_OK)
    assert imported == "False"


def test_programs_that_the_account_can_reach_are_used_where_they_are(disk: Path) -> None:
    me = Account("me", os.geteuid(), os.getegid())
    assert reachable_by(me, find_binaries(), disk / "shared") == find_binaries()
    assert not (disk / "shared").exists()


def test_programs_that_the_account_cannot_reach_are_copied_to_where_it_can(hidden: Binaries, disk: Path) -> None:
    assert closed_folder(hidden.folder, SOMEBODY) == disk / "home"
    copy = reachable_by(SOMEBODY, hidden, disk / "shared")

    assert closed_folder(copy.folder, SOMEBODY) is None
    assert f"share_path={copy.folder.parent}/share" in runs(copy)
    assert not [path for path in (disk / "shared").rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert hidden.folder.parent.parent.parent.stat().st_mode & 0o777 == 0o700


def test_the_copy_is_made_once_however_many_come_at_the_same_time(hidden: Binaries, disk: Path) -> None:
    with ThreadPoolExecutor() as pool:
        copies = list(pool.map(lambda _: reachable_by(SOMEBODY, hidden, disk / "shared"), range(3)))
    assert len(set(copies)) == 1
    assert len(list((disk / "shared").iterdir())) == 1

    before = Path(copies[0].tool("postgres")).stat()
    assert reachable_by(SOMEBODY, hidden, disk / "shared") == copies[0]
    assert Path(copies[0].tool("postgres")).stat() == before


def test_a_copy_that_others_could_have_changed_is_not_run(hidden: Binaries, disk: Path) -> None:
    copy = reachable_by(SOMEBODY, hidden, disk / "shared")
    copy.folder.parent.parent.parent.chmod(0o777)
    with pytest.raises(EmbeddedError, match="can be written by others"):
        reachable_by(SOMEBODY, hidden, disk / "shared")


def test_a_place_that_cannot_be_written_is_named(hidden: Binaries, disk: Path) -> None:
    (disk / "shared").write_text("a file")
    with pytest.raises(EmbeddedError, match="could not be copied to"):
        reachable_by(SOMEBODY, hidden, disk / "shared")
