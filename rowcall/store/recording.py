"""Plans without a run to start: their answers, and what follows for their schedules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rowcall.domain.planning import Plan, plan_unroutable
from rowcall.domain.schedules import schedule_of

from .database import Database, Row, Session
from .ledger import insert_answers
from .planning import UNPLANNABLE, invalidate, parsed, why
from .telling import tell_rows


@dataclass(frozen=True, slots=True)
class Planned:
    """A locked row with its plan."""

    row: Row
    plan: Plan

    @property
    def last_occurrence_at(self) -> datetime | None:
        """Where the chain stands once the answers are written."""
        return self.plan.answers[-1].scheduled_for if self.plan.answers else self.row["last_occurrence_at"]


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


async def settle_consequences(session: Session, planned: Sequence[Planned]) -> None:
    """Complete what is over, and ask for the end of what is to make room."""
    over = {each.row["schedule_id"]: each.plan.completed_because for each in planned if each.plan.completed_because}
    if over:
        await session.fetch("complete_schedules", list(over), list(over.values()))
    in_the_way = [each.row["schedule_id"] for each in planned if each.plan.cancel_open]
    if in_the_way:
        await session.fetch("request_cancel_open", in_the_way)
        because = "overlap: a later occurrence takes its place"
        await tell_rows(session, await session.fetch("cancel_available", in_the_way, because))


async def answer_unroutable(database: Database, routes: Sequence[str], *, now: datetime | None = None) -> list[Row]:
    """Record as MISSED what is past its grace in lanes that this replica can't run: any replica answers for it."""
    broken: dict[int, str] = {}
    async with database.transaction() as transaction:
        rows = await transaction.fetch("take_unroutable", routes, 500, now)
        planned = list(_unroutable_plans(rows, broken))
        recorded = await record_plans(transaction, planned)
        await settle_consequences(transaction, planned)
        await invalidate(transaction, broken)
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
