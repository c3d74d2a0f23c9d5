"""``python -m tests.chaos``: inject faults for a while, then account for every occurrence; exits 1 if one is not."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx2
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rowcall.embedded import EmbeddedServer, embedded_postgres
from rowcall.store.database import Database
from rowcall.store.migrations import apply_schema
from tests.namespaces import Host, NoNamespaces, hosts

from .apps import EFFECTS
from .faults import Faults
from .proxy import Proxy
from .replicas import Replica
from .verdict import Verdict, judge, table
from .workload import People, definitions

HEARTBEAT_SECONDS = 0.5
HEARTBEATS_MISSED = 4
LEASE_SECONDS = HEARTBEAT_SECONDS * HEARTBEATS_MISSED
SERVER = {"max_connections": "200", "restart_after_crash": "on", "shared_buffers": "128MB"}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0, help="how long faults are injected")
    parser.add_argument("--seconds", type=float, default=0, help="added to that; 60 if neither is given")
    parser.add_argument("--workers", type=int, default=3, help="worker processes (3)")
    parser.add_argument("--schedules", type=int, default=200, help="schedules (200)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's choices; told at the start")
    parser.add_argument(
        "--namespaces",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="a host of its own for each worker, whose network fails too; by default where the machine allows it",
    )
    parser.add_argument("--keep", type=Path, default=None, help="a folder for logs, kept")
    return parser.parse_args()


@contextlib.contextmanager
def working_folder(keep: Path | None) -> Iterator[Path]:
    """Where the database and the logs are; a short path, because sockets lie in it."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="rowcall-chaos-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextlib.contextmanager
def hosts_for(options: argparse.Namespace) -> Iterator[tuple[list[Host], str | None]]:
    """A host for each worker, or none and why. Raises NoNamespaces if they were asked for."""
    with contextlib.ExitStack() as stack:
        made: list[Host] = []
        why = None if options.namespaces is not False else "not wanted"
        if why is None:
            try:
                made = stack.enter_context(hosts(options.workers))
            except NoNamespaces as fault:
                if options.namespaces:
                    raise
                why = str(fault)
        yield made, why


