"""Cancelling what is queued. A statement of the caller's takes the open rows away; what follows is the same for all."""

from __future__ import annotations

from collections.abc import Sequence

from .sessions import Row, Session


async def cancel_closed(session: Session, closed: Sequence[Row], because: str) -> Sequence[Row]:
    """Say in the ledger that these, whose open rows have just been taken away, are CANCELLED; their ids and moments."""
    if not closed:
        return []
    names = "execution_id", "schedule_id", "scheduled_for", "fence"
    return await session.fetch("cancel_closed", *([row[name] for row in closed] for name in names), because)
