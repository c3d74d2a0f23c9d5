"""Worker processes, started as an operator would: ``rowcall worker --app …`` with its settings in the environment."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from .samples import FILE_VARIABLE, Samples
from .server import Server, a_connection
from .waiting import until

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "rowcall", "worker", "--app", "bench.app:app")
START_SECONDS = 60.0
END_SECONDS = 30.0
LOOK_SECONDS = 0.05
ALIVE = "SELECT count(*) FROM rowcall.workers WHERE ended_at IS NULL AND pid = ANY ($1::int[])"


@dataclass(frozen=True, slots=True)
class Worker:
    """A running worker, and what its runs noted."""

    process: subprocess.Popen[bytes]
    samples: Samples
    log: Path

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid


@asynccontextmanager
async def running_workers(
    server: Server, dsn: str, count: int, settings: Mapping[str, str] | None = None
) -> AsyncIterator[list[Worker]]:
    """So many workers on a database, registered and at rest. `settings` are variables of their environment.

    Raises RuntimeError, with its log, where one ends while it starts.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ROWCALL_", "PG"))},
        "DATABASE_URL": dsn,
        "ROWCALL_LOG_LEVEL": "warning",
        **(settings or {}),
    }
    workers = [_start(server.folder.parent, number, environment) for number in range(count)]
    try:
        await _until_registered(dsn, workers)
        yield workers
    finally:
        await asyncio.to_thread(_end, workers)


def started_runs(workers: Sequence[Worker]) -> int:
    """How many runs all of them have started."""
    return sum(worker.samples.count for worker in workers)


def _start(folder: Path, number: int, environment: Mapping[str, str]) -> Worker:
    unique = f"{number}-{time.monotonic_ns()}"
    samples, log = Samples(folder / f"samples-{unique}"), folder / f"worker-{unique}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env={**environment, FILE_VARIABLE: str(samples.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )
    return Worker(process, samples, log)


async def _until_registered(dsn: str, workers: Sequence[Worker]) -> None:
    pids = [worker.pid for worker in workers]
    async with a_connection(dsn) as connection:

        async def registered() -> bool:
            for worker in workers:
                if worker.process.poll() is not None:
                    raise RuntimeError(f"a worker was to start and ended; its log:\n{worker.log.read_text()}")
            alive: int = await connection.fetchval(ALIVE, pids)
            return alive == len(workers)

        await until(registered, "the start of the workers", within=START_SECONDS, look=LOOK_SECONDS)


def _end(workers: Sequence[Worker]) -> None:
    """Ask them to stop, and see to it."""
    for worker in workers:
        worker.process.send_signal(signal.SIGTERM)
    for worker in workers:
        try:
            worker.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.process.wait()
