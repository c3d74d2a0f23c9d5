"""Workers as real processes, each in a process group of its own, so that nothing of them outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.worker.waiting import until

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "rowcall", "worker", "--app"]
APP = "tests.worker.apps:app"


class WorkerProcess:
    """A running ``rowcall worker``."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has logged so far: JSON, one object a line."""
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, within: float = 60.0) -> int:
        """Wait for its end; the exit code, or the signal that ended it as a negative number."""
        await until(lambda: self._process.poll() is not None, what=f"the end of {self.pid}; {self.log}", within=within)
        return self._process.returncode

    def wipe_out(self) -> None:
        """End it and whatever it has started, at once; it may be stopped or gone already."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def worker_process(environment: dict[str, str], log: Path, app: str = APP) -> Iterator[WorkerProcess]:
    """Start a worker with these variables added to the environment; it is gone when the block ends."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, app],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )
    worker = WorkerProcess(process, log)
    try:
        yield worker
    finally:
        worker.wipe_out()
