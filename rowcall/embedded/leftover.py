"""The server that another owner left behind, and the lock file that a server left behind.

A server that lost its owner shuts down by itself, and may still be writing its checkpoint when the next owner comes: it
is waited for. PostgreSQL guards its data with ``postmaster.pid`` and a shared memory block, and nothing here ever
removes that file: a second server on live data is the one mistake that no backup of an hour ago makes good.

But PostgreSQL takes *any* live process of its account with the number in that file for its predecessor. After the
restart of a container, numbers are dealt anew and soon repeat, and the server would refuse to start for ever. It
accepts one number as known to be harmless, in ``PG_GRANDPARENT_PID`` (``pg_ctl`` names its own parent there). So the
number is named, if and only if its bearer is proven not to be a server of this data: by the program it runs, or by the
folder it works in. The file stays, and PostgreSQL's second guard, the shared memory block, is checked by PostgreSQL all
the same.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from .errors import EmbeddedError
from .processes import SERVER, command_of, is_alive, servers_in, user_of, works_in

PATIENCE_SECONDS = 5.0
"""How long a server without an owner may take to begin its own shutdown before it is told to."""
REMINDER_SECONDS = 10.0
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
    """Whether the process may be the server of this data. False only if it is proven not to be.

    A server is called ``postgres``, runs as the account that its data belongs to, and works in the folder of its data.
    """
    if not is_alive(pid) or command_of(pid) not in {SERVER, None}:
        return False
    if user_of(pid) not in {cluster.stat().st_uid, None}:
        return False
    return works_in(pid, cluster) is not False


async def wait_for_leftover(cluster: Path, say: Callable[[str], None]) -> int | None:
    """Wait until no earlier server of this data lives. Only for the owner of the lock.

    Returns the number in the lock file if there still is one: it is proven harmless, and PostgreSQL may be told so.
    Raises EmbeddedError if that can't be proven.
    """
    if not await _clear(cluster, within=0):
        say("waiting for the previous database server to shut down")
        if not await _clear(cluster, within=PATIENCE_SECONDS):
            await _insist(cluster, say)
    return pid_in_lock_file(cluster)


async def _clear(cluster: Path, within: float) -> bool:
    """Whether no earlier server lives any more, before so many seconds have passed."""
    deadline = time.monotonic() + within
    while (pid := pid_in_lock_file(cluster)) is not None and may_be_server_of(pid, cluster):
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(PAUSE_SECONDS)
    return True


async def _insist(cluster: Path, say: Callable[[str], None]) -> None:
    """Tell the server to shut down if it is one: it has no owner, or the lock would not be ours."""
    pid = pid_in_lock_file(cluster)
    if pid is not None and works_in(pid, cluster):
        _end(pid, signal.SIGINT)
        while not await _clear(cluster, within=REMINDER_SECONDS):
            say(f"still waiting for the previous database server, process {pid}, to shut down")
    elif not await _clear(cluster, within=DOUBT_SECONDS):
        raise EmbeddedError(
            f"Process {pid} stands in {cluster / 'postmaster.pid'}, runs {SERVER}, and can't be looked at to see if it "
            "still is the server of this data. End it if it is; else run as its account."
        )


def end_orphans(cluster: Path) -> None:
    """End the sessions of a killed server, whose shared memory they keep: they notice its death only when idle.

    Only after the server refused to start because of them; nothing they do can be committed any more.
    """
    try:
        for pid in servers_in(cluster):
            _end(pid, signal.SIGQUIT)
    except OSError as fault:
        raise EmbeddedError(
            f"Sessions of a killed server still run on {cluster}, and could not be ended: {fault}."
        ) from fault


def _end(pid: int, by: signal.Signals) -> None:
    try:
        os.kill(pid, by)
    except ProcessLookupError:
        return  # it has just ended by itself
