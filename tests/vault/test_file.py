"""The file of secrets: read again where it has changed, written whole, one change after the other."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rowcall.domain.errors import Conflict, Forbidden, InvalidInput
from rowcall.vault import SecretBook, SecretFile
from tests.folders import short_lived_folder


@pytest.fixture
def file(tmp_path: Path) -> SecretFile:
    return SecretFile(tmp_path / "secrets.json")


def names(file: SecretFile) -> list[str]:
    return sorted(file.book().secrets)


def test_no_file_is_no_secrets(file: SecretFile) -> None:
    assert file.book() == SecretBook()


def test_what_another_process_writes_is_seen_at_the_next_look(file: SecretFile) -> None:
    other = SecretFile(file.path)
    other.change(lambda book: book.create("first", "first-value", [], []))
    assert names(file) == ["first"]
    other.change(lambda book: book.create("second", "second-value", [], []))
    assert names(file) == ["first", "second"]
    file.path.unlink()
    assert names(file) == []


def test_an_unchanged_file_is_not_read_again(file: SecretFile) -> None:
    file.change(lambda book: book.create("first", "first-value", [], []))
    before = file.book()
    assert file.book() is before


def test_a_change_that_fails_changes_nothing(file: SecretFile) -> None:
    file.change(lambda book: book.create("first", "first-value", [], []))
    before = file.path.read_bytes()
    with pytest.raises(Conflict):
        file.change(lambda book: book.create("first", "another-value", [], []))
    assert file.path.read_bytes() == before
    assert list(file.path.parent.iterdir()) == [file.path]


def test_changes_at_the_same_time_come_one_after_the_other(file: SecretFile) -> None:
    def add(number: int) -> None:
        SecretFile(file.path).change(lambda book: book.create(f"name-{number}", "some-value", [], []))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(file)) == 16


def standing(path: Path) -> tuple[int, int, int]:
    """Its mode, its owner and its group."""
    found = path.stat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def add(file: SecretFile, name: str = "another") -> None:
    file.change(lambda book: book.create(name, "some-value", [], []))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o440, 0o400])
def test_a_change_leaves_the_file_to_those_who_could_read_it(file: SecretFile, mode: int) -> None:
    add(file, "first")
    file.path.chmod(mode)
    before = standing(file.path)
    add(file)
    assert standing(file.path) == before
    assert names(file) == ["another", "first"]


def test_a_change_keeps_a_link_and_changes_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    meant, link = SecretFile(tmp_path / "elsewhere" / "real.json"), SecretFile(tmp_path / "secrets.json")
    add(meant, "first")
    meant.path.chmod(0o640)
    link.path.symlink_to(meant.path)
    add(link)
    assert link.path.is_symlink()
    assert names(meant) == names(link) == ["another", "first"]
    assert standing(meant.path)[0] == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "secrets.json"}


@contextmanager
def another_user(user: int, group: int) -> Iterator[None]:
    """Root for a while as somebody else."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(group)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@as_root
def test_a_change_by_root_leaves_the_file_to_its_owner_and_group(file: SecretFile) -> None:
    add(file, "first")
    os.chown(file.path, 4711, 4712)
    file.path.chmod(0o640)
    add(file)
    assert standing(file.path) == (0o640, 4711, 4712)


@as_root
def test_a_file_that_root_begins_is_that_of_its_folders_owner(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, 4711, 4712)
    add(SecretFile(folder / "secrets.json"))
    assert standing(folder / "secrets.json") == (0o600, 4711, 4712)


@as_root
def test_a_change_that_would_take_the_file_from_its_owner_is_refused() -> None:
    """Whoever may write into the folder, and read the file by its group, is not its owner."""
    with short_lived_folder() as passable:
        file = SecretFile(passable / "data" / "secrets.json")
        add(file, "first")
        file.path.chmod(0o640)
        file.path.parent.chmod(0o770)
        for path in (file.path, file.path.parent):
            os.chown(path, 4711, 4712)
        before = standing(file.path)
        told = "belongs to the user 4711 and the group 4712: change it as that user, or as root"
        with another_user(4713, 4712), pytest.raises(InvalidInput, match=told):
            add(SecretFile(file.path))
        assert standing(file.path) == before
        assert names(file) == ["first"]
        assert list(file.path.parent.iterdir()) == [file.path]


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o601, 0o777])
def test_a_file_open_to_others_is_refused(file: SecretFile, mode: int) -> None:
    file.change(lambda book: book.create("first", "first-value", [], []))
    file.path.chmod(mode)
    with pytest.raises(Forbidden, match="chmod 600 closes it"):
        SecretFile(file.path).book()


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").mkdir(mode=0o700)
    with pytest.raises(InvalidInput, match="is no file"):
        SecretFile(tmp_path / "secrets.json").book()


def test_text_that_is_no_utf_8_is_told(file: SecretFile) -> None:
    file.path.touch(mode=0o600)
    file.path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="no UTF-8"):
        file.book()


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="can't be written"):
        SecretFile(tmp_path / "file" / "secrets.json").change(lambda book: book.create("first", "some-value", [], []))
    with pytest.raises(InvalidInput, match="can't be read"):
        SecretFile(tmp_path / "file" / "secrets.json").book()


def test_no_value_is_shown_where_a_secret_is_printed(file: SecretFile) -> None:
    book = file.change(lambda book: book.create("first", "first-value", [], []))
    assert "first-value" not in repr(book) + str(book)
