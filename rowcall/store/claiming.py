"""The claim: due schedules and queued executions become RUNNING rows of one worker, in one transaction.

peek            what is due per lane (route and priority), and when the next is: index probes, no locks
claim_queued    executions that wait in the queue: manual requests, retries, catch-up
claim_due       locks due schedules; then, with the locks held: what is open of them, the plans,
                RUNNING rows and leases, what is recorded as not run, and the new next_run_at
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from rowcall.domain.executions import ExecutionStatus
from rowcall.domain.planning import NOTHING_OPEN, Answer, OpenExecutions, Plan, plan, plan_unroutable
from rowcall.domain.schedules import schedule_of

from .database import Database, Row, Session
from .ledger import ensure_days, insert_answers
from .planning import UNPLANNABLE, invalidate, parsed, plan_schedules, why
from .releasing import release_waiting


@dataclass(frozen=True, slots=True)
class Claim:
    """An execution that this worker may run: its lease. `input_data` is JSON text."""

    execution_id: int
    schedule_id: int
    schedule_name: str
    client_id: str
    scheduled_for: datetime
    executed_at: datetime
    attempt: int
    fence: int
    trigger: str
    task_type: str
    input_data: str
    timeout_seconds: float
    max_retries: int
    retry_backoff_seconds: float


@dataclass(slots=True)
class Look:
    """What one look found: claims to run, answers recorded as not run, and in how many seconds something is due next.

    `due_in_seconds` is None when nothing that this replica may run is planned; `found_due` counts lanes with due work.
    """

    claims: list[Claim] = field(default_factory=list)
    recorded: list[Row] = field(default_factory=list)
    planned: int = 0
    found_due: int = 0
    due_in_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """A route at a priority, with something due in it."""

    kind: str
    route: str
    priority: int


async def look(
    database: Database, worker_id: int, routes: Sequence[str], limit: int, *, now: datetime | None = None
) -> Look:
    """Claim what is due, at most `limit` runs, by priority and then by due time; `now` is for tests.

    Raises StoreUnavailable; then nothing was claimed, or the lease will say otherwise at the next beat.
    """
    found = Look()
    heads = await database.fetch("peek", routes, now)
    if any(head["kind"] == "unplanned" for head in heads):
        async with database.transaction() as transaction:
            found.planned = await plan_schedules(transaction)
        heads = await database.fetch("peek", routes, now)
    lanes = _due_lanes(heads)
    found.found_due = len(lanes)
    found.due_in_seconds = min((head["due_in"] for head in heads if head["due_in"] > 0), default=None)
    if found.planned and any(head["kind"] == "unplanned" for head in heads):
        found.due_in_seconds = 0.0  # more of them than one transaction takes: look again at once, not after the poll
    if lanes and limit > 0:
        async with database.transaction() as transaction:
            await _claim(transaction, found, worker_id, lanes, limit, now)
        await release_waiting(database, [row["schedule_id"] for row in found.recorded if row["status"] == "QUEUED"])
    return found


def _due_lanes(heads: Sequence[Row]) -> list[Lane]:
    """The lanes with something due: higher priorities first, then what has been due for longer."""
    due = [head for head in heads if head["due_in"] <= 0 and head["kind"] != "unplanned"]
    due.sort(key=lambda head: (-head["priority"], head["due_in"]))
    return [Lane(head["kind"], head["route"], head["priority"]) for head in due]


async def _claim(
    session: Session, found: Look, worker_id: int, lanes: Sequence[Lane], limit: int, now: datetime | None
) -> None:
    for kind, group in groupby(lanes, key=lambda lane: lane.kind):
        of_kind = list(group)
        routes, priorities = [lane.route for lane in of_kind], [lane.priority for lane in of_kind]
        left = limit - len(found.claims)
        if left <= 0:
            return
        if kind == "queued":
            rows = await session.fetch("claim_queued", worker_id, routes, priorities, left, now)
            found.claims += [_claim_of(row) for row in rows]
        else:
            await _claim_due(session, found, worker_id, await session.fetch("claim_due", routes, priorities, left, now))


def _claim_of(row: Row) -> Claim:
    """The Claim of a row that carries all of it."""
    return Claim(
        row["execution_id"], row["schedule_id"], row["name"], row["client_id"], row["scheduled_for"],
        row["executed_at"], row["attempt"], row["fence"], row["trigger"], row["task_type"], row["input_data"],
        row["timeout_seconds"], row["max_retries"], row["retry_backoff_seconds"],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planned:
    """A locked row with its plan, and the answer that is to run now, if one is."""

    row: Row
    plan: Plan
    starts: Answer | None

    @property
    def last_occurrence_at(self) -> datetime | None:
        """Where the chain stands once the answers are written."""
        return self.plan.answers[-1].scheduled_for if self.plan.answers else self.row["last_occurrence_at"]


async def _claim_due(session: Session, found: Look, worker_id: int, rows: Sequence[Row]) -> None:
    """Plan the locked rows and write what follows. What is open of them is asked only now: the locks keep it true."""
    if not rows:
        return
    opened = {
        row["schedule_id"]: OpenExecutions(row["count"], row["waiting"], row["execution_id"])
        for row in await session.fetch("open_of", [row["schedule_id"] for row in rows])
    }
    broken: dict[int, str] = {}
    planned = list(_plans(rows, opened, broken))
    found.claims += await _start(session, worker_id, [each for each in planned if each.starts is not None])
    found.recorded += await record_plans(session, [each for each in planned if each.starts is None])
    answers = [
        (each.row["schedule_id"], answer)
        for each in planned
        if each.starts is not None
        for answer in each.plan.answers
        if answer is not each.starts
    ]
    found.recorded += await insert_answers(session, answers)
    await _close(session, planned, broken)


def _plans(rows: Sequence[Row], opened: dict[int, OpenExecutions], broken: dict[int, str]) -> Iterator[Planned]:
    for row in rows:
        try:
            schedule = schedule_of(row, parsed(row["cron_fields"]))
            planned = plan(schedule, opened.get(row["schedule_id"], NOTHING_OPEN), row["now"])
        except UNPLANNABLE as fault:
            broken[row["schedule_id"]] = why(fault)
        else:
            starts = next((answer for answer in planned.answers if answer.status is ExecutionStatus.RUNNING), None)
            yield Planned(row, planned, starts)


async def _start(session: Session, worker_id: int, planned: Sequence[Planned]) -> list[Claim]:
    """Write RUNNING rows and leases, and advance their schedules: one statement, however many."""
    if not planned:
        return []
    starts = {each.row["schedule_id"]: each for each in planned}
    answers = [each.starts for each in planned if each.starts is not None]
    await ensure_days(session, (answer.scheduled_for for answer in answers))
    started = await session.fetch(
        "start_runs",
        worker_id,
        list(starts),
        [answer.scheduled_for for answer in answers],
        [answer.covers_after for answer in answers],
        [each.last_occurrence_at for each in planned],
        [each.plan.next_occurrence_at for each in planned],
        [each.plan.next_run_at for each in planned],
        [each.plan.counted_runs for each in planned],
    )
    return [_started(starts[row["schedule_id"]], row) for row in started]


def _started(planned: Planned, started: Row) -> Claim:
    row, answer = planned.row, planned.starts
    assert answer is not None
    return Claim(
        started["execution_id"], row["schedule_id"], row["name"], row["client_id"], answer.scheduled_for,
        started["executed_at"], 1, 1, "schedule", row["task_type"], row["input_data"],
        row["timeout_seconds"], row["max_retries"], row["retry_backoff_seconds"],
    )  # fmt: skip


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


async def _close(session: Session, planned: Sequence[Planned], broken: dict[int, str]) -> None:
    """Complete what is over, set aside what can't be scheduled, and ask for the end of what is to make room."""
    over = {each.row["schedule_id"]: each.plan.completed_because for each in planned if each.plan.completed_because}
    if over:
        await session.fetch("complete_schedules", list(over), list(over.values()))
    await invalidate(session, broken)
    in_the_way = [each.row["schedule_id"] for each in planned if each.plan.cancel_open]
    if in_the_way:
        await session.fetch("request_cancel_open", in_the_way)
        await session.fetch("cancel_available", in_the_way, "overlap: a later occurrence takes its place")


