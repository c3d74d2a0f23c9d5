"""A child process as the worker sees it: started once, given one attempt at a time, killed when it has to be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

import rowcall
from rowcall import log
from rowcall.app import Run

from .calling import Limits
from .endings import End, EndKind
from .frames import LENGTH, Frame, length_of, pack, run_to_frame, unpack

# -P, and the path to Rowcall last: a json.py in the working directory must not become this process's json.
_BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from rowcall.worker.running.child import main; main()"
logger: FilteringBoundLogger = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.01
_REAP_SECONDS = 10.0


class ChildProcess:
    """One child process and the channel to it.

    It leads a session and a process group of its own: Ctrl-C in the worker's terminal does not reach it, and what it
    started is killed with it. `usable` tells whether it may be given another attempt; `gone` is done when it has ended.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.usable = True
        self._process = process
        self._reader = reader
        self._writer = writer
        self._run: Run | None = None
        self._done: asyncio.Future[End] | None = None
        self.gone = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls, limits: Limits) -> ChildProcess:
        """Start a process. Raises OSError if the system won't.

        From the event loop's own thread: the kernel ends the child when the thread that started it ends.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = _spawn(theirs.fileno())
        except BaseException:
            ours.close()
            raise
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
        except BaseException:  # cancelled, most likely: there is nobody yet who would end the process
            process.kill()
            process.wait()
            ours.close()
            raise
        child = cls(process, reader, writer)
        child._send({"kind": "prepare", "path": sys.path, "log": log.configured(), "limits": asdict(limits)})
        return child

    @property
    def process_id(self) -> int:
        """The system's number of the process, and of its group."""
        return self._process.pid

    def begin(self, run: Run, reference: str) -> asyncio.Future[End]:
        """Have it run this; the future is done with the task's end. TypeError or ValueError: it can't be sent."""
        packed = pack({"kind": "run", "reference": reference, "run": run_to_frame(run)})
        self._run = run
        self._done = asyncio.get_running_loop().create_future()
        self._writer.write(packed)
        forget = run.signal.listen(self._pass_on)
        self._done.add_done_callback(lambda _: forget())
        return self._done

    def is_alive(self) -> bool:
        """Whether the process is there, by the system's word, which comes before the channel's end."""
        return self.usable and self._process.poll() is None

    def terminate(self) -> None:
        """Ask the process, and what it started, to end. It is never used again: the signal may arrive late."""
        self.usable = False
        if not self.gone.done():
            self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        """End the process, and what it started."""
        self.usable = False
        if not self.gone.done():  # after that, its number may be another's
            self._signal_group(signal.SIGKILL)

    async def close(self) -> None:
        """End the process and wait until it is gone."""
        self.kill()
        await self.gone

    def _pass_on(self) -> None:
        """Tell the process that its task should stop."""
        if self._run is not None and self._done is not None and not self._done.done():
            self._send({"kind": "stop", "reason": self._run.signal.reason})

    async def _read(self) -> None:
        """Take what the process says, until it says no more."""
        try:
            while True:
                size = length_of(await self._reader.readexactly(LENGTH.size))
                self._take(unpack(await self._reader.readexactly(size)))
        except (OSError, EOFError):
            pass  # it ended: how, its burial tells
        except (ValueError, TypeError, KeyError) as fault:
            logger.warning("task_process_garbled", process_id=self.process_id, fault=str(fault))
        self.usable = False
        self._finish(End(EndKind.DIED, await self._bury()))

    def _take(self, frame: Frame) -> None:
        if frame["seen"] and self._run is not None:
            self._run.signal.look()
        if not frame["sound"]:
            self.usable = False  # another task would find what this one has left of its output
        self._finish(End(EndKind(frame["end"]), frame["text"]))

    def _finish(self, end: End) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(end)

    async def _bury(self) -> str:
        """Make sure that the process is gone, with all it started, and tell how it ended."""
        self._signal_group(signal.SIGKILL)  # changes nothing for one that is ending: how it ends is decided
        self._writer.close()
        for _ in range(int(_REAP_SECONDS / _LOOK_SECONDS)):
            if self._process.poll() is not None:
                return _ending_of(self._process.returncode)
            await asyncio.sleep(_LOOK_SECONDS)
        return f"the process {self._process.pid} closed its channel, and not even SIGKILL ends it"

    def _send(self, frame: Frame) -> None:
        self._writer.write(pack(frame))

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or (macOS) only zombies left
            os.killpg(self._process.pid, number)


def _spawn(channel_fd: int) -> subprocess.Popen[bytes]:
    """Start Python on `child.main`, in a session of its own, with standard output and error passed through."""
    root = str(Path(rowcall.__file__).parent.parent)
    return subprocess.Popen(  # noqa: S603 - Python itself, and nothing that came from outside
        [sys.executable, "-P", "-c", _BOOT, root, str(os.getpid()), str(channel_fd)],
        stdin=subprocess.DEVNULL,
        pass_fds=(channel_fd,),
        start_new_session=True,
    )


def _ending_of(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"the process ended with exit status {code} before the task returned"
    try:
        name = f" ({signal.Signals(-code).name})"
    except ValueError:
        name = ""
    return f"the process ended with signal {-code}{name} before the task returned"
