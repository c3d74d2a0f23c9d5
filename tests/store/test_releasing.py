"""Letting go what waits: as far as there is room, never twice, and without holding up anything else."""

import asyncio

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.database import Database
from rowcall.store.releasing import release_forgotten, release_free, release_waiting
from tests.store.stories import (
    COMMITS_WAIT,
    HOUR,
    NOON,
    AnExecution,
    ASchedule,
    Connection,
    claim,
    execution,
    finish,
    ledger,
    until_waiting_for_a_lock,
)


async def waiting_ids(db: Connection) -> list[int]:
    rows = await db.fetch(
        "SELECT schedule_id FROM rowcall.open_executions WHERE worker_id IS NULL AND available_at IS NULL ORDER BY 1"
    )
    return [row["schedule_id"] for row in rows]


async def one_that_waits(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int, *, forgotten: bool
) -> int:
    """A schedule with an execution that waits; `forgotten`: what it waited for ended, and nobody let it go."""
    due = await a_schedule(overlap_policy="queue")
    [running] = await claim(database, worker)
    await claim(database, worker, now=NOON + HOUR)
    if forgotten:
        await db.execute("DELETE FROM rowcall.open_executions WHERE execution_id = $1", running.execution_id)
        await db.execute(
            "UPDATE rowcall.schedule_executions SET status = 'SUCCEEDED', finished_at = now() WHERE execution_id = $1",
            running.execution_id,
        )
    return due


