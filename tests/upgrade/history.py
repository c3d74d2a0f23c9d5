"""The code of older Rowcalls, as git has it."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FIRST = "4d7bfb6e421273b5c9e1bc84048c42afe1bd1c47"
"""The last commit whose databases have no keys, callbacks, views and audit log: 0001 is its schema.sql."""

PREVIEW = "cb29c94e9398b366e6f14888adb5f09236363e39"
"""The last commit at which 0001 was all of schema.sql, and not frozen yet."""


def file_of(commit: str, path: str) -> str:
    """The text of a file, as it was."""
    return _git("show", f"{_known(commit)}:{path}").decode()


def unpack(commit: str, folder: Path) -> Path:
    """All files of a commit, in a folder of its own."""
    place = folder / f"rowcall-{commit[:7]}"
    with tarfile.open(fileobj=io.BytesIO(_git("archive", _known(commit)))) as files:
        files.extractall(place, filter="data")
    return place


def _known(commit: str) -> str:
    """The commit. Where git's history is not, or begins later, the test is skipped; where it is whole, it has it."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("there is no git history here, and with it no older Rowcall to upgrade from")
    if _git("rev-parse", "--is-shallow-repository").strip() == b"true":
        pytest.skip("git's history is cut short here (a shallow clone): no older Rowcall to upgrade from")
    return commit


def _git(*arguments: str) -> bytes:
    # Whose folder it is does not matter: what is asked of git runs nothing of the folder's.
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode()}"
    return done.stdout