async def answer_unroutable(database: Database, routes: Sequence[str], *, now: datetime | None = None) -> list[Row]:
    """Record as MISSED what is past its grace in lanes that this replica can't run: any replica answers for it."""
    broken: dict[int, str] = {}
    async with database.transaction() as transaction:
        rows = await transaction.fetch("take_unroutable", routes, 500, now)
        planned = list(_unroutable_plans(rows, broken))
        recorded = await record_plans(transaction, planned)
        await _close(transaction, planned, broken)
    return recorded


def _unroutable_plans(rows: Sequence[Row], broken: dict[int, str]) -> Iterator[Planned]:
    for row in rows:
        try:
            unroutable = plan_unroutable(schedule_of(row, parsed(row["cron_fields"])), row["now"], _unroutable(row))
        except UNPLANNABLE as fault:
            broken[row["schedule_id"]] = why(fault)
        else:
            if unroutable is not None:
                yield Planned(row, unroutable, None)


def _unroutable(row: Row) -> str:
    if row["routable"]:
        return f"grace: not started within {row['grace_period_seconds']} s of its moment"
    needed = f"task {row['task_type']!r}"
    if row["capability_required"] is not None:
        needed += f" with capability {row['capability_required']!r}"
    return f"unroutable: no live worker offered {needed} before its grace ran out"
