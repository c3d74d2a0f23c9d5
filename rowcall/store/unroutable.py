"""What no live worker can run, and is past its grace: any replica answers for it, in its sweep.

Each sweep looks at a bounded number of schedules, however many are due and within their grace. As a rule what has been
due for longest is past its grace first, and stands at the head of its lane. Where the heads of the lanes are full of
schedules with more patience than others behind them, a walk through all schedules finds those, a stretch per sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rowcall.domain.planning import plan_unroutable
from rowcall.domain.schedules import schedule_of

from .apart import each_apart
from .database import Database
from .driver_errors import REFUSED
from .planning import UNPLANNABLE, invalidate, parsed, why
from .recording import Planned, record_plans, settle_consequences, without_waiting
from .sessions import Row, Session

AT_ONCE = 500
OF_A_LANE = 500
OF_ALL_LANES = 5000
STRETCH = 2000
ROUNDS = 10


@dataclass(slots=True)
class Walk:
    """How far one replica's walk through all schedules has come; it begins anew where they end."""

    after: int = 0


async def answer_unroutable(
    database: Database, routes: Sequence[str], walk: Walk | None = None, *, now: datetime | None = None
) -> list[Row]:
    """Record as MISSED what is past its grace in lanes that this replica can't run; the rows written.

    `walk` is moved on, and belongs to the replica. What somebody holds has its turn in the next sweep.
    """
    recorded: list[Row] = []
    is_cut_off = False
    for _ in range(ROUNDS):
        heads = await database.fetchrow("find_unroutable", routes, OF_A_LANE, OF_ALL_LANES, now)
        assert heads is not None  # an aggregate always answers
        is_cut_off = heads["is_cut_off"]
        answered = await _answer(database, heads["past_grace"], now)
        recorded += answered
        if not (answered and is_cut_off):
            break
    if is_cut_off:
        walk = walk or Walk()
        stretch = await database.fetchrow("walk_unroutable", routes, walk.after, STRETCH, now)
        assert stretch is not None  # as above
        walk.after = stretch["last"] or 0
        recorded += await _answer(database, stretch["past_grace"], now)
    return recorded


async def _answer(database: Database, schedule_ids: Sequence[int], now: datetime | None) -> list[Row]:
    recorded: list[Row] = []

    async def record(rows: Sequence[Row]) -> None:
        recorded.extend(await _record(transaction, rows))

    for start in range(0, len(schedule_ids), AT_ONCE):
        asked = schedule_ids[start : start + AT_ONCE], now
        try:
            async with database.transaction() as transaction:
                await record(await transaction.fetch("lock_unroutable", *asked))
        except REFUSED:
            async with database.transaction() as transaction:
                await each_apart(transaction, await transaction.fetch("lock_unroutable", *asked), record)
    return recorded


async def _record(session: Session, rows: Sequence[Row]) -> list[Row]:
    """Write what is to be answered of these locked schedules."""
    broken: dict[int, str] = {}
    planned = await without_waiting(session, list(_unroutable_plans(rows, broken)))
    recorded = await record_plans(session, planned)
    await settle_consequences(session, planned)
    await invalidate(session, broken)
    return recorded


def _unroutable_plans(rows: Sequence[Row], broken: dict[int, str]) -> Iterator[Planned]:
    for row in rows:
        try:
            unroutable = plan_unroutable(schedule_of(row, parsed(row["cron_fields"])), row["now"], _unroutable(row))
        except UNPLANNABLE as fault:
            broken[row["schedule_id"]] = why(fault)
        else:
            if unroutable is not None:
                yield Planned(row, unroutable)


def _unroutable(row: Row) -> str:
    if row["routable"]:
        return f"grace: not started within {row['grace_period_seconds']} s of its moment"
    needed = f"task {row['task_type']!r}"
    if row["capability_required"] is not None:
        needed += f" with capability {row['capability_required']!r}"
    return f"unroutable: no live worker offered {needed} before its grace ran out"
