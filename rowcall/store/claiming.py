"""The claim: due schedules and queued executions become RUNNING rows of one worker, in one transaction.

peek            what is due per lane (route and priority), and when the next is: index probes, no locks
claim_queued    executions that wait in the queue: manual requests, retries, catch-up
claim_due       locks due schedules; then, with the locks held: what is open of them, the plans,
                RUNNING rows and leases, what is recorded as not run, and the new next_run_at
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from .claims import Claim, claim_of
from .database import Database, Row, Session
from .planning import plan_schedules
from .releasing import release_waiting
from .starting import start_due


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
            found.claims += [claim_of(row) for row in rows]
        else:
            rows = await session.fetch("claim_due", routes, priorities, left, now)
            claims, recorded = await start_due(session, worker_id, rows)
            found.claims += claims
            found.recorded += recorded
