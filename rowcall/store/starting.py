"""Due schedules that are locked: what runs of them is started, and the rest is written down, in the same transaction.

Nearly all are on time, have nothing open, and start: these take a short way, without building anything. The others are
planned in full (`domain.planning`); both write through the same statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rowcall.domain.executions import ExecutionStatus
from rowcall.domain.planning import NOTHING_OPEN, Answer, OpenExecutions, plan
from rowcall.domain.schedules import schedule_of
from rowcall.domain.straight import straight_on

from .claims import Claim, first_claim
from .database import Row, Session
from .ledger import insert_answers, kept_waiting
from .planning import UNPLANNABLE, invalidate, parsed, why
from .recording import Completed, Planned, record_plans, settle_consequences, without_waiting


@dataclass(slots=True)
class Starts:
    """Schedules to advance with a run that starts now: those that go straight on, each with what follows, and those
    whose plan starts a run among other things."""

    straight: list[Row] = field(default_factory=list)
    following: list[datetime] = field(default_factory=list)
    planned: list[tuple[Planned, Answer]] = field(default_factory=list)

    def occurrences(self) -> dict[int, tuple[Row, datetime]]:
        """What starts: of each schedule, by its id, its row and the occurrence."""
        found = {each.row["schedule_id"]: (each.row, answer.scheduled_for) for each, answer in self.planned}
        found.update((row["schedule_id"], (row, row["next_occurrence_at"])) for row in self.straight)
        return found

    def columns(self) -> tuple[Sequence[object], ...]:
        """The arguments of the statement that starts them."""
        plans = [each for each, _ in self.planned]
        answers = [answer for _, answer in self.planned]
        return (
            [each.row["schedule_id"] for each in plans] + [row["schedule_id"] for row in self.straight],
            [answer.covers_after for answer in answers] + [row["last_occurrence_at"] for row in self.straight],
            [each.plan.next_run_at for each in plans] + self.following,
            [answer.scheduled_for for answer in answers],
            [each.last_occurrence_at for each in plans],
            [each.plan.next_occurrence_at for each in plans],
            [each.plan.counted_runs for each in plans],
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of due schedules: claims to run, rows for what does not run, and the schedules that are over now."""

    claims: list[Claim] = field(default_factory=list)
    recorded: list[Row] = field(default_factory=list)
    completed: list[Completed] = field(default_factory=list)


async def start_due(session: Session, worker_id: int, rows: Sequence[Row]) -> Begun:
    """Start what is to run of these locked schedules, and record the rest.

    What is open of them is asked only now: the locks keep it true.
    """
    if not rows:
        return Begun()
    opened = await _opened(session, rows)
    starts, broken = Starts(), dict[int, str]()
    unhurried = _take_straight(starts, rows, opened)
    planned = await _plans(session, unhurried, opened, broken)
    starting = [(row["schedule_id"], row["next_occurrence_at"]) for row in starts.straight]
    if waiting := await kept_waiting(session, starting):
        return await start_due(session, worker_id, [row for row in rows if row["schedule_id"] not in waiting])
    planned = await without_waiting(session, planned)
    return await _carry_out(session, worker_id, starts, planned, broken)


async def start_returning(session: Session, worker_id: int, rows: Sequence[Row], since: datetime, most: int) -> Begun:
    """Of these locked schedules, see to those that are due now as well, or have nothing to run.

    They were due before `since`. One that is to run for an occurrence after it has come back to its usual times, and is
    started, of these at most `most`; all that would run for what is long past is left as it is.
    """
    if not rows:
        return Begun()
    broken: dict[int, str] = {}
    returning: list[Planned] = []
    for each in await _plans(session, rows, await _opened(session, rows), broken):
        running = _running(each)
        if running is not None:
            if most <= 0 or running.scheduled_for < since:
                continue
            most -= 1
        returning.append(each)
    returning = await without_waiting(session, returning)
    return await _carry_out(session, worker_id, Starts(), returning, broken)


async def _opened(session: Session, rows: Sequence[Row]) -> Mapping[int, OpenExecutions]:
    return {
        row["schedule_id"]: OpenExecutions(row["count"], row["waiting"], row["execution_id"])
        for row in await session.fetch("open_of", [row["schedule_id"] for row in rows])
    }


async def _carry_out(
    session: Session, worker_id: int, starts: Starts, planned: Sequence[Planned], broken: Mapping[int, str]
) -> Begun:
    """Write what starts, what does not, and what follows from either."""
    answers = []
    for each in planned:
        running = _running(each)
        if running is not None:
            starts.planned.append((each, running))
            answers += [(each.row["schedule_id"], answer) for answer in each.plan.answers if answer is not running]
    claims = await _start(session, worker_id, starts)
    recorded = await record_plans(session, [each for each in planned if _running(each) is None])
    recorded += await insert_answers(session, answers)
    completed = await settle_consequences(session, planned)
    await invalidate(session, broken)
    return Begun(claims, recorded, completed)


def _take_straight(starts: Starts, rows: Sequence[Row], opened: Mapping[int, OpenExecutions]) -> list[Row]:
    """Add the rows that go straight on; those that need a plan are left."""
    left: list[Row] = []
    known: dict[tuple[object, ...], datetime | None] = {}
    for row in rows:
        following = None if row["schedule_id"] in opened else straight_on(row, known)
        if following is None:
            left.append(row)
        else:
            starts.straight.append(row)
            starts.following.append(following)
    return left


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


async def _start(session: Session, worker_id: int, starts: Starts) -> list[Claim]:
    """Write RUNNING rows and leases, and advance their schedules: one statement, however many."""
    starting = starts.occurrences()
    if not starting:
        return []
    started = await session.fetchrow("start_runs", worker_id, *starts.columns())
    assert started is not None  # the statement counts, so it always answers
    executed_at = started["executed_at"]
    return [
        first_claim(*starting[schedule_id], execution_id, executed_at)
        for schedule_id, execution_id in zip(started["schedule_ids"], started["execution_ids"], strict=True)
    ]
