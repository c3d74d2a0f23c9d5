"""Feeding backfills: a few occurrences at a time become queued executions, as rate and room allow. Any replica may.

Each backfill is fed in a transaction of its own, which holds its row and its schedule's: two feeders never meet on
one, nor two backfills on one schedule, and cursor and executions move together. Locks that are taken are stepped over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from rowcall.domain.backfilling import LOOKED_AT, Step, batch_of, pause_after, step
from rowcall.domain.planning import INSTANT
from rowcall.domain.triggers import Trigger, occurrences_after

from .backfills import answers_at
from .database import Database
from .jsonb import read_jsonb
from .ledger import kept_waiting
from .planning import trigger_then
from .sessions import Row, Session

log = structlog.get_logger("rowcall.store")

STUCK_SECONDS = 5.0
"""After that long a backfill is fed again whose day is on its way out, or has a table in its place."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What came of feeding: how many executions were queued, which schedules have a backfill that goes on, and in how
    many seconds the next may be fed for its rate (0: at once); None when none goes on."""

    enqueued: int = 0
    schedule_ids: Collection[int] = field(default_factory=frozenset)
    due_in_seconds: float | None = None


async def feed(database: Database, routes: Sequence[str]) -> Fed:
    """Feed the backfills that a worker with these routes can run; one that has to wait for its day holds up no other.

    Raises StoreUnavailable; the next call goes on.
    """
    await database.fetch("end_orphaned_backfills")
    going_on = await database.fetch("peek_backfills", routes)
    enqueued, due_in = 0, [max(0.0, head["due_in"]) for head in going_on if head["due_in"] > 0]
    for head in going_on:
        if head["due_in"] <= 0:
            async with database.transaction() as transaction:
                some, pause = await _feed_one(transaction, head["backfill_id"])
            enqueued += some
            due_in += [] if pause is None else [pause]
    return Fed(enqueued, {head["schedule_id"] for head in going_on}, min(due_in, default=None))


async def _feed_one(session: Session, backfill_id: int) -> tuple[int, float | None]:
    """How many were queued, and after how many seconds there may be more; None: when one of those open has ended."""
    row = await session.fetchrow("take_backfill", backfill_id)
    if row is None:
        return 0, None
    trigger = trigger_then(read_jsonb(row["rule"]), row["created_at"]) if row["rule"] else None
    if trigger is None:
        await session.fetch("cancel_backfill", backfill_id, "its occurrences can't be told any more")
        log.error("backfill_given_up", backfill_id=backfill_id, schedule_id=row["schedule_id"])
        return 0, None
    lane = await session.fetchrow("lane_of_backfill", backfill_id, row["route"])
    assert lane is not None  # the statement counts, so it always answers
    await _count(session, row, lane["earliest_at"])
    return await _enqueue(session, row, trigger, lane)


async def _count(session: Session, row: Row, earliest_at: datetime | None) -> None:
    """Take in how executions ended: of all before the earliest that is open still."""
    through = row["next_after"] if earliest_at is None else earliest_at - INSTANT
    if through > row["counted_through"]:
        await session.fetch("count_backfilled", row["backfill_id"], through)


async def _enqueue(session: Session, row: Row, trigger: Trigger, lane: Row) -> tuple[int, float | None]:
    backfill_id, schedule_id = row["backfill_id"], row["schedule_id"]
    occurrences = _next_few(trigger, row["next_after"], row["until"])
    if not occurrences:
        if not lane["open"]:
            await session.fetch("complete_backfill", backfill_id)
            log.info("backfill_done", backfill_id=backfill_id, schedule_id=schedule_id)
        return 0, None
    answers = {answer.scheduled_for: answer for answer in await answers_at(session, schedule_id, occurrences)}
    room = max(0, min(row["max_concurrent"] - lane["open"], lane["room"]))
    planned = step(occurrences, answers, batch_of(row["rate_per_minute"], room))
    if planned.through is None:
        return 0, None
    if await kept_waiting(session, [(schedule_id, occurrence) for occurrence in planned.new]):
        await session.fetch("put_off_backfill", backfill_id, STUCK_SECONDS)
        log.warning("backfill_waits", backfill_id=backfill_id, schedule_id=schedule_id, since=str(planned.new[0]))
        return 0, STUCK_SECONDS
    enqueued = await _write(session, backfill_id, schedule_id, planned)
    pause = pause_after(enqueued, row["rate_per_minute"])
    left_alone = len(planned.new) + len(planned.reopened) - enqueued
    await session.fetch(
        "advance_backfill", backfill_id, planned.through, enqueued, planned.already_answered + left_alone, pause
    )
    return enqueued, pause


def _next_few(trigger: Trigger, after: datetime, until: datetime) -> list[datetime]:
    return [occurrence for occurrence in occurrences_after(trigger, after, LOOKED_AT) if occurrence < until]


async def _write(session: Session, backfill_id: int, schedule_id: int, planned: Step) -> int:
    """Queue what is planned, in days that are there; how many that were."""
    enqueued = 0
    if planned.new:
        enqueued += len(await session.fetch("enqueue_backfilled", backfill_id, schedule_id, planned.new))
    if planned.reopened:
        ids = [answer.execution_id for answer in planned.reopened]
        moments = [answer.scheduled_for for answer in planned.reopened]
        enqueued += len(await session.fetch("reopen_backfilled", backfill_id, schedule_id, ids, moments))
    return enqueued
