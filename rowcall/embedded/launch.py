"""A launcher of a few milliseconds: gives up rights, ties the server's life to its owner's, and becomes the server.

Run as a script (``python -I -S launch.py PARENT UID GID LIFELINE program argument…``), because a function run between
fork and exec (`preexec_fn`) is not safe in a process with threads. It imports nothing of Rowcall, so it also works for
accounts that can't read Rowcall: everything is loaded before the rights are gone.

The order matters. Linux forgets the parent-death signal when the user changes, so it is asked for after `setuid`; and a
parent that died before it was asked for sends nothing, so the parent is looked at once more afterwards.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
FAST_SHUTDOWN = signal.SIGINT


def main() -> None:
    """Become the program named on the command line."""
    parent, uid, gid, lifeline = (int(word) for word in sys.argv[1:5])
    program = sys.argv[5:]
    os.umask(0o077)
    if uid != os.geteuid():
        _become(uid, gid)
    if lifeline >= 0:
        _watch(lifeline)
    else:
        _die_with(parent)
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


def _become(uid: int, gid: int) -> None:
    try:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except PermissionError as fault:
        sys.exit(f"the rights of user {uid} can't be taken on ({fault.strerror})")


def _die_with(parent: int) -> None:
    """Linux: get a fast shutdown when the thread that started us ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(FAST_SHUTDOWN), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("The owner of the server is gone: not started.")


def _watch(lifeline: int) -> None:
    """Anywhere: leave a process behind that reads the owner's pipe. A word is a farewell; the end without one, a death.

    It is forked twice, so that it is no child of the server: a server takes an unknown child's end for a crash.
    """
    server = os.getpid()
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        os.set_inheritable(lifeline, False)  # noqa: FBT003 - a flag of the standard library
        return
    if os.fork():
        os._exit(0)
    if not os.read(lifeline, 1):
        os.kill(server, FAST_SHUTDOWN)
    os._exit(0)


if __name__ == "__main__":
    main()
