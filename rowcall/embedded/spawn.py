"""Starting the server process such that it does not outlive its owner."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .account import Account
from .descriptors import close_private, keep_private
from .errors import EmbeddedError
from .processes import LINUX
from .tools import clean_environment

LAUNCHER = Path(__file__).with_name("launch.py")
NO_LIFELINE = -1


def spawn(
    command: Sequence[str], account: Account, log: Path, harmless: int | None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server as `account`, in a session of its own so that the terminal's Ctrl-C reaches its owner only.

    Returns the process, and the descriptor to say farewell on once it has ended, or NO_LIFELINE. `harmless` is the
    number of a process that the server need not fear, see `leftover`.

    On Linux the server's life is tied to the *thread* that starts it, so only the main thread, which lives as long as
    the process does, is trusted with it. From another thread, and where there is no such signal, a pipe does the same.
    """
    tied = LINUX and threading.current_thread() is threading.main_thread()
    reading, writing = (NO_LIFELINE, NO_LIFELINE) if tied else (keep_private(end) for end in os.pipe())
    try:
        return _launch(command, account, log, harmless, reading), writing
    except OSError as fault:
        close_private(writing)
        raise EmbeddedError(f"The embedded PostgreSQL can't be started: {fault}.") from fault
    finally:
        close_private(reading)


def _launch(
    command: Sequence[str], account: Account, log: Path, harmless: int | None, lifeline: int
) -> subprocess.Popen[bytes]:
    facts = [str(number) for number in (os.getpid(), account.uid, account.gid, lifeline)]
    more = {} if harmless is None else {"PG_GRANDPARENT_PID": str(harmless)}
    with log.open("wb") as words:
        return subprocess.Popen(  # noqa: S603 - the wheel's own program
            [sys.executable, "-I", "-S", str(LAUNCHER), *facts, *command],
            pass_fds=() if lifeline == NO_LIFELINE else (lifeline,),
            env=clean_environment(more),
            cwd="/",
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
        )
