"""What a later occurrence takes the place of (cancel_running): where it runs it is asked to end, else it is cancelled.

Whoever plans that occurrence steps over what another transaction is writing just then: that may be a retry, which does
not end. So whoever queues an execution again looks after its own commit whether an occurrence waits for it to end, and
whoever makes an occurrence wait looks after its own: the later of the two sees both. What is claimed meanwhile is left
to the sweep.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .cancelling import cancel_closed
from .database import Database
from .releasing import release_free
from .sessions import Session
from .telling import tell_rows

OVERTAKEN = "overlap: a later occurrence takes its place"
AT_ONCE = 500


async def end_open(session: Session, schedule_ids: Sequence[int]) -> None:
    """End what is open of these locked schedules, but for what waits."""
    await session.fetch("request_cancel_open", schedule_ids)
    closed = await session.fetch("close_available", schedule_ids)
    await tell_rows(session, await cancel_closed(session, closed, OVERTAKEN))


async def end_overtaken(database: Database, schedule_ids: Collection[int] | None = None) -> None:
    """End what is open of these schedules, or of any, where an occurrence waits for just that.

    Schedules that are busy are left to whoever has them, and to the sweep.
    """
    if schedule_ids is not None and not schedule_ids:
        return
    asked = None if schedule_ids is None else sorted(set(schedule_ids))
    overtaken = [row["schedule_id"] for row in await database.fetch("overtaken", asked, AT_ONCE)]
    if not overtaken:
        return
    async with database.transaction() as transaction:
        locked = await transaction.fetch("lock_free_schedules", overtaken)
        await end_open(transaction, [row["schedule_id"] for row in locked])
    await release_free(database, overtaken)
