"""Plans without a run to start: their answers, and what follows for their schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rowcall.domain.planning import Plan

from .ledger import insert_answers, kept_waiting
from .overtaken import end_open
from .sessions import Row, Session


@dataclass(frozen=True, slots=True)
class Planned:
    """A locked row with its plan."""

    row: Row
    plan: Plan

    @property
    def last_occurrence_at(self) -> datetime | None:
        """Where the chain stands once the answers are written."""
        return self.plan.answers[-1].scheduled_for if self.plan.answers else self.row["last_occurrence_at"]


@dataclass(frozen=True, slots=True)
class Completed:
    """A schedule that is over, and why."""

    schedule_id: int
    schedule_name: str
    client_id: str
    reason: str


async def without_waiting(session: Session, planned: Sequence[Planned]) -> list[Planned]:
    """Those of these plans whose answers can be written now; the others stay due."""
    to_write = [(each.row["schedule_id"], answer.scheduled_for) for each in planned for answer in each.plan.answers]
    waiting = await kept_waiting(session, to_write)
    return [each for each in planned if each.row["schedule_id"] not in waiting]


async def record_plans(session: Session, planned: Sequence[Planned]) -> list[Row]:
    """Advance schedules of which nothing starts now, and write their answers; the rows written."""
    if not planned:
        return []
    await session.fetch(
        "advance_schedules",
        [each.row["schedule_id"] for each in planned],
        [each.last_occurrence_at for each in planned],
        [each.plan.next_occurrence_at for each in planned],
        [each.plan.next_run_at for each in planned],
        [each.plan.counted_runs for each in planned],
    )
    answers = [(each.row["schedule_id"], answer) for each in planned for answer in each.plan.answers]
    return list(await insert_answers(session, answers))


async def settle_consequences(session: Session, planned: Sequence[Planned]) -> list[Completed]:
    """Complete what is over, and ask for the end of what is to make room; what is over."""
    over = [
        Completed(each.row["schedule_id"], each.row["name"], each.row["client_id"], each.plan.completed_because)
        for each in planned
        if each.plan.completed_because
    ]
    if over:
        ids, reasons = [each.schedule_id for each in over], [each.reason for each in over]
        await session.fetch("complete_schedules", ids, reasons)
    in_the_way = [each.row["schedule_id"] for each in planned if each.plan.cancel_open]
    if in_the_way:
        await end_open(session, in_the_way)
    return over
