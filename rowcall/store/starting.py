"""Due schedules that are locked: what runs of them is started, and the rest is written down, in the same transaction.

Nearly all are on time, have nothing open, and start: these take a short way, in which nothing is built, and nothing is
asked before it is written. The others are planned in full (`domain.planning`); both write through the same statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rowcall.domain.executions import ExecutionStatus
from rowcall.domain.planning import NOTHING_OPEN, Answer, OpenExecutions, plan
from rowcall.domain.schedules import schedule_of
from rowcall.domain.straight import Standing, straight_on

from .claims import Claim, first_claim
from .ledger import insert_answers, kept_waiting
from .planning import UNPLANNABLE, invalidate, parsed, why
from .recording import Completed, Planned, record_plans, settle_consequences, without_waiting
from .sessions import Row, Session

STANDING = slice(len(Standing._fields))
"""The first columns of a row of claim_due."""


class _Following(dict[tuple[Any, ...], datetime | None]):
    """Where schedules that stand like this go straight on to. Most of a herd stand alike, so that few are looked at."""

    def __missing__(self, standing: tuple[Any, ...]) -> datetime | None:
        following = self[standing] = straight_on(Standing._make(standing))
        return following


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of due schedules: claims to run, rows for what does not run, and the schedules that are over now."""

    claims: list[Claim] = field(default_factory=list)
    recorded: list[Row] = field(default_factory=list)
    completed: list[Completed] = field(default_factory=list)


async def start_due(session: Session, worker_id: int, rows: Sequence[Row]) -> Begun:
    """Start what is to run of these locked schedules, and record the rest.

    What is open of them is seen only now: the locks keep it true.
    """
    claims, left = await _start_straight(session, worker_id, rows)
    if not left:
        return Begun(claims)
    await session.fetch("plan_anew")
    broken: dict[int, str] = {}
    planned = await _plans(session, left, await _opened(session, left), broken)
    begun = await _carry_out(session, worker_id, await without_waiting(session, planned), broken)
    return replace(begun, claims=claims + begun.claims)


async def start_returning(session: Session, worker_id: int, rows: Sequence[Row], since: datetime, most: int) -> Begun:
    """Of these locked schedules, see to those that are due now as well, or have nothing to run.

    They were due before `since`. One that is to run for an occurrence after it has come back to its usual times, and is
    started, of these at most `most`; all that would run for what is long past is left as it is.
    """
    if not rows:
        return Begun()
    broken: dict[int, str] = {}
    returning: list[Planned] = []
    await session.fetch("plan_anew")
    for each in await _plans(session, rows, await _opened(session, rows), broken):
        running = _running(each)
        if running is not None:
            if most <= 0 or running.scheduled_for < since:
                continue
            most -= 1
        returning.append(each)
    returning = await without_waiting(session, returning)
    return await _carry_out(session, worker_id, returning, broken)


async def _opened(session: Session, rows: Sequence[Row]) -> Mapping[int, OpenExecutions]:
    return {
        row["schedule_id"]: OpenExecutions(row["count"], row["waiting"], row["execution_id"], row["requested"])
        for row in await session.fetch("open_of", [row["schedule_id"] for row in rows])
    }


async def _carry_out(session: Session, worker_id: int, planned: Sequence[Planned], broken: Mapping[int, str]) -> Begun:
    """Write what starts, what does not, and what follows from either."""
    starting: list[tuple[Planned, Answer]] = []
    answers: list[tuple[int, Answer]] = []
    for each in planned:
        running = _running(each)
        if running is not None:
            starting.append((each, running))
            answers += [(each.row["schedule_id"], answer) for answer in each.plan.answers if answer is not running]
    claims = await _start_planned(session, worker_id, starting)
    recorded = await record_plans(session, [each for each in planned if _running(each) is None])
    recorded += await insert_answers(session, answers)
    completed = await settle_consequences(session, planned)
    await invalidate(session, broken)
    return Begun(claims, recorded, completed)


async def _plans(
    session: Session, rows: Sequence[Row], opened: Mapping[int, OpenExecutions], broken: dict[int, str]
) -> list[Planned]:
    """The plans of these locked schedules; into `broken` goes what can't be planned, and why."""
    if not rows:
        return []
    moments = {row["schedule_id"]: row["now"] for row in rows}
    found: list[Planned] = []
    for row in await session.fetch("due_in_full", list(moments)):
        schedule_id = row["schedule_id"]
        try:
            schedule = schedule_of(row, parsed(row["cron_fields"]))
            found.append(Planned(row, plan(schedule, opened.get(schedule_id, NOTHING_OPEN), moments[schedule_id])))
        except UNPLANNABLE as fault:
            broken[schedule_id] = why(fault)
    return found


