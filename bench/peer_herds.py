"""One herd of a peer's: filled in and worked off by its own program, and watched in the same way as Rowcall's."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.harness.children import check_alive, end, start
from bench.harness.filling import tidy
from bench.harness.metering import Meter, Reading
from bench.harness.running import Bench
from bench.harness.samples import FILE_VARIABLE, Samples
from bench.harness.server import a_connection, a_database, environment_of
from bench.harness.waiting import at, until
from bench.harness.workers import Worker, started_runs
from bench.peer_packages import PLACE
from bench.peer_programs.common import DSN_VARIABLE

REST_SECONDS = 0.3
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A scheduler to compare with. `left` is SQL that counts what is not recorded yet of what was due."""

    name: str
    version: str
    language: str
    program: str
    settings: str
    recorded: str
    left: str
    filled_per_second: int
    is_slow: bool
    several: bool = True


PEERS = (
    Peer(
        name="APScheduler 3",
        version="3.11.3, SQLAlchemy 2.1.9, psycopg 3.3.9",
        language="python",
        program="aps3",
        settings="SQLAlchemyJobStore, ThreadPoolExecutor(20), coalesce, misfire_grace_time None; one process only",
        recorded="next_run_time advanced (no history is kept)",
        left="SELECT count(*) FROM apscheduler_jobs WHERE next_run_time <= extract(epoch FROM now())",
        filled_per_second=300,
        is_slow=True,
        several=False,
    ),
    Peer(
        name="procrastinate",
        version="3.10.0, psycopg 3.3.9",
        language="python",
        program="procr",
        settings="concurrency 20, polling 0.2 s, listen_notify, delete_jobs never",
        recorded="job 'succeeded', with its events (history)",
        left="SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
        filled_per_second=1_500,
        is_slow=True,
    ),
    Peer(
        name="pgqueuer",
        version="1.6.0, asyncpg 0.32.0, uvloop 0.23.0",
        language="python",
        program="pgq",
        settings="pool of 5, batch_size 1000",
        recorded="row moved to pgqueuer_log (history)",
        left="SELECT count(*) FROM pgqueuer",
        filled_per_second=4_000,
        is_slow=False,
    ),
    Peer(
        name="graphile-worker",
        version="0.17.3",
        language="node",
        program="graphile",
        settings="concurrentJobs 24, maxPoolSize 25, localQueue 500, completeJobBatchDelay 0, pollInterval 100 ms",
        recorded="job deleted (no history is kept)",
        left="SELECT count(*) FROM graphile_worker._private_jobs",
        filled_per_second=4_000,
        is_slow=False,
    ),
)


@dataclass(frozen=True, slots=True)
class PeerDrained:
    """A herd that ran: see bench.draining.Drained."""

    workers: int
    runs: int
    seconds: float
    lateness: Sequence[float]
    spent: Reading

    @property
    def runs_per_second(self) -> float:
        """Throughput, with the wait for the first and the record of the last in it."""
        return self.runs / self.seconds


class NotReady(RuntimeError):
    """The jobs were due before their workers were ready for them."""


async def drain_peer(bench: Bench, peer: Peer, command: str, count: int, workers: int) -> PeerDrained:
    """Run one herd of a peer's on a database of its own; where the machine was too slow for it, again with more time.

    Raises NotReady where even eight times as much was not enough.
    """
    lead = SETTLE_SECONDS + 5 + workers + count / peer.filled_per_second
    for more in (1, 2, 4):
        try:
            return await _drain_in(more * lead, bench, peer, command, count, workers)
        except NotReady:
            bench.teller.say(f"{peer.name} needs more than {more * lead:.0f} s to get ready")
    return await _drain_in(8 * lead, bench, peer, command, count, workers)


async def _drain_in(
    lead_seconds: float, bench: Bench, peer: Peer, command: str, count: int, workers: int
) -> PeerDrained:
    async with a_database(bench.server, "peer", schema=False) as dsn, a_connection(dsn) as connection:
        due = time.time() + lead_seconds
        await _fill(peer, command, dsn, count, due, bench.server.folder.parent)
        await tidy(connection)
        async with _working(peer, command, dsn, workers, bench.server.folder.parent) as processes:
            await asyncio.sleep(SETTLE_SECONDS)
            if time.time() > due - REST_SECONDS:
                raise NotReady(f"{peer.name} was not ready for its {count:,} jobs within {lead_seconds:.0f} s")
            meter = Meter(bench.server, connection, [worker.pid for worker in processes])
            await at(due - REST_SECONDS)
            before = await meter.read()
            ended_at = await _all_recorded(connection, peer, processes, count)
            spent = await meter.read() - before
            lateness = [started - due for worker in processes for started, _ in worker.samples.read()]
            return PeerDrained(workers, count, ended_at - due, lateness, spent)


async def _fill(peer: Peer, command: str, dsn: str, count: int, due: float, folder: Path) -> None:
    log = folder / f"{peer.program}-fill.log"
    process = start([*_words(peer, command), "fill", str(count), str(due)], _environment(dsn), log)
    if await asyncio.to_thread(process.wait) != 0:
        raise RuntimeError(f"{peer.name} could not fill in its jobs:\n{log.read_text()}")


@asynccontextmanager
async def _working(peer: Peer, command: str, dsn: str, count: int, folder: Path) -> AsyncIterator[list[Worker]]:
    workers: list[Worker] = []
    for number in range(count):
        unique = f"{peer.program}-{number}-{time.monotonic_ns()}"
        samples, log = Samples(folder / f"samples-{unique}"), folder / f"{unique}.log"
        environment = {**_environment(dsn), FILE_VARIABLE: str(samples.path)}
        workers.append(Worker(start([*_words(peer, command), "work"], environment, log), samples, log))

    async def ready() -> bool:
        for worker in workers:
            check_alive(worker.process, worker.log)
        return all("ready" in worker.log.read_text() for worker in workers)

    try:
        await until(ready, f"the start of {peer.name}", within=60, look=0.05)
        yield workers
    finally:
        await asyncio.to_thread(end, [worker.process for worker in workers])


async def _all_recorded(
    connection: asyncpg.Connection[asyncpg.Record], peer: Peer, workers: Sequence[Worker], count: int
) -> float:
    async def recorded() -> bool:
        if started_runs(workers) < count:
            return False
        left: int = await connection.fetchval(peer.left)
        return left == 0

    return await until(recorded, f"the record of {count} runs by {peer.name}")


def _words(peer: Peer, command: str) -> list[str]:
    if peer.language == "node":
        return [command, str(PLACE / "node" / f"{peer.program}.mjs")]
    return [command, "-m", f"bench.peer_programs.{peer.program}"]


def _environment(dsn: str) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROWCALL_", "PG"))}
    return {**kept, **environment_of(dsn), DSN_VARIABLE: dsn}
