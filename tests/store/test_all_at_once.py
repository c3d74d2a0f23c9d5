"""Everything at the same time, each on a connection of its own: what the ledger promises holds at the end.

The random walk does one thing after another; here claims, results, beats, recoveries, cancellations, changes, deletions
and backfills meet in each other's transactions. ROWCALL_TEST_FULL_SIZE=1 goes on for longer, and elsewhere each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

from rowcall.domain.definitions import define, merged
from rowcall.domain.errors import Conflict, InvalidInput, LeaseLost, NotFound
from rowcall.domain.executions import Outcome
from rowcall.store.auditing import audit
from rowcall.store.backfills import Request, cancel_backfill, plan_backfill, start_backfill
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.counting import fold_outcomes
from rowcall.store.database import Database
from rowcall.store.deleted import cancel_forgotten, cancel_left_over
from rowcall.store.executions import cancel_execution, execute_schedule
from rowcall.store.feeding import feed
from rowcall.store.finishing import Result, ending_transaction, record_results
from rowcall.store.leases import WorkerCard, beat, read_back, recover, register_worker
from rowcall.store.releasing import release_forgotten, release_waiting
from rowcall.store.schedules import (
    ScheduleRow,
    change_schedule,
    create_schedule,
    definition_of,
    delete_schedule,
    lock_schedule,
    pause_schedule,
    resume_schedule,
)
from rowcall.store.sessions import Transaction
from tests.store.stories import Connection

FULL_SIZE = os.environ.get("ROWCALL_TEST_FULL_SIZE") == "1"
SECONDS = 40.0 if FULL_SIZE else 5.0
SEED = int.from_bytes(os.urandom(3)) if FULL_SIZE else 4711
SCHEDULES = 12
ROUTES = ("work",)
EFFECTS = "CREATE TABLE public.effects (execution_id bigint, fence int)"
BEFORE = """
    UPDATE rowcall.schedules SET starts_at = now() - interval '40 seconds', next_run_at = NULL WHERE schedule_id = $1
