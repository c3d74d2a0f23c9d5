"""Worker processes and the API, as an operator would run them: started, killed, frozen, rolled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
POLL_SECONDS = 0.05


@dataclass(eq=False, slots=True)
class Replica:
    """One place for a process; who runs there changes. `prefix` is a command that runs it elsewhere."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    prefix: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    frozen: bool = False
    exits: list[int] = field(default_factory=list)

    def start(self) -> None:
        """Start it, if it is not running."""
        if self.running:
            return
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "rowcall", *self.command],
                cwd=ROOT,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether a process is there, frozen or not."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to the process alone: its children have to notice by themselves."""
        if self.process is not None and self.running:
            self.process.kill()
            self.process.wait()
            self.frozen = False

    def wipe_out(self) -> None:
        """SIGKILL to the whole group, and wait."""
        if self.process is not None and self.running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP for so long, then SIGCONT: the pause that breaks naive leases."""
        if self.process is None or not self.running or self.frozen:
            return
        process, self.frozen = self.process, True
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            if process is self.process:
                self.frozen = False

    async def stop(self, within: float = 60.0) -> int:
        """SIGTERM, and wait for the drain; its exit code."""
        if self.process is None:
            return 0
        if self.running:
            self.process.terminate()
        deadline = asyncio.get_running_loop().time() + within
        while self.process.poll() is None:
            if asyncio.get_running_loop().time() > deadline:
                self.wipe_out()
            await asyncio.sleep(POLL_SECONDS)
        self.exits.append(self.process.returncode)
        return self.process.returncode
