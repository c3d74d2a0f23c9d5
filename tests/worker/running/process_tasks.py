"""Tasks for the tests of child processes, which find theirs by import. A file named in the input says "started"."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import rowcall


def _mark(run: rowcall.Run, text: str = "") -> None:
    """Write the marker in one step, so that whoever waits for it finds it whole."""
    path = Path(run.input_data["marker"])
    path.with_suffix(".new").write_text(text or str(os.getpid()))
    path.with_suffix(".new").rename(path)


def tell_about_itself(run: rowcall.Run) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "leads": os.getsid(0) == os.getpid(),
        "main": threading.current_thread() is threading.main_thread(),
        "attempt": run.attempt,
        "input": run.input_data,
        "key": run.idempotency_key,
        "at": run.scheduled_for,
    }


def without_run() -> str:
    return "done"


async def on_a_loop(run: rowcall.Run) -> str:
    await asyncio.sleep(0)
    return "looped"


def fail() -> None:
    raise ValueError("bad")


def exit_softly() -> None:
    sys.exit("enough")


def exit_hard() -> None:
    os._exit(3)


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    ctypes.string_at(0)


def return_a_set_of_objects() -> object:
    return {object()}


def interfere(run: rowcall.Run) -> None:
    """Write into the channel to the worker, whatever its number is."""
    for descriptor in range(3, 1024):
        try:
            os.write(descriptor, b"\0\0\0\2[]")
        except OSError:
            continue
    time.sleep(60)


def talk() -> None:
    print("to standard output", flush=False)
    print("to standard error", file=sys.stderr)
    logging.getLogger("billing").warning("to the log")


def wait_for_the_signal(run: rowcall.Run) -> None:
    _mark(run)
    run.wait_cancelled(60)
    run.raise_if_cancelled()


def notice_the_signal_and_return(run: rowcall.Run) -> str:
    _mark(run)
    run.wait_cancelled(60)
    return "half of it"


def clean_up_at_the_end(run: rowcall.Run) -> None:
    _mark(run)
    try:
        time.sleep(60)
    finally:
        _mark(run, "cleaned up")


def clean_up_at_the_end_of_a_loop(run: rowcall.Run) -> None:
    async def story() -> None:
        _mark(run)
        try:
            await asyncio.sleep(60)
        finally:
            _mark(run, "cleaned up")

    asyncio.run(story())


def ignore_every_plea(run: rowcall.Run) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _mark(run)
    while True:
        time.sleep(60)


def hold_the_interpreter(run: rowcall.Run) -> None:
    """A regular expression that takes for ever, during which no other Python code of this process runs."""
    _mark(run)
    re.match(r"(a+)+$", "a" * 64 + "b")


def start_a_grandchild(run: rowcall.Run) -> None:
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    _mark(run, str(grandchild.pid))
    os._exit(0) if run.input_data.get("leave") else grandchild.wait()


def fork_and_die(run: rowcall.Run) -> None:
    """The fork holds every descriptor of this process, and lives on."""
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    _mark(run, str(child))
    os._exit(4)


def close_its_output() -> str:
    sys.stdout.close()
    return "done"


def lose_its_output() -> str:
    sys.stdout = None  # as programs do that have no terminal
    return "done"


def fill_the_disk() -> str:
    sys.stdout = open("/dev/full", "w")  # noqa: SIM115, PTH123 - a disk that is full
    print("more than fits")
    return "done"