"""
"""It begins with some occurrences to catch up on."""

NOT_DELETED = "SELECT count(*) FROM rowcall.schedules WHERE status <> 'DISABLED'"
GOING_ON = "SELECT backfill_id FROM rowcall.backfills WHERE status = 'RUNNING'"
POLICIES = ("skip", "queue", "allow", "cancel_running")
CAN_T = (Conflict, InvalidInput, NotFound)

Deed = Callable[[], Awaitable[None]]


class Crowd:
    """Workers and people on one database, each of whom does one thing after another, at random."""

    def __init__(self, database: Database, random: Random) -> None:
        self.database = database
        self.random = random
        self.ends_at = time.monotonic() + SECONDS
        self.claimed: Counter[tuple[int, int]] = Counter()
        self.done: Counter[str] = Counter()

    def is_over(self) -> bool:
        return time.monotonic() >= self.ends_at

    async def goes_on(self, *deeds: Deed) -> None:
        """One of these after another, until it is over. What can't be, as things stand, is refused."""
        while not self.is_over():
            deed = self.random.choice(deeds)
            with contextlib.suppress(*CAN_T):
                await deed()
                self.done[deed.__name__] += 1
            await asyncio.sleep(self.random.uniform(0.0, 0.01))

    # ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def works(self) -> None:
        """Works, and dies now and then: then its lease runs out, and what it held it still tries to end."""
        while not self.is_over():
            worker_id = await self.new_worker()
            held: dict[int, Claim] = {}
            for _ in range(self.random.randint(5, 40)):
                if self.is_over() or await beat(self.database, worker_id) is None:
                    break
                await self.one_turn(worker_id, held)
                await asyncio.sleep(self.random.uniform(0.0, 0.01))
            await self.database.fetch("set_worker_status", worker_id, "STOPPED")
            await self.ends(worker_id, list(held.values()))

    async def new_worker(self) -> int:
        card = WorkerCard("here", "here", 1, "0", ["tests"], ROUTES, 10, 60.0)
        return await register_worker(self.database, card, [])

    async def one_turn(self, worker_id: int, held: dict[int, Claim]) -> None:
        found = await look(self.database, worker_id, ROUTES, self.random.choice([1, 3, 20]))
        for claim in found.claims:
            self.claimed[claim.execution_id, claim.fence] += 1
            if self.random.random() < 0.9:  # of the others it never hears
                held[claim.execution_id] = claim
        if self.random.random() < 0.3:
            back = await read_back(self.database, worker_id, {id_: claim.fence for id_, claim in held.items()})
            for execution_id in held.keys() - back.present:
                del held[execution_id]
        ending = [claim for claim in held.values() if self.random.random() < 0.4]
        for claim in ending:
            del held[claim.execution_id]
        await self.ends(worker_id, ending)

    async def ends(self, worker_id: int, claims: list[Claim]) -> None:
        alone = [claim for claim in claims if self.random.random() < 0.3]
        for claim in alone:
            await self.ends_in_a_transaction(worker_id, claim)
        rest = [Result(claim, self.outcome(), 0.1) for claim in claims if claim not in alone]
        if rest:
            await record_results(self.database, worker_id, rest, self.random)

    async def ends_in_a_transaction(self, worker_id: int, claim: Claim) -> None:
        result = Result(claim, Outcome.succeeded(), 0.1)
        with contextlib.suppress(LeaseLost):
            async with ending_transaction(self.database, worker_id, claim, lambda: result) as transaction:
                await transaction.connection.execute(
                    "INSERT INTO public.effects VALUES ($1, $2)", claim.execution_id, claim.fence
                )
                await asyncio.sleep(self.random.uniform(0.0, 0.05))
            await release_waiting(self.database, [claim.schedule_id])

    def outcome(self) -> Outcome:
        return self.random.choice(
            [Outcome.succeeded(), Outcome.failed("no"), Outcome.timed_out("slow"), Outcome.cancelled("told to"),
             Outcome.given_back()]
        )  # fmt: skip

    # ── what any replica does for all ─────────────────────────────────────────────────────────────────────────────────

    async def recovers(self) -> None:
        await recover(self.database)

    async def sweeps(self) -> None:
        await cancel_forgotten(self.database)
        await release_forgotten(self.database)

    async def feeds(self) -> None:
        await feed(self.database, ROUTES)

    async def counts(self) -> None:
        await fold_outcomes(self.database)

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def creates(self) -> None:
        given = self.timing() | self.policy() | {
            "task_type": "work", "max_retries": self.random.choice([0, 1, 3]), "retry_backoff_seconds": 0,
        }  # fmt: skip
        async with self.database.transaction() as transaction:
            made = await create_schedule(transaction, define(given, now=await transaction.fetchval("now")))
            await transaction.connection.execute(BEFORE, made["schedule_id"])

    def timing(self) -> dict[str, object]:
        return {"schedule_type": "interval", "interval_seconds": self.random.choice([1, 1, 2])}

    def policy(self) -> dict[str, object]:
        policy = self.random.choice(POLICIES)
        return {
            "overlap_policy": policy, "max_instances": 3 if policy == "allow" else self.random.choice([1, 2]),
            "coalesce": self.random.choice(["latest", "all"]), "grace_period_seconds": self.random.choice([1, 900]),
            "max_executions": self.random.choice([None, None, 3]),
        }  # fmt: skip

    async def on_a_schedule(self, do: Callable[[Transaction, ScheduleRow], Awaitable[object]]) -> int:
        async with self.database.transaction() as transaction:
            ids = await transaction.connection.fetch("SELECT schedule_id FROM rowcall.schedules")
            schedule_id: int = self.random.choice(ids)["schedule_id"]
            await do(transaction, await lock_schedule(transaction, schedule_id))
        return schedule_id

    async def pauses(self) -> None:
        await self.on_a_schedule(lambda transaction, row: pause_schedule(transaction, row, None, "somebody"))

    async def resumes(self) -> None:
        await self.on_a_schedule(resume_schedule)

    async def changes(self) -> None:
        async def change(transaction: Transaction, row: ScheduleRow) -> None:
            previous = definition_of(row)
            wanted = merged(previous, self.random.choice([self.timing(), self.policy()]))
            await change_schedule(transaction, row, define(wanted, now=row["now"], previous=previous))

        await self.on_a_schedule(change)

    async def deletes(self) -> None:
        async with self.database.transaction() as transaction:
            left = await transaction.connection.fetchval(NOT_DELETED)
        if left > SCHEDULES:
            await cancel_left_over(self.database, [await self.on_a_schedule(delete_schedule)])

    async def asks_for_a_run(self) -> None:
        waits = self.random.random() < 0.7
        asked = await self.on_a_schedule(lambda transaction, row: execute_schedule(transaction, row, wait=waits))
        await release_waiting(self.database, [asked])

    async def cancels(self) -> None:
        async with self.database.transaction() as transaction:
            opened = await transaction.connection.fetch("SELECT execution_id FROM rowcall.open_executions LIMIT 20")
        if opened:
            await cancel_execution(self.database, self.random.choice(opened)["execution_id"], "somebody")

    async def backfills(self) -> None:
        async def start(transaction: Transaction, row: ScheduleRow) -> None:
            until = row["now"] - timedelta(seconds=self.random.choice([0, 2]))
            planned = await plan_backfill(transaction, row, until - timedelta(seconds=30), until)
            request = Request(max_concurrent=self.random.choice([1, 3]), requested_by="somebody")
            await start_backfill(transaction, row, planned, request)

        await self.on_a_schedule(start)

    async def cancels_a_backfill(self) -> None:
        async with self.database.transaction() as transaction:
            ids = await transaction.connection.fetch(GOING_ON)
        if ids:
            await cancel_backfill(self.database, self.random.choice(ids)["backfill_id"], "somebody")

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def comes_to_rest(self, db: Connection) -> None:
        """Nothing new begins; what is open ends."""
        await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED' WHERE status = 'ACTIVE'")
        await db.execute("UPDATE rowcall.backfills SET max_concurrent = 100")
        last = await self.new_worker()
        for _ in range(500):
            await self.sweeps()
            await recover(self.database)
            await feed(self.database, ROUTES)
            claims = (await look(self.database, last, ROUTES, 50)).claims
            ended = [Result(claim, Outcome.succeeded(), 0.1) for claim in claims]
            await record_results(self.database, last, ended, self.random)
            if not (await db.fetch(GOING_ON) or await db.fetchval("SELECT count(*) FROM rowcall.open_executions")):
                return
        raise AssertionError("it does not come to rest")


