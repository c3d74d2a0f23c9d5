"""What can be known of another process without asking it: whether it lives, as whom, what it runs, where it works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SERVER = "postgres"
LOOK = Path(__file__).with_name("look.py")
LINUX: bool = sys.platform == "linux"
"""Whether there is /proc to look at. macOS has programs for it."""


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs. One that has ended and was not yet collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _fact(pid, "State", "state")[:1] != "Z"


def command_of(pid: int) -> str | None:
    """The name of the program it runs, or None if that can't be known."""
    return _fact(pid, "Name", "ucomm") or None


def user_of(pid: int) -> int | None:
    """The number of the account it acts as, or None if that can't be known."""
    numbers = _fact(pid, "Uid", "uid").split()  # Linux: real, effective, saved; macOS: effective
    return int(numbers[1 if LINUX else 0]) if numbers else None


def works_in(pid: int, folder: Path) -> bool | None:
    """Whether its working directory is `folder` (a server's is its data directory), or None if that can't be known."""
    try:
        if LINUX:
            return Path(f"/proc/{pid}/cwd").samefile(folder)
        lines = _printed("lsof", "-a", "-p", str(pid), "-d", "cwd", "-Fn").splitlines()
        return Path(lines[-1].removeprefix("n")).samefile(folder) if lines else None
    except PermissionError:
        return _works_in_as_owner(pid, folder)
    except OSError:
        return None


def servers_in(folder: Path) -> set[int]:
    """The server processes that work in `folder`, its owner's data directory, looked for as that owner.

    Raises OSError where there is no looking. On macOS none are found.
    """
    if not LINUX:
        return set()
    facts = folder.stat()
    command = [sys.executable, "-I", "-S", str(LOOK), str(facts.st_uid), str(facts.st_gid), str(folder)]
    looked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if looked.returncode != 0:
        raise PermissionError(
            f"the processes of user {facts.st_uid} can't be looked at: {looked.stderr.strip()[-200:]}"
        )
    return {int(word) for word in looked.stdout.split()}


def _works_in_as_owner(pid: int, folder: Path) -> bool | None:
    try:
        return pid in servers_in(folder)
    except OSError:
        return None


def _fact(pid: int, linux: str, macos: str) -> str:
    """One fact from /proc/<pid>/status, or from a column of ps; empty if it can't be known."""
    if not LINUX:
        return _printed("ps", "-o", f"{macos}=", "-p", str(pid))
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{linux}:")), "")


def _printed(*command: str) -> str:
    path = f"{os.environ.get('PATH', '')}:/bin:/usr/bin:/usr/sbin"
    return subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    ).stdout.strip()
