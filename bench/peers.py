"""Other schedulers beside Rowcall, each with its best known settings: a herd due at one instant, in one run.

Not the same work. APScheduler 3 has recurring schedules, as Rowcall has, and keeps no history. The others have one-off
jobs with the same run-at, and so neither advance a schedule nor compute when it is next; graphile-worker deletes what
is done, pgqueuer and procrastinate keep it. Their packages are installed into bench/.peers, pinned, at the first run;
graphile-worker only where there is node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.draining import drain
from bench.harness.charts import Bars
from bench.harness.figures import microseconds, milliseconds, number, quantile, ratio
from bench.harness.filling import herd
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.peer_herds import PEERS, Peer, PeerDrained, drain_peer
from bench.peer_packages import install


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    names: tuple[str, ...] = option("peers", tuple(peer.name for peer in PEERS))
    slow: int = option("jobs or schedules of those that do a thousand a second", 10_000, quick=1_000)
    fast: int = option("of the others, and of Rowcall", 100_000, quick=10_000)
    workers: int = option("worker processes, where more than one is supported", 2)


async def measure(bench: Bench, plan: Plan) -> Report:
    """Rowcall, then each peer."""
    with bench.teller.step("peers: installing their packages"):
        commands = await install()
    for step in ("once, for the server to be as warm as for those after it", "measured"):
        with bench.teller.step(f"peers: Rowcall, {plan.fast:,} schedules, {step}"):
            own = await drain(bench, plan.workers, 2_000, lambda due: herd(plan.fast, due))
    found = {"Rowcall": PeerDrained(own.workers, own.runs, own.seconds, own.lateness, own.spent)}
    for peer in PEERS:
        if peer.name in plan.names and peer.language in commands:
            found[peer.name] = await _drain(bench, plan, peer, commands[peer.language])
    return Report(
        "Peers: a herd due at one instant",
        [_table(found), _settings()],
        [Bars("runs/s", [(name, each.runs_per_second) for name, each in found.items()])],
        {f"times.{name}": found["Rowcall"].runs_per_second / each.runs_per_second for name, each in found.items()},
    )


async def _drain(bench: Bench, plan: Plan, peer: Peer, command: str) -> PeerDrained:
    count = plan.slow if peer.is_slow else plan.fast
    workers = plan.workers if peer.several else 1
    with bench.teller.step(f"peers: {peer.name}, {count:,}, {workers} workers"):
        return await drain_peer(bench, peer, command, count, workers)


def _table(found: Mapping[str, PeerDrained]) -> Table:
    own = found["Rowcall"]
    rows = [
        [
            name,
            f"{each.runs:,}",
            str(each.workers),
            number(each.runs_per_second),
            ratio(own.runs_per_second, each.runs_per_second),
            milliseconds(quantile(each.lateness, 0.5)),
            milliseconds(quantile(each.lateness, 0.99)),
            microseconds(each.spent.worker_seconds / each.runs),
            microseconds(each.spent.server_seconds / each.runs),
            number(each.spent.wal_bytes / each.runs),
            number(each.spent.busy_others),
        ]
        for name, each in found.items()
    ]
    columns = [
        "scheduler", "runs", "workers", "runs/s", "Rowcall is so many times", "lateness p50", "p99", "worker CPU/run",
        "PostgreSQL CPU/run", "WAL bytes/run", "cores used by others",
    ]  # fmt: skip
    return Table("From the due instant until all is recorded", columns, rows)


def _settings() -> Table:
    rows = [[peer.name, peer.version, peer.settings, peer.recorded] for peer in PEERS]
    return Table("What they are, and when a run counts as recorded", ["peer", "version", "settings", "recorded"], rows)


SCENARIO = Scenario("peers", Plan, measure, ())

if __name__ == "__main__":
    SCENARIO.main()
