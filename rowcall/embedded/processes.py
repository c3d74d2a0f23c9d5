"""What can be known of another process without asking it: whether it lives, as whom, what it runs, where it works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SERVER = "postgres"
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
    """Whether its working directory is `folder` (a server's is its data directory), or None if that can't be known.

    Root without CAP_SYS_PTRACE, the usual root of a container, may not look at other accounts' processes.
    """
    try:
        if LINUX:
            return Path(f"/proc/{pid}/cwd").samefile(folder)
        lines = _printed("lsof", "-a", "-p", str(pid), "-d", "cwd", "-Fn").splitlines()
        return Path(lines[-1].removeprefix("n")).samefile(folder) if lines else None
    except OSError:
        return None


def servers_in(folder: Path) -> list[int]:
    """All server processes known to work in `folder`, those that serve sessions too. None are found without /proc."""
    numbers = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in numbers if command_of(pid) == SERVER and works_in(pid, folder)]


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
