"""The outbox: what ends is written down for the `callback_url` of its schedule, in the transaction of its end.

Schedules without one cost nothing here: a claim carries whether its end may have to be told, and only for those a
statement is sent. It looks again, so the definition that counts is the one at the end of the execution.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .sessions import Row, Session


async def tell(session: Session, ended: Sequence[tuple[int, datetime]]) -> int:
    """Write down what these executions (id and moment), which are final since just now, have to tell; how many."""
    if not ended:
        return 0
    told: int = await session.fetchval("tell", [each for each, _ in ended], [moment for _, moment in ended])
    return told


async def tell_rows(session: Session, rows: Sequence[Row]) -> int:
    """The same for rows that carry `execution_id` and `scheduled_for`."""
    return await tell(session, [(row["execution_id"], row["scheduled_for"]) for row in rows])


async def tell_and_wake(session: Session, rows: Sequence[Row]) -> None:
    """The same for who is no worker and delivers nothing: workers are woken once that is committed."""
    if await tell_rows(session, rows):
        await session.fetch("wake_deliverers")
