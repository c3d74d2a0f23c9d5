"""Executions that wait for another of their schedule to end: letting go the next.

Whoever ends an execution, or makes one wait, looks after its own commit whether somebody waits: the later of the two
sees both, where what either saw inside its transaction may be out of date. Should it die in between, or find the
schedule locked and not come back to it, the sweep does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .database import Database
from .sessions import Row, Session

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Released:
    """The executions that were let go, and the schedules where one waits and that somebody else has locked."""

    rows: Sequence[Row] = ()
    busy: Sequence[int] = ()


async def release_free(database: Database, schedule_ids: Sequence[int]) -> Released:
    """Make the next waiting executions of these schedules available, as far as `max_instances` leaves room.

    The schedules are locked first, so that two replicas never give one place away twice. Nobody is waited for: who
    sits on a schedule for an hour holds up neither the results of others nor the next look.
    """
    waiting = await database.keeping_plans().fetch("waiting_of", schedule_ids) if schedule_ids else []
    if not waiting:
        return Released()
    async with database.transaction() as transaction:
        locked = await transaction.fetch("lock_free_schedules", [row["schedule_id"] for row in waiting])
        rows = await _release(transaction, locked)
    free = {row["schedule_id"] for row in locked}
    return Released(rows, [row["schedule_id"] for row in waiting if row["schedule_id"] not in free])


async def release_waiting(database: Database, schedule_ids: Sequence[int]) -> list[Row]:
    """Do the same, wait for the busy schedules one by one with nothing else held, and return all that was let go."""
    released = await release_free(database, schedule_ids)
    rows, rest = list(released.rows), list(released.busy)
    while rest:
        async with database.transaction() as transaction:
            await transaction.fetch("lock_schedule", rest[0], None, None, None)
            locked = await transaction.fetch("lock_free_schedules", rest)
            rows += await _release(transaction, locked)
        done = {rest[0], *(row["schedule_id"] for row in locked)}
        rest = [schedule_id for schedule_id in rest if schedule_id not in done]
    return rows


async def release_forgotten(database: Database) -> list[Row]:
    """Let go what nobody let go; for the sweep. Schedules that are busy have their turn in the next one."""
    found = await database.fetch("releasable", AT_ONCE)
    if not found:
        return []
    async with database.transaction() as transaction:
        locked = await transaction.fetch("lock_free_schedules", [row["schedule_id"] for row in found])
        return await _release(transaction, locked)


async def _release(session: Session, locked: Sequence[Row]) -> list[Row]:
    if not locked:
        return []
    ids, instances = [row["schedule_id"] for row in locked], [row["max_instances"] for row in locked]
    return list(await session.fetch("release_waiting", ids, instances))
