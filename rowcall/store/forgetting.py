"""What is told of the past, and is old enough, is deleted in small batches: changes, and figures of dropped days."""

from __future__ import annotations

from .database import Session

ENTRIES_AT_ONCE = 1000
FIGURES_AT_ONCE = 10_000


async def forget_audit(session: Session, days: int) -> int:
    """Delete entries of the log of changes that are older than so many days (0: none); how many, a thousand at most."""
    return len(await session.fetch("forget_audit", days, ENTRIES_AT_ONCE)) if days else 0


async def forget_rollups(session: Session, days: int) -> int:
    """Delete figures of days that ended so many days ago (0: none); how many, ten thousand at most."""
    return len(await session.fetch("forget_rollups", days, FIGURES_AT_ONCE)) if days else 0