def _running(planned: Planned) -> Answer | None:
    """The answer that starts now, if one does."""
    return next((answer for answer in planned.plan.answers if answer.status is ExecutionStatus.RUNNING), None)


async def _start_straight(session: Session, worker_id: int, rows: Sequence[Row]) -> tuple[list[Claim], list[Row]]:
    """Start those that go straight on; their claims, and the rows that need a plan.

    That nothing of theirs is open is seen by the statement itself: those that it has left need a plan as well.
    """
    straight, following, left = _straight_of(rows)
    starting = {row["schedule_id"]: (row, row["next_occurrence_at"]) for row in straight}
    if waiting := await kept_waiting(session, [(each, moment) for each, (_, moment) in starting.items()]):
        return await _start_straight(session, worker_id, [row for row in rows if row["schedule_id"] not in waiting])
    claims: list[Claim] = []
    if len(straight) == 1:
        claims = await _start_one(session, worker_id, straight[0], following[0])
    elif straight:
        await session.fetch("plan_anew")
        behind = [row["last_occurrence_at"] for row in straight]
        claims = await _start(session, worker_id, starting, behind, following, [], [], [], [])
    if len(claims) < len(straight):
        started = {claim.schedule_id for claim in claims}
        left += [row for row in straight if row["schedule_id"] not in started]
    return claims, left


def _straight_of(rows: Sequence[Row]) -> tuple[list[Row], list[datetime], list[Row]]:
    """The rows that go straight on, unless something of theirs is open; what follows in each; and the other rows."""
    straight: list[Row] = []
    following: list[datetime] = []
    left: list[Row] = []
    known = _Following()
    for row in rows:
        moment = known[row[STANDING]]
        if moment is None:
            left.append(row)
        else:
            straight.append(row)
            following.append(moment)
    return straight, following, left


async def start_ahead(session: Session, worker_id: int, rows: Sequence[Row]) -> list[Claim]:
    """Start these locked schedules as if the moment had come that is `now` in each.

    What something is open of is left out, and stays due. Where one needs a plan, none is started.
    """
    straight, following, left = _straight_of(rows)
    if left or await kept_waiting(session, [(row["schedule_id"], row["next_occurrence_at"]) for row in straight]):
        return []
    claims: list[Claim] = []
    for row, moment in zip(straight, following, strict=True):
        claims += await _start_one(session, worker_id, row, moment, not_before=row["now"])
    return claims


async def _start_one(
    session: Session, worker_id: int, row: Row, following: datetime, not_before: datetime | None = None
) -> list[Claim]:
    """Start a lone one that goes straight on: by its key, so that the plan may be kept. More are worth a new one."""
    keys = worker_id, row["schedule_id"]
    run = await session.fetchrow("start_run", *keys, row["last_occurrence_at"], following, not_before)
    return [] if run is None else [first_claim(row, row["next_occurrence_at"], run["execution_id"], run["executed_at"])]


async def _start_planned(session: Session, worker_id: int, starting: Sequence[tuple[Planned, Answer]]) -> list[Claim]:
    """Start the runs of plans."""
    plans = [each for each, _ in starting]
    return await _start(
        session,
        worker_id,
        {each.row["schedule_id"]: (each.row, answer.scheduled_for) for each, answer in starting},
        [answer.covers_after for _, answer in starting],
        [each.plan.next_run_at for each in plans],
        [answer.scheduled_for for _, answer in starting],
        [each.last_occurrence_at for each in plans],
        [each.plan.next_occurrence_at for each in plans],
        [each.plan.counted_runs for each in plans],
    )


async def _start(
    session: Session, worker_id: int, starting: Mapping[int, tuple[Row, datetime]], *columns: Sequence[object]
) -> list[Claim]:
    """Write RUNNING rows and leases, and advance their schedules: one statement, however many.

    `starting` has of each schedule, by its id, its row and the occurrence; the columns are those of the statement.
    """
    if not starting:
        return []
    started = await session.fetchrow("start_runs", worker_id, list(starting), *columns)
    assert started is not None  # the statement counts, so it always answers
    executed_at = started["executed_at"]
    return [
        first_claim(*starting[schedule_id], execution_id, executed_at)
        for schedule_id, execution_id in zip(started["schedule_ids"], started["execution_ids"], strict=True)
    ]
