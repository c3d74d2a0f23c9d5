"""Several replicas that claim at once: each row is one's alone, no limit is passed, and nobody waits for anybody."""

import asyncio
from collections import Counter

import pytest

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from tests.store.stories import (
    COMMITS_WAIT,
    HOUR,
    NOON,
    SECOND,
    AnExecution,
    ASchedule,
    AWorker,
    Connection,
    claim,
    finish,
    schedule,
    statuses,
    until_waiting_for_a_lock,
)


@pytest.mark.parametrize("kind", ["due", "queued"])
async def test_two_replicas_with_open_transactions_have_claimed_different_rows(
    database: Database,
    db: Connection,
    a_schedule: ASchedule,
    an_execution: AnExecution,
    a_worker: AWorker,
    kind: str,
) -> None:
    for _ in range(6):
        if kind == "due":
            await a_schedule()
        else:
            await an_execution(await a_schedule(created_at=NOON))
    workers = [await a_worker(), await a_worker()]
    await look(database, workers[0], ["work"], 0, now=NOON)
    await db.execute(COMMITS_WAIT)
    await db.execute("SELECT pg_advisory_lock(4711)")

    claiming = []
    for sessions, worker in enumerate(workers, start=1):
        claiming.append(asyncio.create_task(claim(database, worker, limit=3)))
        await until_waiting_for_a_lock(db, sessions)
    assert await claim(database, workers[0], limit=3) == [], "all is taken, and a third waits for nobody"
    await db.execute("SELECT pg_advisory_unlock(4711)")
    first, second = await asyncio.gather(*claiming)

    ids = [claimed.schedule_id for claimed in (*first, *second)]
    assert (len(first), len(second), len(set(ids))) == (3, 3, 6)


async def test_what_somebody_holds_is_stepped_over_and_taken_later(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, a_worker: AWorker
) -> None:
    worker = await a_worker()
    busy, free = await a_schedule(), await a_schedule()
    asked = await a_schedule(created_at=NOON)
    await an_execution(asked)
    await look(database, worker, ["work"], 0, now=NOON)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules WHERE schedule_id = ANY ($1) FOR UPDATE", [busy, asked])
        found = await look(database, worker, ["work"], 10, now=NOON)
        assert [claimed.schedule_id for claimed in found.claims] == [free]

    assert {claimed.schedule_id for claimed in await claim(database, worker)} == {busy, asked}


async def test_a_herd_is_shared_out_among_replicas_each_occurrence_once(
    database: Database, db: Connection, a_worker: AWorker
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, created_at)"
        " SELECT 'work', 'interval', 3600, $1 FROM generate_series(1, 120)",
        NOON - HOUR,
    )
    workers = [await a_worker() for _ in range(4)]
    claimed: list[Claim] = []
    while len(claimed) < 120:
        rounds = await asyncio.gather(*(claim(database, worker, limit=7) for worker in workers))
        claimed += [each for claims in rounds for each in claims]

    assert Counter(each.schedule_id for each in claimed) == Counter(range(1, 121))
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedule_executions") == 120
    assert await db.fetchval("SELECT sum(total_runs) FROM rowcall.schedules") == 120


@pytest.mark.parametrize(
    "policies",
    [
        {"overlap_policy": "allow", "max_instances": 100},
        {"overlap_policy": "queue"},
        {"coalesce": "all", "grace_period_seconds": 3600},
        {"overlap_policy": "cancel_running"},
    ],
    ids=str,
)
async def test_max_executions_is_exact_however_many_claim(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, policies: dict[str, object]
) -> None:
    limited = await a_schedule(interval_seconds=1, created_at=NOON, max_executions=7, max_retries=1, **policies)
    workers = [await a_worker() for _ in range(4)]

    async def look_and_run(worker: int, seconds: int) -> int:
        claims = await claim(database, worker, limit=2, now=NOON + seconds * SECOND)
        for number, each in enumerate(claims):
            await finish(database, worker, (each, Outcome.failed("no") if number else Outcome.succeeded()))
        return sum(each.attempt == 1 for each in claims)

    begun = 0
    for seconds in range(1, 15):
        begun += sum(await asyncio.gather(*(look_and_run(worker, seconds + k) for k, worker in enumerate(workers))))

    row = await schedule(db, limited)
    assert (row["status"], row["scheduled_runs"]) == ("COMPLETED", 7)
    assert row["status_reason"] == "limit: max_executions 7 is reached"
    written = await statuses(db, limited)
    assert len([status for status in written if status not in {"SKIPPED", "MISSED"}]) == 7
    assert begun + written.count("CANCELLED") >= 7


