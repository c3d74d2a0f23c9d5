"""Making the cluster: once, whole or not at all, and closed to everyone without the password."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .account import Account
from .binaries import Binaries
from .errors import EmbeddedError
from .folders import Folders, give
from .tools import run_tool

ROLE = "rowcall"
DATABASE = "rowcall"
SETTINGS: Mapping[str, str] = {
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}
"""What is written to postgresql.conf once; from then on it is the operator's file."""
ROOM_NEEDED = 100 * 1024 * 1024
_UNFINISHED = ".initdb-"


async def make_cluster(
    folders: Folders, account: Account, binaries: Binaries, settings: Mapping[str, str], *, durable: bool = True
) -> None:
    """Make the cluster if there is none. Only for the owner of the lock.

    It is built aside and renamed into place, so that an interruption leaves none rather than half of one. The
    leftovers of an interruption are removed first, whatever may still be writing there.
    """
    for leftover in folders.root.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if folders.cluster.exists():
        return
    _refuse_without_room(folders.root)
    password = _new_password(folders.password)
    aside = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folders.root))
    try:
        _let_in(aside, account)
        given = _password_for(account, aside, password)
        built = give(aside / "data", account)
        await run_tool(_initdb(binaries, built, given, {**SETTINGS, **settings}, durable=durable), account)
        built.rename(folders.cluster)
        _sync(folders.root)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_password(folders: Folders) -> str:
    """The password of the cluster's role. Raises EmbeddedError if the file is gone or closed to us."""
    try:
        return folders.password.read_text().strip()
    except OSError as fault:
        raise EmbeddedError(
            f"The password of the embedded PostgreSQL was sought in {folders.password}: {fault.strerror}. "
            "Restore the file from a backup, and run as the account that it belongs to."
        ) from fault


def system_identifier(folders: Folders) -> int:
    """The number that initdb gave this cluster and no other: the first eight bytes of its control file."""
    with (folders.cluster / "global" / "pg_control").open("rb") as control:
        return int.from_bytes(control.read(8), sys.byteorder)


def _initdb(binaries: Binaries, target: Path, pwfile: Path, settings: Mapping[str, str], *, durable: bool) -> list[str]:
    return [
        binaries.tool("initdb"),
        f"--pgdata={target}",
        f"--username={ROLE}",
        f"--pwfile={pwfile}",
        "--auth-local=scram-sha-256",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
        *(f"--set={name}={value}" for name, value in settings.items()),
    ]


def _refuse_without_room(root: Path) -> None:
    free = shutil.disk_usage(root).free
    if free < ROOM_NEEDED:
        raise EmbeddedError(
            f"A new database needs {ROOM_NEEDED >> 20} MB, and the disk of {root} has {free >> 20} MB free: make room."
        )


def _new_password(path: Path) -> str:
    """256 random bits, on the disk before the cluster that will ask for them."""
    password = secrets.token_hex(32)
    _write_private(path, password)
    return password


def _password_for(account: Account, aside: Path, password: str) -> Path:
    """The password where initdb can read it as `account`; it goes with the folder."""
    path = aside / "password"
    _write_private(path, password)
    if not account.is_me:
        os.chown(path, account.uid, account.gid)
    return path


def _let_in(aside: Path, account: Account) -> None:
    if not account.is_me:
        os.chown(aside, -1, account.gid)
        aside.chmod(0o710)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