async def test_the_sweep_lets_go_what_nobody_let_go(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await one_that_waits(database, db, a_schedule, worker, forgotten=False)
    forgotten = await one_that_waits(database, db, a_schedule, worker, forgotten=True)

    released = await release_forgotten(database)

    assert [row["schedule_id"] for row in released] == [forgotten]
    assert (await execution(db, released[0]["execution_id"]))["available_at"] is not None
    assert await release_forgotten(database) == []


async def test_hundreds_that_wait_rightly_do_not_hide_one_that_was_forgotten(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (task_type, schedule_type, interval_seconds, status)"
        " SELECT 'work', 'interval', 60, 'PAUSED' FROM generate_series(1, 600)"
    )
    await db.execute(
        "INSERT INTO rowcall.open_executions"
        " (execution_id, schedule_id, scheduled_for, worker_id, priority, trigger, route)"
        " SELECT -(2 * schedule_id + n), schedule_id, now(), nullif(n, 0) * $1, 5, 'manual', 'work'"
        "   FROM rowcall.schedules, generate_series(0, 1) AS n",
        worker,
    )
    forgotten = await one_that_waits(database, db, a_schedule, worker, forgotten=True)

    assert [row["schedule_id"] for row in await release_forgotten(database)] == [forgotten]


async def test_letting_go_waits_for_a_busy_schedule_and_holds_up_no_other(
    database: Database, db: Connection, another_connection: Connection, a_schedule: ASchedule, worker: int
) -> None:
    busy, free = [await one_that_waits(database, db, a_schedule, worker, forgotten=True) for _ in range(2)]

    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", busy)
        letting_go = asyncio.create_task(release_waiting(database, [busy, free]))
        await until_waiting_for_a_lock(db)
        assert await waiting_ids(db) == [busy], "the free one has been let go already"
        assert [claimed.schedule_id for claimed in await claim(database, worker)] == [free]

    assert sorted(row["schedule_id"] for row in await letting_go) == sorted([busy, free])


async def test_what_is_let_go_without_waiting_names_the_busy_schedules(
    database: Database, db: Connection, another_connection: Connection, a_schedule: ASchedule, worker: int
) -> None:
    busy, free = [await one_that_waits(database, db, a_schedule, worker, forgotten=True) for _ in range(2)]

    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", busy)
        released = await release_free(database, [busy, free])

    assert ([row["schedule_id"] for row in released.rows], released.busy) == ([free], [busy])
    assert [row["schedule_id"] for row in (await release_free(database, released.busy)).rows] == [busy]


async def test_a_look_does_not_wait_for_who_sits_on_a_schedule_where_it_made_something_wait(
    database: Database, db: Connection, another_connection: Connection, a_schedule: ASchedule, worker: int
) -> None:
    due = await a_schedule(overlap_policy="queue")
    await claim(database, worker)
    await db.execute(COMMITS_WAIT)
    await db.execute("SELECT pg_advisory_lock(4711)")
    looking = asyncio.create_task(look(database, worker, ["work"], 10, now=NOON + HOUR))
    await until_waiting_for_a_lock(db)
    async with another_connection.transaction():
        sitting = asyncio.create_task(
            another_connection.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", due)
        )
        await until_waiting_for_a_lock(db, sessions=2)
        await db.execute("SELECT pg_advisory_unlock(4711)")
        await sitting
        async with asyncio.timeout(20):  # less than a statement may wait for a lock
            found = await looking
        assert [row["status"] for row in found.recorded] == ["QUEUED"]
        assert found.busy in ([due], [])  # whichever of the two was first


async def test_the_sweep_steps_over_a_busy_schedule(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    forgotten = await one_that_waits(database, db, a_schedule, worker, forgotten=True)

    async with db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        assert await release_forgotten(database) == []

    assert [row["schedule_id"] for row in await release_forgotten(database)] == [forgotten]


async def test_two_replicas_never_give_one_place_away_twice(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    due = await a_schedule(max_instances=2)
    await claim(database, worker)
    for _ in range(6):
        await an_execution(due)
    await db.execute("UPDATE rowcall.open_executions SET available_at = NULL WHERE worker_id IS NULL")

    await asyncio.gather(*(release_waiting(database, [due]) for _ in range(6)))

    assert len(await waiting_ids(db)) == 5
    assert len(await claim(database, worker)) == 1
    assert len(await ledger(db, due)) == 7


async def test_what_waited_longest_goes_first_and_a_place_that_is_taken_is_not_given(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    due = await a_schedule()
    await claim(database, worker)
    first, second = await an_execution(due), await an_execution(due)
    assert await release_waiting(database, [due]) == []

    await db.execute("DELETE FROM rowcall.open_executions WHERE worker_id IS NOT NULL")

    assert [row["execution_id"] for row in await release_waiting(database, [due])] == [first]
    assert await release_waiting(database, [due]) == []
    assert (await execution(db, second))["available_at"] is None


async def test_nothing_named_and_nothing_there_are_no_trouble(database: Database) -> None:
    assert await release_waiting(database, []) == []
    assert await release_waiting(database, [4711]) == []
    assert await release_forgotten(database) == []


async def test_who_starts_to_wait_while_the_other_is_ending_is_let_go_when_both_have_looked_again(
    database: Database, db: Connection, a_schedule: ASchedule, an_execution: AnExecution, worker: int
) -> None:
    """Inside their transactions neither sees the other: the end was not committed, nor was the request."""
    due = await a_schedule()
    [running] = await claim(database, worker)
    await db.execute(COMMITS_WAIT)
    await db.execute("SELECT pg_advisory_lock(4711)")
    ending = asyncio.create_task(finish(database, worker, (running, Outcome.succeeded())))
    await until_waiting_for_a_lock(db)
    requesting = asyncio.ensure_future(an_execution(due))
    await until_waiting_for_a_lock(db, sessions=2)

    await db.execute("SELECT pg_advisory_unlock(4711)")
    execution_id = await requesting
    await release_waiting(database, [due])
    await ending

    assert await waiting_ids(db) == []
    assert [each.execution_id for each in await claim(database, worker)] == [execution_id]


async def test_what_a_claim_makes_wait_while_the_other_is_ending_is_let_go_by_one_of_them(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    await a_schedule(overlap_policy="queue")
    [running] = await claim(database, worker)
    await db.execute(COMMITS_WAIT)
    await db.execute("SELECT pg_advisory_lock(4711)")
    ending = asyncio.create_task(finish(database, worker, (running, Outcome.succeeded())))
    await until_waiting_for_a_lock(db)
    claiming = asyncio.create_task(claim(database, worker, now=NOON + HOUR))
    await until_waiting_for_a_lock(db, sessions=2)

    await db.execute("SELECT pg_advisory_unlock(4711)")
    assert await claiming == []
    await ending

    assert await waiting_ids(db) == []
    assert [each.scheduled_for for each in await claim(database, worker, now=NOON + HOUR)] == [NOON + HOUR]
