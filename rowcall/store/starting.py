"""Due schedules that are locked: what runs of them is started, and the rest is written down, in the same transaction.

Nearly all are on time, have nothing open, and start: these take a short way, without building anything. The others are
planned in full (`domain.planning`); both write through the same statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """Schedules to advance with a run that starts now, as the columns of the statement that does it."""

    rows: dict[int, Row] = field(default_factory=dict)
    scheduled_for: list[datetime] = field(default_factory=list)
    covers_after: list[datetime | None] = field(default_factory=list)
    last_occurrence_at: list[datetime | None] = field(default_factory=list)
    next_occurrence_at: list[datetime | None] = field(default_factory=list)
    next_run_at: list[datetime | None] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)

    def add_straight(self, row: Row, following: datetime) -> None:
        """One that is on time: its occurrence starts, and the next is known."""
        occurrence = row["next_occurrence_at"]
        self.rows[row["schedule_id"]] = row
        self.scheduled_for.append(occurrence)
        self.covers_after.append(row["last_occurrence_at"])
        self.last_occurrence_at.append(occurrence)
        self.next_occurrence_at.append(following)
        self.next_run_at.append(following)
        self.counted.append(1)

    def add_planned(self, planned: Planned, starts: Answer) -> None:
        """One whose plan starts a run among other things."""
        self.rows[planned.row["schedule_id"]] = planned.row
        self.scheduled_for.append(starts.scheduled_for)
        self.covers_after.append(starts.covers_after)
        self.last_occurrence_at.append(planned.last_occurrence_at)
        self.next_occurrence_at.append(planned.plan.next_occurrence_at)
        self.next_run_at.append(planned.plan.next_run_at)
        self.counted.append(planned.plan.counted_runs)


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
    planned = list(_plans(unhurried, opened, broken))
    if waiting := await kept_waiting(session, list(zip(starts.rows, starts.scheduled_for, strict=True))):
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
    for each in _plans(rows, await _opened(session, rows), broken):
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
            starts.add_planned(each, running)
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
            starts.add_straight(row, following)
    return left


def _plans(rows: Sequence[Row], opened: Mapping[int, OpenExecutions], broken: dict[int, str]) -> Iterator[Planned]:
    for row in rows:
        try:
            schedule = schedule_of(row, parsed(row["cron_fields"]))
            yield Planned(row, plan(schedule, opened.get(row["schedule_id"], NOTHING_OPEN), row["now"]))
        except UNPLANNABLE as fault:
            broken[row["schedule_id"]] = why(fault)


def _running(planned: Planned) -> Answer | None:
    """The answer that starts now, if one does."""
    return next((answer for answer in planned.plan.answers if answer.status is ExecutionStatus.RUNNING), None)


async def _start(session: Session, worker_id: int, starts: Starts) -> list[Claim]:
    """Write RUNNING rows and leases, and advance their schedules: one statement, however many."""
    if not starts.rows:
        return []
    started = await session.fetch(
        "start_runs", worker_id, list(starts.rows), starts.scheduled_for, starts.covers_after,
        starts.last_occurrence_at, starts.next_occurrence_at, starts.next_run_at, starts.counted,
    )  # fmt: skip
    moments = dict(zip(starts.rows, starts.scheduled_for, strict=True))
    return [first_claim(starts.rows[row["schedule_id"]], row, moments[row["schedule_id"]]) for row in started]
