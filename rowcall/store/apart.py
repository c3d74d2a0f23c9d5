"""Schedules that PostgreSQL refuses to write: they are written apart, so that a bad row stops no other.

A look writes many schedules by one statement, and one that can't be written has all of it taken back. Then the look is
made again, and writes each schedule by itself, in a savepoint: what is refused again becomes INVALID, with the reason,
and the others go on. Where even that is refused, the row stays as it is, and the log tells of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import asyncpg
import structlog

from .driver_errors import REFUSED, domain_errors
from .planning import REASON_MAX_LENGTH, invalidate, plan_rows, why
from .sessions import Row, Transaction

log = structlog.get_logger("rowcall.store")

PLANNED_AT_ONCE = 500


async def each_apart(
    session: Transaction, rows: Sequence[Row], write: Callable[[Sequence[Row]], Awaitable[object]]
) -> int:
    """Write each of these locked schedules by itself, and set aside what is refused; how many are stuck.

    Stuck are those that can be neither written nor set aside.
    """
    stuck = 0
    for row in rows:
        try:
            with domain_errors():
                async with session.savepoint():
                    await write([row])
        except REFUSED as fault:
            stuck += not await _set_aside(session, row, _reason(fault))
    return stuck


async def plan_apart(session: Transaction) -> tuple[int, int]:
    """Plan what has no next moment, each schedule by itself; how many were settled, and how many are stuck."""
    rows = await session.fetch("take_unplanned", None, PLANNED_AT_ONCE)
    stuck = await each_apart(session, rows, partial(plan_rows, session))
    return len(rows) - stuck, stuck


async def _set_aside(session: Transaction, row: Row, reason: str) -> bool:
    """Whether a schedule could be made INVALID."""
    schedule_id = row["schedule_id"]
    told = log.bind(schedule=row["name"], schedule_id=schedule_id, client_id=row["client_id"], reason=reason)
    try:
        with domain_errors():
            async with session.savepoint():
                await invalidate(session, {schedule_id: reason})
    except REFUSED as fault:
        told.error("schedule_refused", error=f"it can't be set aside: {why(fault)}")
        return False
    told.warning("schedule_refused")
    return True


def _reason(fault: Exception) -> str:
    """Why a schedule could not be written, as the reason that stands in it."""
    if isinstance(fault, asyncpg.UniqueViolationError) and (fault.table_name or "").startswith("schedule_executions"):
        return "refused: the ledger has a row already for an occurrence that a moment set by hand makes due again"
    return f"refused: {why(fault)}"[:REASON_MAX_LENGTH]
