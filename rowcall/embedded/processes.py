"""What can be known of another process without asking it: whether it lives, what it runs, where it works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SERVER = "postgres"


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs. One that has ended and was not yet collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _state(pid) != "Z"


def command_of(pid: int) -> str | None:
    """The name of the program it runs, or None if that can't be known."""
    try:
        if sys.platform == "linux":
            return Path(f"/proc/{pid}/comm").read_text().strip()
        return Path(_ps(pid, "ucomm")).name or None
    except OSError:
        return None


def works_in(pid: int, folder: Path) -> bool | None:
    """Whether its working directory is `folder` (a server's is its data directory), or None if that can't be known.

    Root without CAP_SYS_PTRACE, the usual root of a container, may not look at other accounts' processes.
    """
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return None


def servers_in(folder: Path) -> list[int]:
    """All server processes known to work in `folder`: the server itself and those that serve its sessions. Linux only."""
    numbers = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in numbers if command_of(pid) == SERVER and works_in(pid, folder)]


def _state(pid: int) -> str:
    try:
        if sys.platform == "linux":
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return _ps(pid, "state")[:1]
    except (OSError, IndexError):
        return ""


def _ps(pid: int, column: str) -> str:
    command = ["/bin/ps", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
