"""Worker processes, started as an operator would: ``rowcall worker --app …`` with its settings in the environment."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from .children import check_alive, end, environment_for, start
from .samples import FILE_VARIABLE, Samples
from .server import Server, a_connection
from .waiting import until

COMMAND = (sys.executable, "-m", "rowcall", "worker", "--app", "bench.app:app")
START_SECONDS = 60.0
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
    environment = environment_for(dsn, settings or {})
    workers = [_start(server.folder.parent, number, environment) for number in range(count)]
    try:
        await _until_registered(dsn, workers)
        yield workers
    finally:
        await asyncio.to_thread(end, [worker.process for worker in workers])


def started_runs(workers: Sequence[Worker]) -> int:
    """How many runs all of them have started."""
    return sum(worker.samples.count for worker in workers)


def _start(folder: Path, number: int, environment: Mapping[str, str]) -> Worker:
    unique = f"{number}-{time.monotonic_ns()}"
    samples, log = Samples(folder / f"samples-{unique}"), folder / f"worker-{unique}.log"
    process = start(COMMAND, {**environment, FILE_VARIABLE: str(samples.path)}, log)
    return Worker(process, samples, log)


async def _until_registered(dsn: str, workers: Sequence[Worker]) -> None:
    pids = [worker.pid for worker in workers]
    async with a_connection(dsn) as connection:

        async def registered() -> bool:
            for worker in workers:
                check_alive(worker.process, worker.log)
            alive: int = await connection.fetchval(ALIVE, pids)
            return alive == len(workers)

        await until(registered, "the start of the workers", within=START_SECONDS, look=LOOK_SECONDS)
