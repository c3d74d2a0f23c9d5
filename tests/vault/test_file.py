"""The file of secrets: read again where it has changed, written whole, one change after the other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rowcall.domain.errors import Conflict, Forbidden, InvalidInput
from rowcall.vault import SecretBook, SecretFile


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
