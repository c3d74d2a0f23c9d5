"""What each step of a run costs, and whose time that is: the look that starts it, its work, its result, its count.

The steps of one worker in turn, in this process, on one connection, with nothing beside them. It is processor time, so
that small steps can be told apart; in a herd, two workers and their servers share the cores, and wait for each other.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from bench.app import app
from bench.harness.charts import Bars
from bench.harness.figures import median, microseconds
from bench.harness.filling import fill, herd, tidy
from bench.harness.processes import fine_cpu_seconds_of_tree
from bench.harness.report import Report, Table
from bench.harness.running import Bench, Scenario, option
from bench.harness.server import a_connection, a_database
from rowcall.cli.garbage import seldom_from_here_on
from rowcall.metrics.tallies import Tallies
from rowcall.store.claiming import look
from rowcall.store.counting import fold_outcomes
from rowcall.store.database import Database
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.worker.events import Audience
from rowcall.worker.holdings import Holdings
from rowcall.worker.recorder import Recorder
from rowcall.worker.running.runner import Runner
from rowcall.worker.settled import Settled
from rowcall.worker.transactions import Transactions
from rowcall.worker.work import Work

ROUTES = ("noop",)
LOOK, RUN, RECORD, COUNT = "look: claim, plan, start", "run the task", "record the result", "count it, later"
STEPS = (LOOK, RUN, RECORD, COUNT)
KEPT_BYTES = 1_000_000
OUR_SESSION = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    schedules: int = option("due schedules, of each time", 60_000, quick=10_000)
    batch: int = option("runs at once", 1_000)
    times: int = option("how often, each on a database of its own; the median counts", 3, quick=1)


@dataclass(slots=True)
class Spent:
    """Seconds of processor time by step: of the worker, and of PostgreSQL's process that serves it."""

    runs: int = 0
    worker: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    server: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class Stopwatch:
    """Says what has been spent since it was last asked; asking is in neither."""

    def __init__(self, spent: Spent, server_seconds: Callable[[], float]) -> None:
        self._spent = spent
        self._server_seconds = server_seconds
        self._server = server_seconds()
        self._worker = time.process_time()

    def note(self, step: str) -> None:
        """All since the last time went into this step."""
        worker, server = time.process_time(), self._server_seconds()
        self._spent.worker[step] += worker - self._worker
        self._spent.server[step] += server - self._server
        self._server, self._worker = server, time.process_time()


async def measure(bench: Bench, plan: Plan) -> Report:
    """All steps of all runs, as often as asked for."""
    found: list[Spent] = []
    with bench.teller.step("steps", total=plan.times) as step:
        for done in range(plan.times):
            found.append(await _once(bench, plan))
            step.reached(done + 1)
    worker = {each: median([one.worker[each] / one.runs for one in found]) for each in STEPS}
    server = {each: median([one.server[each] / one.runs for one in found]) for each in STEPS}
    rows = [[each, microseconds(worker[each]), microseconds(server[each])] for each in STEPS]
    rows.append(["all", microseconds(sum(worker.values())), microseconds(sum(server.values()))])
    return Report(
        f"Steps of a run, in batches of {plan.batch:,}",
        [Table("Processor time of a run", ["step", "worker", "PostgreSQL"], rows)],
        [Bars("µs a run", [(each, 1e6 * (worker[each] + server[each])) for each in STEPS])],
        {f"worker_seconds.{each}": worker[each] for each in STEPS}
        | {f"server_seconds.{each}": server[each] for each in STEPS},
    )


async def _once(bench: Bench, plan: Plan) -> Spent:
    async with a_database(bench.server, "steps") as dsn, a_connection(dsn) as connection:
        await fill(connection, herd(plan.schedules, datetime.now(UTC) - timedelta(seconds=30)))
        await tidy(connection)
        async with Database.open(dsn, size=1) as database, _a_worker(database, plan.batch) as worker:
            await worker.step_through(plan.batch, Stopwatch(Spent(), lambda: 0.0))  # statements are prepared then
            await fold_outcomes(database)
            [session] = await connection.fetch(OUR_SESSION)
            spent = Spent()
            watch = Stopwatch(spent, lambda: fine_cpu_seconds_of_tree(session["pid"]))
            while runs := await worker.step_through(plan.batch, watch):
                spent.runs += runs
            await fold_outcomes(database)
            watch.note(COUNT)
            return spent


@dataclass(frozen=True, slots=True)
class OneWorker:
    """The parts of a worker that every run passes through."""

    database: Database
    worker_id: int
    work: Work
    recorder: Recorder

    async def step_through(self, batch: int, watch: Stopwatch) -> int:
        """Carry a batch through all steps but the last; how many runs there were."""
        found = await look(self.database, self.worker_id, ROUTES, batch)
        watch.note(LOOK)
        self.work.take(found)
        await self.work.ended()
        watch.note(RUN)
        writing = asyncio.create_task(self.recorder.run())
        await self.recorder.flushed()
        writing.cancel()
        watch.note(RECORD)
        return len(found.claims)


@asynccontextmanager
async def _a_worker(database: Database, slots: int) -> AsyncIterator[OneWorker]:
    card = WorkerCard("bench", "bench", 0, "0", [], ROUTES, slots, 3600.0)
    worker_id = await register_worker(database, card, [])
    holdings, settled, audience = Holdings(slots), Settled(), Audience.of(None, Tallies())
    recorder = Recorder(database, worker_id, holdings, audience, Random(1))
    transactions = Transactions(database, database, worker_id, KEPT_BYTES, settled)
    runner = Runner(app.tasks, result_max_bytes=KEPT_BYTES, error_max_bytes=KEPT_BYTES, threads=1, processes=1)
    work = Work(runner, app.tasks, "bench", holdings, recorder, audience, transactions, settled)
    with _garbage_as_in_a_worker():
        async with runner:
            yield OneWorker(database, worker_id, work, recorder)


@contextmanager
def _garbage_as_in_a_worker() -> Iterator[None]:
    before = gc.get_threshold()
    seldom_from_here_on()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


SCENARIO = Scenario("steps", Plan, measure)

if __name__ == "__main__":
    SCENARIO.main()