async def test_whatever_happens_at_the_same_time_every_promise_of_the_ledger_holds(
    database: Database, db: Connection
) -> None:
    print(f"seed {SEED}")
    await db.execute(EFFECTS)
    crowd = Crowd(database, Random(SEED))
    for _ in range(SCHEDULES):
        await crowd.creates()
    async with asyncio.TaskGroup() as all_of_them:
        for _ in range(4):
            all_of_them.create_task(crowd.works())
        for _ in range(2):
            all_of_them.create_task(crowd.goes_on(crowd.recovers, crowd.sweeps, crowd.feeds, crowd.counts))
            all_of_them.create_task(
                crowd.goes_on(
                    crowd.creates, crowd.deletes, crowd.pauses, crowd.resumes, crowd.resumes, crowd.changes,
                    crowd.asks_for_a_run, crowd.cancels, crowd.backfills, crowd.cancels_a_backfill,
                )
            )  # fmt: skip
    await crowd.comes_to_rest(db)
    print(dict(crowd.done), len(crowd.claimed), "claims")

    assert all(count == 1 for count in crowd.claimed.values()), "one fence was given twice"
    assert (await audit(database)).findings == []
    assert (
        await db.fetch(
            """SELECT f.execution_id FROM public.effects AS f
             LEFT JOIN rowcall.schedule_executions AS e ON e.execution_id = f.execution_id
            GROUP BY f.execution_id
           HAVING count(*) > 1 OR bool_or(e.status IS DISTINCT FROM 'SUCCEEDED' OR e.fence <> f.fence)"""
        )
        == []
    )
    assert (
        await db.fetch(
            "SELECT schedule_id FROM rowcall.schedules WHERE scheduled_runs > max_executions AND version = 1"
        )
        == []
    )
    await fold_outcomes(database)
    assert (
        await db.fetch(
            """SELECT s.schedule_id, s.total_runs, s.successful_runs, s.failed_runs, e.*
             FROM rowcall.schedules AS s
            CROSS JOIN LATERAL (
                  SELECT count(*) FILTER (WHERE e.fence > 0) AS runs,
                         count(*) FILTER (WHERE e.status = 'SUCCEEDED') AS succeeded,
                         count(*) FILTER (WHERE e.status IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed
                    FROM rowcall.schedule_executions AS e WHERE e.schedule_id = s.schedule_id) AS e
            WHERE (s.total_runs, s.successful_runs, s.failed_runs) <> (e.runs, e.succeeded, e.failed)"""
        )
        == []
    )
