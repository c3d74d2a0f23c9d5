"""Where the socket stands. The kernel takes paths of about a hundred bytes, and data folders can be deep."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from .account import Account
from .errors import EmbeddedError
from .folders import Folders, give

PORT = 5432
LONGEST = 100
"""Bytes of the longest socket path used; the kernels allow 103 (macOS) and 107 (Linux)."""


def socket_folder(folders: Folders, account: Account) -> Path:
    """A folder, 0700 and the account's, whose path is short enough for a socket: in the data folder if possible.

    It is the same at every start, whatever the environment says: what a killed server left behind is used again, not
    added to, and who takes a server over listens where its clients look for it. A folder that another account laid
    there first is refused, not trusted.
    """
    if fits(folders.run):
        return folders.run
    name = f"rowcall-{account.uid}-{hashlib.sha256(bytes(folders.root)).hexdigest()[:12]}"
    for base in [*_place_before(folders), *_short_places(account)]:
        if fits(base / name):
            folder = give(base / name, account)
            _remember(folders, base)
            return folder
    raise EmbeddedError(
        f"A socket's path may have {LONGEST} bytes and no comma, and neither {folders.run} nor a folder in "
        f"{tempfile.gettempdir()} is like that. Set ROWCALL_DATA_DIR to a shorter path."
    )


def fits(folder: Path) -> bool:
    """Whether the server's socket in this folder has a path that the kernel takes, and clients too.

    Clients read a comma as the end of one host and the beginning of another.
    """
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= LONGEST and b"," not in path


def _place_before(folders: Folders) -> list[Path]:
    """Where it was at the last start, if it can be there again."""
    try:
        place = folders.elsewhere.readlink()
    except OSError:
        return []
    return [place] if os.access(place, os.W_OK | os.X_OK) else []


def _remember(folders: Folders, place: Path) -> None:
    if _place_before(folders) != [place]:
        folders.elsewhere.unlink(missing_ok=True)
        folders.elsewhere.symlink_to(place)


def _short_places(account: Account) -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    mine = [Path(runtime)] if account.is_me and runtime and Path(runtime).is_dir() else []
    return [*mine, Path(tempfile.gettempdir())]
