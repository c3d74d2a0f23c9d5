"""The process that a command runs under: leader of its group, and the one that ends it when the worker is gone.

Run as a script (``python -I -S command_keeper.py``), with one end of a socket pair as its standard input. It imports
nothing of Rowcall.

    worker → keeper    {argv, env, cwd}, a line of JSON; then nothing: the end of the line means that the worker is gone
    keeper → worker    {status} as waitpid has it, or {error} when the program could not be started

When the command has ended, or the worker has, everything in the group is killed, this process too: what a command
started does not outlive it. On Linux the command dies with its keeper as well.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
NOTICED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
CHANGED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> NoReturn:
    """Start the command that the worker names, and stay until it or the worker has ended."""
    line = socket.socket(fileno=os.dup(0))
    job = json.loads(_line_of(line))
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    for number in NOTICED:  # the command is to end by them, and its keeper after it
        signal.signal(number, lambda *_: None)
    trouble, tell = os.pipe()
    command = os.fork()
    if command == 0:
        _become(job, tell)
    os.close(tell)
    line.sendall(json.dumps(_end_of(command, trouble, line, bell)).encode())
    _end_all()


def _line_of(line: socket.socket) -> bytes:
    parts = bytearray()
    while not parts.endswith(b"\n"):
        part = line.recv(65536)
        if not part:
            _end_all()
        parts += part
    return bytes(parts)


def _end_of(command: int, trouble: int, line: socket.socket, bell: int) -> dict[str, object]:
    """Wait for the command's end; the worker's end is the end of all."""
    while True:
        ready, _, _ = select.select([line.fileno(), bell], [], [])
        if line.fileno() in ready and not line.recv(1):
            _end_all()
        if bell in ready:
            os.read(bell, 1024)
            ended, status = os.waitpid(command, os.WNOHANG)
            if ended:
                error = os.read(trouble, 4096)
                return {"error": error.decode(errors="replace")} if error else {"status": status}


def _become(job: dict[str, Any], tell: int) -> NoReturn:
    """Turn into the command, with the signals of an ordinary process, or tell why not."""
    keeper = os.getppid()
    try:
        signal.set_wakeup_fd(-1)
        for number in (*NOTICED, *CHANGED_BY_PYTHON):
            signal.signal(number, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != keeper:
                os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(job["cwd"])
        os.execve(job["argv"][0], job["argv"], job["env"])  # noqa: S606 - no shell is wanted
    except OSError as fault:
        os.write(tell, str(fault).encode())
    finally:
        os._exit(127)


def _end_all() -> NoReturn:
    os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