def proxied(dsn: str, port: int, address: str = "127.0.0.1") -> tuple[str, str]:
    """The socket behind a DSN, and the DSN through the proxy."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    socket = f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}"
    host = f"{parts.username}:{parts.password}@{address}:{port}"
    return socket, parts._replace(netloc=host, query="sslmode=disable").geturl()


def replicas_of(count: int, port: int, direct: str, folder: Path, hosts: Sequence[Host]) -> list[Replica]:
    """Workers that reach the database through the proxy; each from a host of its own, if there are hosts."""
    environment = {
        "CHAOS_DATABASE_URL": direct,
        "ROWCALL_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
        "ROWCALL_HEARTBEATS_MISSED": str(HEARTBEATS_MISSED),
        "ROWCALL_POLL_INTERVAL_SECONDS": "2",
        "ROWCALL_DRAIN_TIMEOUT_SECONDS": "5",
        "ROWCALL_DATABASE_TIMEOUT_SECONDS": "5",
        "ROWCALL_LOG_LEVEL": "info",
        "ROWCALL_LOG_FORMAT": "json",
    }
    command = ["worker", "--app", "tests.chaos.apps:app"]
    workers = []
    places: Sequence[Host | None] = hosts or [None] * count
    for number, host in zip(range(1, count + 1), places, strict=True):
        place, prefix = ("127.0.0.1", ()) if host is None else (host.here, tuple(host.prefix))
        own = environment | {"DATABASE_URL": proxied(direct, port, place)[1]}
        workers.append(Replica(f"worker {number}", command, own, folder / f"worker-{number}.log", prefix))
    return workers


def a_free_port() -> int:
    """A port that nobody listens on: not the seed's choice, because another run may still be there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def answering(url: str) -> None:
    """Wait until the API is ready."""
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        for _ in range(300):
            with contextlib.suppress(httpx2.HTTPError):
                if (await client.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise TimeoutError("the API did not become ready within 30 s")


async def quiet(dsn: str, within: float) -> None:
    """Wait until nothing is open any more."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                if not await connection.fetchval("SELECT count(*) FROM rowcall.open_executions"):
                    return
            finally:
                connection.terminate()
        await asyncio.sleep(0.5)


async def inject(faults: Faults, seconds: float, random: Random, progress: Progress) -> None:
    """One fault after another, with pauses of up to two seconds."""
    task = progress.add_task("calm", total=seconds)
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0:
        progress.update(task, completed=seconds - left, description=await faults.one())
        await asyncio.sleep(min(left, random.uniform(0.05, 2.0)))
    progress.update(task, completed=seconds, description="waiting for quiet")
    await faults.end()


@contextlib.asynccontextmanager
async def everything_running(
    options: argparse.Namespace, server: EmbeddedServer, folder: Path, random: Random, hosts: Sequence[Host]
) -> AsyncIterator[tuple[Faults, People, list[Replica]]]:
    """The proxy, the API, the workers and the schedules."""
    async with Database.open(server.dsn) as database:
        await apply_schema(database)
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(EFFECTS)
    await connection.close()
    places = tuple(host.here for host in hosts) or ("127.0.0.1",)
    async with Proxy(proxied(server.dsn, 0)[0], hosts=places) as proxy:
        workers = replicas_of(options.workers, proxy.port, server.dsn, folder, hosts)
        port = str(a_free_port())
        api = Replica("api", ["api", "--port", port], {"DATABASE_URL": server.dsn}, folder / "api.log")
        try:
            api.start()
            await answering(f"http://127.0.0.1:{port}")
            async with People(f"http://127.0.0.1:{port}", random) as people:
                for worker in workers:
                    worker.start()
                for definition in definitions(options.schedules, random):
                    await people.create(definition)
                cluster = server.data_dir / "postgres"
                yield Faults(workers, proxy, people, cluster, LEASE_SECONDS, random, hosts), people, workers
        finally:
            for replica in (*workers, api):
                replica.wipe_out()


async def run(
    options: argparse.Namespace, folder: Path, seed: int, hosts: Sequence[Host]
) -> tuple[Verdict, Counter[str], int]:
    random = Random(seed)
    seconds = options.minutes * 60 + options.seconds or 60
    async with embedded_postgres(folder / "data", settings=SERVER) as server:
        async with everything_running(options, server, folder, random, hosts) as (faults, people, workers):
            columns = (TextColumn("{task.description:40}"), BarColumn(), TimeElapsedColumn())
            with Progress(*columns, transient=True) as progress:
                await inject(faults, seconds, random, progress)
                await people.pause_all()
                await quiet(server.dsn, within=60)
            for worker in workers:
                await worker.stop()
        return await judge(server.dsn), faults.counts, people.refused


def main() -> int:
    chosen = options()
    seed = chosen.seed if chosen.seed is not None else int.from_bytes(os.urandom(3))
    print(f"seed {seed}", file=sys.stderr)
    with working_folder(chosen.keep) as folder, hosts_for(chosen) as (made, why_not):
        verdict, faults, refused = asyncio.run(run(chosen, folder, seed, made))
    seconds = chosen.minutes * 60 + chosen.seconds or 60
    print(f"{seconds:g} s of faults, {chosen.workers} workers, {chosen.schedules} schedules, seed {seed}")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {refused} requests refused meanwhile\n")
    print(table(verdict, faults))
    if why_not is not None:
        print(f"\nNetwork faults between hosts were left out: {why_not}.")
    for finding in verdict.report.findings[:20]:
        print(f"\n{finding.schedule_name} (schedule {finding.schedule_id}): {finding.kind}: {finding.detail}")
    print("\nEvery occurrence is accounted for." if verdict.is_good else "\nNOT every occurrence is accounted for.")
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
