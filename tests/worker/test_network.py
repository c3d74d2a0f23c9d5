"""Workers on hosts of their own, and the network between them and PostgreSQL fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.replicas import Replica
from tests.namespaces import Host, NoNamespaces, hosts
from tests.worker.journal import JOURNAL, Journal
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

HEARTBEAT_SECONDS, HEARTBEATS_MISSED, RUNS = 0.5, 6, 5


@pytest.fixture
def two_hosts() -> Iterator[list[Host]]:
    try:
        with hosts(2) as made:
            yield made
    except NoNamespaces as fault:
        pytest.skip(f"hosts of their own can't be made here: {fault}")


def on(host: Host, proxy: Proxy, dsn: str, journal: Journal, log: Path) -> Replica:
    """A worker on this host, which reaches the database of `dsn` over the network."""
    parts = urlsplit(dsn)
    place = f"{parts.username}:{parts.password}@{host.here}:{proxy.port}"
    environment = {
        "DATABASE_URL": parts._replace(netloc=place, query="sslmode=disable").geturl(),
        JOURNAL: str(journal.path),
        "ROWCALL_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
        "ROWCALL_HEARTBEATS_MISSED": str(HEARTBEATS_MISSED),
        "ROWCALL_POLL_INTERVAL_SECONDS": "0.5",
        "ROWCALL_DATABASE_TIMEOUT_SECONDS": "3",
        "ROWCALL_LOG_FORMAT": "json",
    }
    worker = Replica(host.name, ["worker", "--app", "tests.worker.apps:app"], environment, log, tuple(host.prefix))
    worker.start()
    return worker


@pytest.mark.parametrize("fail", [Host.cut_off, Host.fall_half_open], ids=["cut-off", "half-open"])
async def test_the_work_of_a_host_that_is_cut_off_is_recovered_by_another_and_never_runs_twice_at_once(
    fail: Callable[[Host], None],
    two_hosts: list[Host],
    dsn: str,
    schedules: Schedules,
    journal: Journal,
    tmp_path: Path,
) -> None:
    query = parse_qs(urlsplit(dsn).query)
    if "host" not in query:
        pytest.skip("the server of the tests has no Unix socket to forward to")
    one, other = two_hosts
    gate = tmp_path / "gate"
    socket = f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}"
    async with Proxy(socket, hosts=(one.here, other.here)) as proxy:
        workers = [on(one, proxy, dsn, journal, tmp_path / "one.log")]
        try:
            ids = [await schedules.insert("gated", input_data={"gate": str(gate)}, max_retries=3) for _ in range(RUNS)]
            await until(lambda: len(journal.entries("started")) == RUNS, what="the start of all runs")
            workers.append(on(other, proxy, dsn, journal, tmp_path / "other.log"))
            await until(lambda: at_least_two(schedules), what="the second worker")
            fail(one)
            await until(lambda: len(journal.entries("started")) == 2 * RUNS, what="the recovery of all runs")
            told = log_of(workers[0])
            assert '"event": "lease_lost"' in told  # its own work was ended before another's began
            assert told.count('"event": "lease_lost"') == 1
            one.mend()
            await until(lambda: '"scheduler_start"' in log_of(workers[0]).partition("lease_lost")[2], what="its return")
            gate.touch()
            rows = await schedules.ended(*ids)
            assert [(row["status"], row["fence"]) for row in rows] == [("SUCCEEDED", 2)] * RUNS
            assert {len(row["errors"] or "[]") > 2 for row in rows} == {True}  # each says that its worker was lost
            assert sorted(entry.execution_id for entry in journal.entries("finished")) == sorted(
                row["execution_id"] for row in rows
            )
        finally:
            for worker in workers:
                worker.wipe_out()
                print(log_of(worker))  # shown with what failed


async def at_least_two(schedules: Schedules) -> bool:
    return len(await schedules.workers("RUNNING")) >= 2


def log_of(worker: Replica) -> str:
    return worker.log.read_text()