@pytest.mark.parametrize("late", [0, 5], ids=["on time", "late"])
async def test_a_single_moment_runs_once_however_many_claim(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, late: int
) -> None:
    once = [await a_schedule(scheduled_time=NOON, created_at=NOON - HOUR) for _ in range(20)]
    workers = [await a_worker() for _ in range(6)]
    moment = NOON + late * SECOND

    claimed = await asyncio.gather(*(claim(database, worker, limit=30, now=moment) for worker in workers))
    assert sorted(each.schedule_id for claims in claimed for each in claims) == once
    again = await asyncio.gather(*(claim(database, worker, now=moment + HOUR) for worker in workers))
    assert not any(again)
    for schedule_id in once:
        row = await schedule(db, schedule_id)
        assert (row["status"], row["scheduled_runs"], row["next_run_at"]) == ("COMPLETED", 1, None)


@pytest.mark.parametrize("coalesce", ["latest", "all"])
async def test_the_occurrence_at_ends_at_is_the_last_however_many_claim(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker, coalesce: str
) -> None:
    ending = await a_schedule(
        interval_seconds=1, created_at=NOON, ends_at=NOON + 5 * SECOND, coalesce=coalesce, overlap_policy="allow",
        max_instances=50,
    )  # fmt: skip
    workers = [await a_worker() for _ in range(4)]
    for seconds in (1, 2, 4, 5, 6, 7, 8):
        await asyncio.gather(*(claim(database, worker, now=NOON + seconds * SECOND) for worker in workers))

    row = await schedule(db, ending)
    assert (row["status"], row["last_occurrence_at"]) == ("COMPLETED", NOON + 5 * SECOND)
    answered = await db.fetch("SELECT scheduled_for, covers_after FROM rowcall.schedule_executions ORDER BY 1")
    assert answered[-1]["scheduled_for"] == NOON + 5 * SECOND
    assert [later["covers_after"] for later in answered[1:]] == [each["scheduled_for"] for each in answered[:-1]]


async def test_max_instances_is_exact_however_many_claim(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    many = await a_schedule(interval_seconds=1, created_at=NOON, overlap_policy="allow", max_instances=3)
    workers = [await a_worker() for _ in range(4)]

    for seconds in range(1, 9):
        await asyncio.gather(*(claim(database, worker, now=NOON + seconds * SECOND) for worker in workers))

    written = await statuses(db, many)
    assert (written.count("RUNNING"), written.count("SKIPPED"), len(written)) == (3, 5, 8)


async def test_results_and_claims_of_the_same_schedules_cross_without_harm(
    database: Database, db: Connection, a_schedule: ASchedule, a_worker: AWorker
) -> None:
    """Replicas that claim, cancel, finish and let go at once: no deadlock, and the ledger stays whole."""
    for _ in range(8):
        await a_schedule(interval_seconds=1, created_at=NOON, overlap_policy="cancel_running", max_retries=1)
    workers = [await a_worker() for _ in range(4)]

    async def keep_going(worker: int) -> None:
        for seconds in range(1, 10):
            claims = await claim(database, worker, limit=5, now=NOON + seconds * SECOND)
            outcomes = (Outcome.succeeded(), Outcome.failed("no"), Outcome.given_back(), Outcome.cancelled("told to"))
            ended = [(each, outcomes[(each.schedule_id + seconds) % 4]) for each in claims]
            await finish(database, worker, *ended)

    await asyncio.gather(*(keep_going(worker) for worker in workers))

    astray = await db.fetchval(
        "SELECT count(*) FROM rowcall.schedule_executions AS e"
        "  FULL JOIN rowcall.open_executions AS o USING (execution_id)"
        " WHERE (e.status IN ('QUEUED', 'RUNNING')) IS DISTINCT FROM (o.execution_id IS NOT NULL)"
        "    OR e.worker_id IS DISTINCT FROM o.worker_id AND o.execution_id IS NOT NULL OR e.fence <> o.fence"
    )
    assert astray == 0
    doubled = await db.fetch(
        "SELECT schedule_id FROM rowcall.open_executions WHERE worker_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    )
    assert doubled == []
