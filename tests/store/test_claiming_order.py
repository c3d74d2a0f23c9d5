"""Which executions a claim takes, and in which order: of the schedules that are due, and of the queue."""

import asyncio
from datetime import timedelta

import pytest

from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.lead import Lead
from tests.store.stories import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    AnExecution,
    ASchedule,
    Connection,
    claim,
    execution,
    ledger,
    patient,
    schedule,
    until,
)

# ── which, and in which order ─────────────────────────────────────────────────────────────────────────────────────────


async def test_priority_comes_first_and_then_what_has_been_due_for_longest(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    def due_since(minutes: int) -> dict[str, object]:
        return {"created_at": NOON - HOUR - minutes * MINUTE}

    low = await a_schedule(priority=1, **due_since(9))
    usual_late, usual_early = await a_schedule(**due_since(1)), await a_schedule(**due_since(5))
    other_early = await a_schedule(task_type="other", **due_since(7))
    high_late, high_early = await a_schedule(priority=10, **due_since(1)), await a_schedule(priority=10, **due_since(3))

    order = [(await claim(database, worker, limit=1, routes=["work", "other"]))[0].schedule_id for _ in range(6)]

    assert order == [high_early, high_late, other_early, usual_early, usual_late, low]


async def test_at_most_as_many_are_claimed_as_there_is_room(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    for priority in (1, 5, 5, 5, 10):
        await a_schedule(priority=priority)
    await an_execution(await a_schedule(created_at=NOON + HOUR, priority=5))

    assert [len(await claim(database, worker, limit=limit)) for limit in (4, 1, 10, 10)] == [4, 1, 1, 0]
    assert await db.fetchval("SELECT count(*) FROM rowcall.open_executions WHERE worker_id = $1", worker) == 6


async def test_without_room_nothing_is_claimed_but_it_is_known_what_is_due(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule()

    found = await look(database, worker, ["work"], 0, now=NOON)

    assert (found.claims, found.found_due) == ([], 1)
    assert await db.fetchval("SELECT count(*) FROM rowcall.schedule_executions") == 0


async def test_only_what_this_replica_offers_is_claimed(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    plain, gpu, other = (
        await a_schedule(),
        await a_schedule(capability_required="gpu"),
        await a_schedule(task_type="other"),
    )
    queued = await an_execution(other)
    await look(database, worker, [], 10, now=NOON)
    before = dict(await schedule(db, other))

    assert [claimed.schedule_id for claimed in await claim(database, worker, routes=["work"])] == [plain]
    assert [claimed.schedule_id for claimed in await claim(database, worker, routes=["work@gpu", "nothing"])] == [gpu]

    assert dict(await schedule(db, other)) == before
    assert (await execution(db, queued))["status"] == "QUEUED"


async def test_the_next_moment_counts_only_what_this_replica_may_run(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(task_type="foreign")
    await a_schedule(task_type="foreign", created_at=NOON - HOUR + MINUTE)
    nothing = await look(database, worker, ["work"], 10, now=NOON)
    await a_schedule(created_at=NOON - HOUR + 90 * SECOND)
    something = await look(database, worker, ["work"], 10, now=NOON)

    assert (nothing.due_in_seconds, nothing.found_due) == (None, 0)
    assert (something.due_in_seconds, something.found_due) == (90.0, 0)


DUE_IN_A_MOMENT = "UPDATE rowcall.schedules SET next_run_at = now() + interval '3 s' RETURNING next_run_at"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"


@pytest.mark.parametrize("expected", [True, False])
async def test_a_look_with_patience_waits_for_what_is_due_in_a_moment_and_claims_it_then(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, expected: bool
) -> None:
    schedule_id = await a_schedule(created_at=NOON - HOUR + 90 * SECOND)
    await look(database, worker, ["work"], 10, now=NOON)
    due_at = await db.fetchval(DUE_IN_A_MOMENT)

    impatient = await look(database, worker, ["work"], 10, lead=Lead(), expected=expected)
    waiting = await look(database, worker, ["work"], 10, lead=patient(30), expected=expected)

    assert (impatient.claims, impatient.found_due) == ([], 0)
    assert 0 < (impatient.due_in_seconds or 0) <= 3
    [claimed] = waiting.claims
    assert (claimed.schedule_id, claimed.executed_at >= due_at) == (schedule_id, True)
    assert (await execution(db, claimed.execution_id))["created_at"] == claimed.executed_at


@pytest.mark.parametrize("expected", [True, False])
async def test_a_look_that_waits_holds_nothing_and_sees_what_is_paused_meanwhile(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, expected: bool
) -> None:
    await a_schedule(created_at=NOON - HOUR + 90 * SECOND)
    await look(database, worker, ["work"], 10, now=NOON)
    due_at = await db.fetchval(DUE_IN_A_MOMENT)

    async def waits() -> bool:
        return bool(await db.fetchval(WAITING) == 1)

    looking = asyncio.create_task(look(database, worker, ["work"], 10, lead=patient(30), expected=expected))
    await until(waits)
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED'")
    paused_at = await db.fetchval("SELECT clock_timestamp()")

    assert (await looking).claims == []
    assert paused_at < due_at


async def test_a_look_that_expects_something_leaves_planning_to_the_one_after_it(
    database: Database, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()
    await look(database, worker, ["work"], 0, now=NOON)
    new = await a_schedule()

    first = await look(database, worker, ["work"], 10, expected=True, now=NOON)
    second = await look(database, worker, ["work"], 10, now=NOON)

    assert ([each.schedule_id for each in first.claims], first.unplanned, first.due_in_seconds) == ([due], True, 0.0)
    assert ([each.schedule_id for each in second.claims], second.unplanned, second.planned) == ([new], False, 1)


async def test_what_is_not_active_is_not_claimed(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    for status in ("PAUSED", "COMPLETED", "DISABLED", "INVALID"):
        await a_schedule(status=status, status_reason="so it is")

    found = await look(database, worker, ["work"], 10, now=NOON)

    assert (found.claims, found.found_due, found.planned) == ([], 0, 0)


async def test_a_schedule_that_cant_be_planned_is_set_aside_and_the_others_are_claimed(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    good = await a_schedule()
    unreadable = {"next_run_at": NOON, "next_occurrence_at": NOON}
    zone = await a_schedule(cron_expression="@hourly", timezone="Mars/Olympus", **unreadable)
    huge = await a_schedule(cron_fields='{"hour": 1' + "0" * 5000 + "}", **unreadable)

    assert [claimed.schedule_id for claimed in await claim(database, worker)] == [good]

    for bad in (zone, huge):
        row = await schedule(db, bad)
        assert (row["status"], row["next_run_at"]) == ("INVALID", None)
        assert row["status_reason"]
        assert await ledger(db, bad) == []


async def test_a_moment_that_was_moved_by_hand_is_acted_on(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule()
    await look(database, worker, ["work"], 10, now=NOON - MINUTE)
    await db.execute("UPDATE rowcall.schedules SET next_run_at = $1", NOON - 5 * MINUTE)

    [claimed] = await claim(database, worker, now=NOON - MINUTE)

    assert claimed.scheduled_for == NOON, "run early, and not again at its time"
    assert await claim(database, worker, now=NOON) == []
    assert await ledger(db, due) == [("RUNNING", NOON)]


# ── what waits in the queue ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_requested_run_is_claimed_and_does_not_move_the_schedule(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    asked = await a_schedule(created_at=NOON, name="asked", max_executions=1)
    execution_id = await an_execution(asked)

    [claimed] = await claim(database, worker)

    assert (claimed.execution_id, claimed.trigger, claimed.schedule_name) == (execution_id, "manual", "asked")
    assert (claimed.attempt, claimed.fence) == (1, 1)
    row = await execution(db, execution_id)
    assert (row["status"], row["worker_id"], row["attempt"], row["fence"]) == ("RUNNING", worker, 1, 1)
    assert row["available_at"] is None
    standing = await schedule(db, asked)
    assert (standing["next_run_at"], standing["last_occurrence_at"]) == (NOON + HOUR, None)
    assert (standing["total_runs"], standing["scheduled_runs"]) == (1, 0)
    assert (standing["last_execution_id"], standing["last_run_at"]) == (execution_id, row["executed_at"])


async def test_the_queue_and_the_schedules_share_the_order(
    database: Database, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    asked_low, asked_high = await a_schedule(created_at=NOON, priority=1), await a_schedule(created_at=NOON, priority=9)
    await an_execution(asked_low)
    await an_execution(asked_high)
    due = await a_schedule(priority=5)

    order = [(await claim(database, worker, limit=1))[0].schedule_id for _ in range(3)]

    assert order == [asked_high, due, asked_low]


async def test_what_is_not_available_yet_is_not_claimed(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    await an_execution(await a_schedule(created_at=NOON))
    await db.execute("UPDATE rowcall.open_executions SET available_at = $1", NOON)

    early = await look(database, worker, ["work"], 10, now=NOON - timedelta(seconds=45))

    assert (early.claims, early.due_in_seconds) == ([], 45.0)
    assert len(await claim(database, worker, now=NOON)) == 1


async def test_a_schedule_runs_by_itself_while_a_requested_run_is_open_only_as_its_policy_says(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    asked = await a_schedule()
    execution_id = await an_execution(asked)

    found = await look(database, worker, ["work"], 10, now=NOON)

    assert [claimed.execution_id for claimed in found.claims] == [execution_id]
    assert [row["status"] for row in found.recorded] == ["SKIPPED"]
    assert str(execution_id) in found.recorded[0]["reason"]
