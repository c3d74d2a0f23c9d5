"""The claim: due schedules and queued executions become RUNNING rows of one worker, in one transaction.

peek            what is due per lane (route and priority), and when the next is: index probes, no locks
prepare         few schedules that are due in a moment, started before it and committed at it (`ahead`); what else is
                due then is waited for (`peeking`), in the transaction that claims it, which holds nothing until then
claim_queued    locks executions that wait in the queue and are available, which then run (`taking`)
claim_due       locks due schedules; then, with the locks held: what is open of them, the plans,
                RUNNING rows and leases, what is recorded as not run, and the new next_run_at

Where something has been due for long, what is due now is claimed apart from it, and first (`domain.catching_up`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from rowcall.domain.catching_up import LateLane, triage_begins

from .ahead import Prepared, prepare
from .claims import Claim
from .database import Database
from .lead import Lead
from .peeking import Head, Sight, peek, until
from .planning import plan_schedules
from .recording import Completed
from .releasing import release_free
from .sessions import Row, Session
from .starting import Begun, start_due, start_returning
from .taking import take_queued

SORTED_AT_ONCE = 100


@dataclass(slots=True)
class Look:
    """What one look found: claims to run, answers recorded as not run, schedules that are over, and in how many seconds
    something is due next.

    `late` are the ids of the claims that had been due for long; `late_is_left`: there was such work. `due_in_seconds`
    is None when nothing that this replica may run is planned; `found_due` counts lanes with due work that it may claim.
    Where there are claims, more may be due than was seen before them, unless it `knows_next`.
    Before `all_answered_before` no schedule was found due; `unplanned`: there are some without a next moment.
    In the `busy` schedules an execution waits that could not be let go, because somebody else has them locked.
    """

    claims: list[Claim] = field(default_factory=list)
    late: set[int] = field(default_factory=set)
    late_is_left: bool = False
    recorded: list[Row] = field(default_factory=list)
    completed: list[Completed] = field(default_factory=list)
    planned: int = 0
    unplanned: bool = False
    found_due: int = 0
    knows_next: bool = False
    due_in_seconds: float | None = None
    all_answered_before: datetime | None = None
    busy: Sequence[int] = ()

    def note(self, begun: Begun) -> None:
        """Add what was found besides runs to start."""
        self.recorded += begun.recorded
        self.completed += begun.completed


@dataclass(frozen=True, slots=True)
class Lane:
    """A route at a priority, with something due in it."""

    kind: str
    route: str
    priority: int


@dataclass(frozen=True, slots=True)
class Part:
    """At most `most` runs of these lanes, of what is due from `since` on and before `before`."""

    lanes: Sequence[Lane]
    most: int
    since: datetime | None = None
    before: datetime | None = None
    late: bool = False


async def look(
    database: Database,
    worker_id: int,
    routes: Sequence[str],
    limit: int,
    *,
    since: datetime | None = None,
    late: LateLane | None = None,
    lead: Lead | None = None,
    expected: bool = False,
    now: datetime | None = None,
) -> Look:
    """Claim what is due, at most `limit` runs, by priority and then by due time; `now` is for tests.

    Where nothing is due yet, but will be within the patience of `lead`, that is waited for: it is started meanwhile and
    committed when it is due (`ahead`), or claimed then. Where that is `expected`, the transaction begins first; but
    nothing is planned then.

    `since` leaves out the schedules that were due before: for looks that begin where the one before them ended, between
    those that see everything. `late` gives what has been due for long a lane of its own.

    Raises StoreUnavailable; then nothing was claimed, or the lease will say otherwise at the next beat.
    """
    found, sight, lead = Look(), None, lead or Lead.none()
    patience = lead.patience_seconds
    if not expected:
        sight = await peek(database.planning_either_way(), routes, now, since)
        if sight.unplanned:
            since = None  # what is planned now may have been due for long
            sight = await _plan_and_peek(database, found, routes, now)
    if sight is None or sight.due_in <= patience:
        async with database.transaction(one_plan=True) as transaction:  # begun before it waits: that takes time as well
            if sight is None:
                sight = await peek(transaction, routes, now, since)
                lead.saw(sight.seen_at)
            if 0 < sight.due_in <= patience:
                ahead = None if now else await prepare(transaction, worker_id, routes, sight, limit, since, lead)
                sight = await _wait(found, ahead, sight)
            if sight.due_in <= 0 and not found.claims:
                await _claim_all(transaction, found, worker_id, routes, sight.heads, limit, since, late, now)
        made_wait = [row["schedule_id"] for row in found.recorded if row["status"] == "QUEUED"]
        found.busy = (await release_free(database, made_wait)).busy
    found.unplanned, found.all_answered_before = sight.unplanned, sight.all_answered_before
    if found.knows_next:
        found.due_in_seconds = max(0.0, sight.by_now().due_in) if sight.heads else None
    elif not found.late_is_left:
        found.due_in_seconds = _next_in(sight.heads)
    if found.unplanned and (found.planned or expected or found.knows_next):
        found.due_in_seconds = 0.0  # more of them than one transaction takes: look again at once, not after the poll
    return found


async def _wait(found: Look, ahead: Prepared | None, sight: Sight) -> Sight:
    """Wait until it is time, for what was started ahead or else for what is seen; and what is seen then."""
    if ahead is None:
        await until(sight.seen_at + sight.due_in)
        return sight.by_now()
    await until(ahead.due_at)
    found.claims, found.found_due, found.knows_next = ahead.claims, 1, True
    return ahead.sight


async def _plan_and_peek(database: Database, found: Look, routes: Sequence[str], now: datetime | None) -> Sight:
    """Plan what has no next moment yet, and look at the heads again."""
    async with database.transaction() as transaction:
        found.planned = await plan_schedules(transaction)
    return await peek(database.planning_either_way(), routes, now, None)


async def _claim_all(
    session: Session,
    found: Look,
    worker_id: int,
    routes: Sequence[str],
    heads: Sequence[Head],
    limit: int,
    since: datetime | None,
    late: LateLane | None,
    now: datetime | None,
) -> None:
    """Claim what these heads lead to."""
    cutoff = None if late is None else _cutoff(heads, late)
    if late is None or cutoff is None:
        parts, to_sort = [Part(_due_lanes(heads), limit)], None
    else:
        behind = _due_lanes(heads, cutoff)
        to_sort = _to_sort(behind, heads, cutoff, limit, late)
        heads = (await peek(session, routes, now, cutoff, cutoff)).heads
        parts = _parts(behind, heads, cutoff, limit, late)
        found.late_is_left, found.due_in_seconds = True, _next_in(heads)
    found.found_due = len({lane for part in parts for lane in part.lanes})
    for part in parts:
        await _claim(session, found, worker_id, part, limit, since, now)
    if to_sort and limit > 0:
        await _sort(session, found, worker_id, to_sort, limit, now)


def _next_in(heads: Sequence[Head]) -> float | None:
    """In how many seconds the first that is not due yet will be; None where there is none."""
    return min((head.due_in for head in heads if head.due_in > 0), default=None)


def _cutoff(heads: Sequence[Head], late: LateLane) -> datetime | None:
    """The moment before which all that is due is late; None where nothing is."""
    first = min(heads, key=lambda head: head.due_in, default=None)
    if first is None or -first.due_in <= late.after_seconds:
        return None
    return first.moment - timedelta(seconds=first.due_in + late.after_seconds)


def _parts(behind: Sequence[Lane], heads: Sequence[Head], cutoff: datetime, limit: int, late: LateLane) -> list[Part]:
    """What is due since the cutoff, `heads`, comes before the lanes `behind` it, but for a turn of theirs."""
    return [
        *([Part(behind, late.ahead, before=cutoff, late=True)] if late.ahead else []),
        Part(_due_lanes(heads), limit, cutoff),
        *([Part(behind, late.most - late.ahead, before=cutoff, late=True)] if late.most > late.ahead else []),
    ]


def _to_sort(
    behind: Sequence[Lane], heads: Sequence[Head], cutoff: datetime, limit: int, late: LateLane
) -> Part | None:
    """What stays behind and is to be sorted now. A slot is left for what is due in a moment."""
    lanes = [lane for lane in behind if lane.kind == "schedule"]
    if late.triage is None or not lanes:
        return None
    lane, where = triage_begins(late.triage, len(lanes))
    oldest = min(head.moment for head in heads)
    return Part([lanes[lane]], limit // 2, oldest + where * (cutoff - oldest), cutoff)


def _due_lanes(heads: Sequence[Head], before: datetime | None = None) -> list[Lane]:
    """The lanes with something due, or due before a moment: by priority, then by how long it has been due."""
    due = [head for head in heads if head.due_in <= 0 and (before is None or head.moment < before)]
    due.sort(key=lambda head: (-head.priority, head.due_in))
    return [Lane(head.kind, head.route, head.priority) for head in due]


async def _claim(
    session: Session,
    found: Look,
    worker_id: int,
    part: Part,
    limit: int,
    schedules_since: datetime | None,
    now: datetime | None,
) -> None:
    """Claim a part, as long as the look has room."""
    most = min(limit, len(found.claims) + part.most)
    for kind, group in groupby(part.lanes, key=lambda lane: lane.kind):
        of_kind = list(group)
        routes, priorities = [lane.route for lane in of_kind], [lane.priority for lane in of_kind]
        left = most - len(found.claims)
        if left <= 0:
            return
        if kind == "queued":
            claims = await take_queued(session, worker_id, routes, priorities, left, now, part.since, part.before)
        else:
            rows = await session.fetch(
                "claim_due", routes, priorities, left, now, part.since or schedules_since, part.before
            )
            begun = await start_due(session, worker_id, rows)
            claims = begun.claims
            found.note(begun)
        found.claims += claims
        if part.late:
            found.late.update(claim.execution_id for claim in claims)


async def _sort(session: Session, found: Look, worker_id: int, part: Part, limit: int, now: datetime | None) -> None:
    """See to what is due now as well, or has nothing to run, among what has been due for long and has no place."""
    [lane] = part.lanes
    most = min(part.most, limit - len(found.claims))
    rows = await session.fetch("claim_due", [lane.route], [lane.priority], SORTED_AT_ONCE, now, part.since, part.before)
    assert part.before is not None  # that is what it is behind
    await session.fetch("plan_anew")
    begun = await start_returning(session, worker_id, rows, part.before, most)
    found.claims += begun.claims
    found.note(begun)
