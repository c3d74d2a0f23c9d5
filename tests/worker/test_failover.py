"""The primary is killed, its standby takes over, and worker processes that know both go on by themselves."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest

from rowcall.store.database import Database
from rowcall.store.diagnosis import takes_changes
from rowcall.store.migrations import apply_schema
from tests.chaos.apps import EFFECTS
from tests.chaos.replicas import Replica
from tests.chaos.verdict import Verdict, judge
from tests.clusters import Pair, Server, a_pair
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the servers of the pair are killed as Linux lists them"
)

ONCE, PLAIN, WORKERS = 8, 8, 2
SETTINGS = {
    "ROWCALL_HEARTBEAT_SECONDS": "0.5",
    "ROWCALL_HEARTBEATS_MISSED": "4",
    "ROWCALL_POLL_INTERVAL_SECONDS": "1",
    "ROWCALL_DRAIN_TIMEOUT_SECONDS": "5",
    "ROWCALL_DATABASE_TIMEOUT_SECONDS": "5",
}


@asynccontextmanager
async def schedules_of(server: Server) -> AsyncIterator[Schedules]:
    connection = await asyncpg.connect(server.dsn)
    try:
        yield Schedules(connection)
    finally:
        await connection.close()


async def fill(pair: Pair) -> None:
    """The schema, and schedules of every second: some write a row in the transaction that ends them, some do not."""
    async with Database.open(pair.dsn) as database:
        await apply_schema(database)
    async with schedules_of(pair.primary) as schedules:
        await schedules.db.execute(EFFECTS)
        for task_type, count in (("chaos-once", ONCE), ("chaos-succeed", PLAIN)):
            for _ in range(count):
                await schedules.insert(task_type, interval_seconds=1, coalesce="all", max_retries=5)


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[Replica]]:
    command = ["worker", "--app", "tests.chaos.apps:app"]
    workers = [Replica(f"worker {n}", command, dict(SETTINGS), tmp_path / f"{n}.log") for n in range(WORKERS)]
    yield workers
    for worker in workers:
        worker.wipe_out()
        print(worker.log.read_text())  # shown with what failed


def start(replicas: list[Replica], pair: Pair) -> list[int]:
    """Start the workers; their process ids."""
    for worker in replicas:
        worker.environment["DATABASE_URL"] = pair.dsn
        worker.start()
    return [worker.process.pid for worker in replicas if worker.process is not None]


async def succeeded(server: Server, more_than: int) -> int:
    """How many executions succeeded there, once they are more than so many."""
    async with schedules_of(server) as schedules:

        async def enough() -> int | None:
            found: int = await schedules.db.fetchval(
                "SELECT count(*) FROM rowcall.schedule_executions WHERE status = 'SUCCEEDED'"
            )
            return found if found > more_than else None

        count: int = await until(enough, what=f"more than {more_than} successes")
        return count


async def the_end_of(replicas: list[Replica], server: Server) -> Verdict:
    """Let no more become due, wait until nothing is open, stop the workers in order, and account for everything."""
    async with schedules_of(server) as schedules:
        await schedules.db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', status_reason = 'the test ends'")

        async def nothing_open() -> bool:
            return not await schedules.db.fetchval("SELECT count(*) FROM rowcall.open_executions")

        await until(nothing_open, what="the end of what is open")
    for worker in replicas:
        assert await worker.stop() == 0
    return await judge(server.dsn)


async def test_a_failover_to_a_synchronous_standby_loses_and_doubles_nothing(replicas: list[Replica]) -> None:
    async with a_pair(synchronous=True) as pair:
        await fill(pair)
        pids = start(replicas, pair)
        await succeeded(pair.primary, 3 * (ONCE + PLAIN))
        before = set(await all_successes(pair.primary))
        pair.primary.kill()
        await pair.standby.told("SELECT pg_promote()", "ALTER SYSTEM RESET synchronous_standby_names")
        await pair.standby.told("SELECT pg_reload_conf()")
        await succeeded(pair.standby, len(before) + 3 * (ONCE + PLAIN))
        verdict = await the_end_of(replicas, pair.standby)
        assert before <= set(await all_successes(pair.standby))
        assert verdict.is_good, (verdict.report.findings, verdict.wrong, dict(verdict.numbers))
        assert [worker.process and worker.process.pid for worker in replicas] == pids  # nobody had to start them again


async def all_successes(server: Server) -> list[tuple[int, int, datetime]]:
    connection = await asyncpg.connect(server.dsn)
    try:
        rows = await connection.fetch(
            "SELECT execution_id, schedule_id, scheduled_for FROM rowcall.schedule_executions"
            " WHERE status = 'SUCCEEDED'"
        )
        return [(row["execution_id"], row["schedule_id"], row["scheduled_for"]) for row in rows]
    finally:
        await connection.close()


async def test_a_failover_to_an_asynchronous_standby_loses_the_last_commits_and_breaks_nothing(
    replicas: list[Replica],
) -> None:
    async with a_pair(synchronous=False) as pair:
        await fill(pair)
        start(replicas, pair)
        await succeeded(pair.primary, 2 * (ONCE + PLAIN))
        pair.standby.stop()  # what is committed from now on, the standby never gets
        there = await succeeded(pair.primary, 0)
        await succeeded(pair.primary, there + 3 * (ONCE + PLAIN))
        before = set(await all_successes(pair.primary))
        pair.primary.kill()
        await pair.standby.start()
        kept = set(await all_successes(pair.standby))
        await pair.standby.told("SELECT pg_promote()")
        await succeeded(pair.standby, len(before) + 3 * (ONCE + PLAIN))
        verdict = await the_end_of(replicas, pair.standby)
        after = {occurrence[1:] for occurrence in await all_successes(pair.standby)}
        assert len(before - kept) >= 3 * (ONCE + PLAIN)  # the last commits are gone
        lost = {occurrence[1:] for occurrence in before - kept}
        assert lost <= after  # and what was lost with them was run again
        assert verdict.is_good, (verdict.report.findings, verdict.wrong, dict(verdict.numbers))


async def test_a_host_that_is_dead_without_a_word_does_not_keep_from_the_next() -> None:
    async with a_pair(synchronous=False) as pair:
        for server, takes in ((pair.primary, True), (pair.standby, False)):
            async with Database.open(server.dsn) as database:
                assert await takes_changes(database) is takes
        await pair.standby.told("SELECT pg_promote()")
        await pair.standby.says("SELECT NOT pg_is_in_recovery()")
        silent = f"postgresql://rowcall@192.0.2.1:5432,127.0.0.1:{pair.standby.port}/postgres?sslmode=disable"
        async with Database.open(silent) as database:
            facts = await database.fetchrow("server_facts")
        assert facts is not None
        assert facts["is_standby"] is False
