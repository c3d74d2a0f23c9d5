"""The file of secrets: read when it has changed, written whole, closed to all others."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from rowcall.domain.errors import Forbidden, InvalidInput

from .book import SecretBook

SETTING = "ROWCALL_SECRETS_FILE"
NOT_FOR_OTHERS = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP
"""A group may read it: that is how containers are given a file."""

OWNER_AND_GROUP = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP


class SecretFile:
    """The secrets in one file. A file that is not there holds none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._book = SecretBook()

    def book(self) -> SecretBook:
        """What the file says now; it is read only where it has changed.

        Raises Forbidden for a file that others may read, InvalidInput for one that makes no sense.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._book = None, SecretBook()
            return self._book
        except OSError as fault:
            raise InvalidInput.of(SETTING, f"{self.path} can't be read: {fault.strerror}") from None
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        if mark != self._seen:
            self._check(found)
            self._book, self._seen = self._read(), mark
        return self._book

    def change(self, how: Callable[[SecretBook], SecretBook]) -> SecretBook:
        """Write another book in the place of this one; two who do so at once come one after the other.

        It stays open to those who may read it now. Raises InvalidInput where whoever runs this can't leave it to them.
        """
        try:
            path = Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                return self._change(how, path, folder)
            finally:
                os.close(folder)
        except OSError as fault:
            raise InvalidInput.of(SETTING, f"{self.path} can't be written: {fault.strerror}") from None

    def _change(self, how: Callable[[SecretBook], SecretBook], path: Path, folder: int) -> SecretBook:
        fcntl.flock(folder, fcntl.LOCK_EX)
        self._seen = None
        changed = how(self.book())
        _write(path, changed.write(), os.fstat(folder))
        os.fsync(folder)
        self._seen = None
        return changed

    def _check(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInput.of(SETTING, f"{self.path} is no file")
        if found.st_mode & NOT_FOR_OTHERS:
            raise Forbidden(
                f"{SETTING}: {self.path} is open to others, with mode {stat.S_IMODE(found.st_mode):04o}; "
                "chmod 600 closes it"
            )

    def _read(self) -> SecretBook:
        try:
            return SecretBook.read(self.path.read_text(encoding="utf-8"), str(self.path))
        except OSError as fault:
            raise InvalidInput.of(SETTING, f"{self.path} can't be read: {fault.strerror}") from None
        except UnicodeDecodeError:
            raise InvalidInput.of(SETTING, f"{self.path} is no UTF-8 text") from None


def _write(path: Path, text: str, folder: os.stat_result) -> None:
    """Beside it, and then in its place: a reader sees the old book or the new one."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            _leave_to_its_readers(file.fileno(), path, folder)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _leave_to_its_readers(descriptor: int, path: Path, folder: os.stat_result) -> None:
    """Give the new file, which mkstemp made ours and 0600, the owner, group and mode of the one that it replaces.

    One that root begins is its folder's owner's: a worker runs under that account, and could not read root's.
    """
    try:
        before = path.stat()
    except FileNotFoundError:
        if os.geteuid() == 0:
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
        return
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except PermissionError:
        owner = f"the user {before.st_uid} and the group {before.st_gid}"
        raise InvalidInput.of(SETTING, f"{path} belongs to {owner}: change it as that user, or as root") from None
    os.fchmod(descriptor, before.st_mode & OWNER_AND_GROUP)
