"""What becomes of the runs of a schedule that was deleted meanwhile: they may end, and are not queued again.

Whoever queues an execution looks after its own commit whether the schedule is still there, and whoever deletes a
schedule looks after its own commit whether anything was queued: the later of the two sees both. Who deletes it by plain
SQL looks once, by a trigger: what was queued behind its back is cancelled by the sweep, or when it is claimed.
"""

from __future__ import annotations

from collections.abc import Collection

from .cancelling import cancel_closed
from .database import Database
from .sessions import Row, Session
from .telling import tell_and_wake

DELETED = "disabled: the schedule was deleted"
AT_ONCE = 500
NOT_TRIED_AGAIN = f"{DELETED}, and so this is not tried again"


async def deleted_among(session: Session, schedule_ids: Collection[int]) -> frozenset[int]:
    """Those of these schedules that are DISABLED."""
    if not schedule_ids:
        return frozenset()
    rows = await session.fetch("deleted_among", sorted(set(schedule_ids)))
    return frozenset(row["schedule_id"] for row in rows)


async def cancel_left_over(database: Database, schedule_ids: Collection[int]) -> list[Row]:
    """Cancel what is queued of these schedules where they are DISABLED: what two transactions could not see at once."""
    asked = sorted(set(schedule_ids))
    if not asked or not await database.fetch("left_over", asked):
        return []
    async with database.transaction() as transaction:
        closed = await transaction.fetch("close_queued_of_deleted", asked)
        cancelled = await cancel_closed(transaction, closed, DELETED)
        await tell_and_wake(transaction, cancelled)
    return list(cancelled)


async def cancel_forgotten(database: Database) -> list[Row]:
    """Cancel what is queued of deleted schedules, and that nobody saw; for the sweep."""
    rows = await database.fetch("deleted_but_queued", AT_ONCE)
    return await cancel_left_over(database, [row["schedule_id"] for row in rows])
