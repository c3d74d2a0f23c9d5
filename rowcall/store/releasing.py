"""Executions that wait for another of their schedule to end: letting go the next.

Whoever ends an execution, or makes one wait, looks after its own commit whether somebody waits: the later of the two
sees both, where what either saw inside its transaction may be out of date. Should it die in between, the sweep does it.
"""

from __future__ import annotations

from collections.abc import Sequence

from .database import Database
from .sessions import Row, Session

AT_ONCE = 500


async def release_waiting(database: Database, schedule_ids: Sequence[int]) -> list[Row]:
    """Make the next waiting executions of these schedules available, as far as `max_instances` leaves room.

    Returns those that were. The schedules are locked first, so that two replicas never give one place away twice. What
    is free is taken first, and the busy ones are waited for one by one with nothing else held: a session that sits on
    one schedule holds up no other.
    """
    released: list[Row] = []
    waiting = await database.keeping_plans().fetch("waiting_of", schedule_ids) if schedule_ids else []
    rest, busy = [row["schedule_id"] for row in waiting], None
    while rest:
        async with database.transaction() as transaction:
            if busy is not None:
                await transaction.fetch("lock_schedule", busy, None, None, None)
            locked = await transaction.fetch("lock_free_schedules", rest)
            released += await _release(transaction, locked)
        done = {busy, *(row["schedule_id"] for row in locked)}
        rest = [schedule_id for schedule_id in rest if schedule_id not in done]
        busy = rest[0] if rest else None
    return released


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
