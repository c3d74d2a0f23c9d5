"""What is told of the past, and is old enough, is deleted in small batches: changes, and figures of dropped days."""

from __future__ import annotations

from dataclasses import dataclass

from .idempotency import forget_keys
from .sessions import Session

ENTRIES_AT_ONCE = 1000
FIGURES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """How many days the log of changes, the figures of dropped days (0: for ever) and deliveries are kept."""

    audit_days: int
    rollup_days: int
    delivery_days: int


async def forget(session: Session, kept: Kept) -> None:
    """One batch of each; deliveries are forgotten by those who deliver."""
    await session.fetch("forget_workers")
    await forget_keys(session)
    await forget_audit(session, kept.audit_days)
    await forget_rollups(session, kept.rollup_days)


async def forget_audit(session: Session, days: int) -> int:
    """Delete entries of the log of changes that are older than so many days (0: none); how many, a thousand at most."""
    return len(await session.fetch("forget_audit", days, ENTRIES_AT_ONCE)) if days else 0


async def forget_rollups(session: Session, days: int) -> int:
    """Delete figures of days that ended so many days ago (0: none); how many, ten thousand at most."""
    return len(await session.fetch("forget_rollups", days, FIGURES_AT_ONCE)) if days else 0
