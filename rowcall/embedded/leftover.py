"""The server that another owner left behind, and the lock file that a server left behind.

A server that lost its owner shuts down by itself, and may still be writing its checkpoint when the next owner comes: it
is waited for. PostgreSQL guards its data with ``postmaster.pid`` and a shared memory block, and nothing here ever
removes that file: a second server on live data is the one mistake that no backup of an hour ago makes good.

But PostgreSQL takes *any* live process of its account with the number in that file for its predecessor. After the
restart of a container, numbers are dealt anew and soon repeat, and the server would refuse to start for ever. It accepts
one number as known to be harmless, in ``PG_GRANDPARENT_PID`` (``pg_ctl`` names its own parent there). So the number is
named, if and only if its bearer is proven not to be a server of this data: by the program it runs, or by the folder it
works in. The file stays, and PostgreSQL's second guard, the shared memory block, is checked by PostgreSQL all the same.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from .errors import EmbeddedError
from .folders import Folders
from .processes import SERVER, command_of, is_alive, servers_in, works_in

PATIENCE_SECONDS = 5.0
"""How long a server without an owner may take to begin its own shutdown before it is told to."""
DOUBT_SECONDS = 60.0
"""How long a process that might be a server, which can't be looked at, is waited for."""
PAUSE_SECONDS = 0.05


def lock_file_lines(cluster: Path) -> list[str]:
    """The lines of the server's lock file; none if there is no file."""
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def pid_in_lock_file(cluster: Path) -> int | None:
    """The number of the process that wrote the lock file, or None."""
    lines = lock_file_lines(cluster)
    return abs(int(lines[0])) if lines and lines[0].strip().lstrip("-").isdigit() else None


def may_be_server_of(pid: int, cluster: Path) -> bool:
    """Whether the process may be the server of this data. False only if it is proven not to be."""
    if not is_alive(pid):
        return False
    command = command_of(pid)
    if command is not None and command != SERVER:
        return False
    return works_in(pid, cluster) is not False


async def wait_for_leftover(folders: Folders, say: Callable[[str], None]) -> int | None:
    """Wait until no earlier server lives. Only for the owner of the lock.

    Returns the number in the lock file if there still is one: it is proven harmless, and PostgreSQL may be told so.
    Raises EmbeddedError if it can't be proven within a minute.
    """
    began = time.monotonic()
    spoken = told = False
    while (pid := pid_in_lock_file(folders.cluster)) is not None and may_be_server_of(pid, folders.cluster):
        waited = time.monotonic() - began
        if not spoken:
            say(f"waiting for the previous server (process {pid}) to shut down")
            spoken = True
        if works_in(pid, folders.cluster) is None and waited > DOUBT_SECONDS:
            raise EmbeddedError(
                f"Process {pid} stands in {folders.cluster / 'postmaster.pid'}, runs {SERVER}, and can't be looked at to see "
                "whether it is still the server of this data. End it if it is; else run as its account."
            )
        if works_in(pid, folders.cluster) and waited > PATIENCE_SECONDS and not told:
            _end(pid, signal.SIGINT)  # its owner is gone, or the lock would not be ours
            told = True
        await asyncio.sleep(PAUSE_SECONDS)
    return pid


def end_orphans(folders: Folders) -> None:
    """End the sessions of a killed server, whose shared memory they keep: they notice its death only when idle.

    Only after the server refused to start because of them; nothing they do can be committed any more.
    """
    for pid in servers_in(folders.cluster):
        _end(pid, signal.SIGQUIT)


def _end(pid: int, by: signal.Signals) -> None:
    try:
        os.kill(pid, by)
    except ProcessLookupError:
        return  # it has just ended by itself
