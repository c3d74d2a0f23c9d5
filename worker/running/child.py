"""The inside of a child process: one attempt at a time, on its main thread, until the worker is gone.

The main thread belongs to the task, so that signals and event loops work in it as in any program. A second thread reads
what the worker says; when the channel ends, so does this process with all that it started. On Linux the kernel sees to
that even where Python no longer can.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from queue import SimpleQueue
from types import FrameType
from typing import NoReturn

from rowcall.app import Run, RunCancelled
from rowcall.app.tasks import find, takes_run

from .calling import Limits, call_task
from .endings import End, EndKind
from .errors import describe_error
from .frames import LENGTH, Frame, length_of, pack, run_from_frame, unpack

_PR_SET_PDEATHSIG = 1


def main() -> NoReturn:
    """Serve the worker whose process id and channel are the arguments."""
    worker_id, channel_fd = int(sys.argv[1]), int(sys.argv[2])
    _die_with(worker_id)
    channel = socket.socket(fileno=channel_fd)
    channel.set_inheritable(False)
    os.register_at_fork(after_in_child=channel.close)  # a fork of the task's would keep it open after our death
    Child(channel).serve()


class Child:
    """Runs what the worker sends, one attempt after the other."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._frames: SimpleQueue[Frame] = SimpleQueue()
        self._current: Run | None = None
        self._limits = Limits(0, 0)
        self._interruptible = False

    def serve(self) -> NoReturn:
        """Run attempts for ever; the reading thread ends the process."""
        self._prepare(self._receive())
        threading.Thread(target=self._listen, name="rowcall-channel", daemon=True).start()
        while True:
            frame = self._frames.get()
            end = self._attempt(frame["reference"])
            sound = _flush()
            assert self._current is not None
            seen = self._current.signal.seen
            self._send({"kind": "end", "end": end.kind.value, "text": end.text, "seen": seen, "sound": sound})

    def _prepare(self, frame: Frame) -> None:
        """Become like the worker: the same modules, the same logging, the same limits."""
        sys.path[:] = frame["path"]
        self._limits = Limits(**frame["limits"])
        if frame["log"] is not None:
            from rowcall import log

            log.configure(*frame["log"])

    def _attempt(self, reference: str) -> End:
        run = self._current
        assert run is not None
        try:
            function = find(reference)
            wants_run = takes_run(function)
        except BaseException as fault:  # noqa: BLE001 - a module may raise anything at its import
            return End(EndKind.RAISED, describe_error(fault, self._limits.error_max_bytes))
        signal.signal(signal.SIGTERM, self._terminated)  # each time: the task before may have put its own in place
        self._interruptible = True
        try:
            return call_task(function, run, takes_run=wants_run, limits=self._limits)
        finally:
            self._interruptible = False

    def _terminated(self, _signal: int, _frame: FrameType | None) -> None:
        """Let the task clean up on its way out. The worker kills if that takes too long, and never uses us again."""
        if self._interruptible:
            self._interruptible = False
            raise RunCancelled("the worker sent SIGTERM")

    def _listen(self) -> None:
        """In the second thread: hand over what is to run, pass on what is to stop."""
        while True:
            frame = self._receive()
            if frame["kind"] == "run":
                self._current = run_from_frame(frame["run"])
                self._frames.put(frame)
            elif self._current is not None:
                self._current.signal.request(frame["reason"])

    def _receive(self) -> Frame:
        return unpack(self._read(length_of(self._read(LENGTH.size))))

    def _read(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._channel.recv(size - len(parts))
            except OSError:
                part = b""
            if not part:
                os.killpg(os.getpgrp(), signal.SIGKILL)  # the worker is gone, and nothing of us may outlive it
            parts += part
        return bytes(parts)

    def _send(self, frame: Frame) -> None:
        self._channel.sendall(pack(frame))


def _flush() -> bool:
    """Write out what the task has printed; False where it, or a full disk, has left no place for that."""
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except Exception:  # noqa: BLE001 - a task may have put anything in their places, and has ended all the same
        return False
    return True


def _die_with(worker_id: int) -> None:
    """Have the kernel kill this process when the worker's thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker_id:  # it was gone before the kernel knew
        os._exit(1)
