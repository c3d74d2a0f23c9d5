"""`rowcall` without the second it takes to import it: fifty commands stand on the pages, and each is a process.

A keeper imports the command line once, and forks for each command: environment, folder, arguments and standard streams
are those of whoever called. What stays (serve, worker, api) is started as ever. The keeper goes when its standard input
is closed, and so never outlives its test run.
"""

from __future__ import annotations

import array
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CLIENT = """
import array, json, os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.connect({door!r})
call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
door.sendmsg([len(call).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
door.sendall(call)
sys.exit(int(door.makefile().read() or 70))
"""
_SCRIPT = """#!/bin/sh
case "$1" in
    serve|worker|api) exec {python} -m rowcall "$@" ;;
    *) exec {python} -I -S {client} "$@" ;;
esac
"""


@contextmanager
def quick_rowcall(folder: Path) -> Iterator[Path]:
    """A folder with a program `rowcall` in it, as long as the block lasts."""
    door, client, script = folder / "door", folder / "client.py", folder / "rowcall"
    client.write_text(_CLIENT.format(door=str(door)))
    script.write_text(_SCRIPT.format(python=sys.executable, client=client))
    script.chmod(0o755)
    command = [sys.executable, "-m", "tests.docs.quick", str(door)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdin is not None
        assert keeper.stdout.readline() == b"ready\n"
        try:
            yield folder
        finally:
            keeper.stdin.close()


def _keep(door: str) -> None:
    """Answer calls until standard input is closed."""
    from rowcall.cli import on_backfills, on_executions, on_schedules, previewing  # noqa: F401 - what commands import
    from rowcall.cli.declaring import crontab, exporting  # noqa: F401 - what commands import

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(door)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in (readable := select.select([sys.stdin, listener], [], [], 1.0)[0]):
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if listener in readable:
                _answer(listener)


def _answer(listener: socket.socket) -> None:
    """Fork; the child becomes the command, and its own child is waited for, so that every ending is told."""
    call, _ = listener.accept()
    with call:
        if os.fork():
            return
        listener.close()
        command = os.fork()
        if command == 0:
            _become(call)
        call.sendall(str(os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])).encode())
    os._exit(0)


def _become(call: socket.socket) -> None:
    """Be the command that was called for."""
    size, streams, _, _ = call.recvmsg(4, socket.CMSG_LEN(3 * array.array("i").itemsize))
    text = bytearray()
    while len(text) < int.from_bytes(size, "big"):
        text += call.recv(65536)
    arguments, folder, environment = json.loads(text)
    given = array.array("i", streams[0][2])
    for place, stream in enumerate(given):
        os.dup2(stream, place)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["rowcall", *arguments]
    code = 0
    try:
        from rowcall.cli import main

        main()
    except SystemExit as ending:
        code = int(ending.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _keep(sys.argv[1])
