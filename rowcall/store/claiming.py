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

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import groupby

from rowcall.domain.catching_up import LateLane

from .ahead import Prepared, prepare
from .apart import each_apart, plan_apart
from .claims import Claim
from .database import Database
from .driver_errors import REFUSED
from .lanes import Part, Wanted, due_lanes, late_before, next_in, part_to_sort, parts_of
from .lead import Lead
from .overtaken import end_overtaken
from .peeking import Head, Sight, peek, until
from .planning import plan_schedules
from .recording import Completed
from .releasing import release_free
from .sessions import Row, Transaction
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
    `apart`: PostgreSQL had refused a schedule, and so each was written by itself. `stuck`: so many could be neither
    written nor set aside.
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
    apart: bool = False
    stuck: int = 0

    def note(self, begun: Begun) -> None:
        """Add what became of due schedules."""
        self.claims += begun.claims
        self.recorded += begun.recorded
        self.completed += begun.completed


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
    wanted = Wanted(worker_id, routes, limit, since, late, lead or Lead.none(), now)
    found, sight = Look(), None
    if not expected:
        sight = await peek(database.planning_either_way(), routes, now, since)
        if sight.unplanned:
            wanted = replace(wanted, since=None)  # what is planned now may have been due for long
            sight = await _plan_and_peek(database, found, wanted)
    if sight is None or sight.due_in <= wanted.lead.patience_seconds:
        try:
            sight = await _wait_and_claim(database, wanted, found, sight)
        except REFUSED:
            found = Look(planned=found.planned, stuck=found.stuck, apart=True)
            sight = await _wait_and_claim(database, wanted, found, None)
        made_wait = [row["schedule_id"] for row in found.recorded if row["status"] == "QUEUED"]
        await end_overtaken(database, made_wait)
        found.busy = (await release_free(database, made_wait)).busy
    found.unplanned, found.all_answered_before = sight.unplanned, sight.all_answered_before
    if found.knows_next:
        found.due_in_seconds = max(0.0, sight.by_now().due_in) if sight.heads else None
    elif not found.late_is_left:
        found.due_in_seconds = next_in(sight.heads)
    if found.unplanned and (found.planned or expected or found.knows_next):
        found.due_in_seconds = 0.0  # more of them than one transaction takes: look again at once, not after the poll
    return found


async def _wait_and_claim(database: Database, wanted: Wanted, found: Look, sight: Sight | None) -> Sight:
    """Claim what this sight leads to, or what is seen now, once it is due; what is seen then."""
    lead = wanted.lead
    async with database.transaction(one_plan=True) as transaction:  # begun before it waits: that takes time as well
        if sight is None:
            sight = await peek(transaction, wanted.routes, wanted.now, wanted.since)
            lead.saw(sight.seen_at)
        if 0 < sight.due_in <= lead.patience_seconds:
            starts_ahead = not (wanted.now or found.apart)
            ahead = await prepare(transaction, wanted, sight) if starts_ahead else None
            sight = await _wait(found, ahead, sight)
        if sight.due_in <= 0 and not found.claims:
            await _claim_all(transaction, wanted, found, sight.heads)
    return sight


async def _wait(found: Look, ahead: Prepared | None, sight: Sight) -> Sight:
    """Wait until it is time, for what was started ahead or else for what is seen; and what is seen then."""
    if ahead is None:
        await until(sight.seen_at + sight.due_in)
        return sight.by_now()
    await until(ahead.due_at)
    found.claims, found.found_due, found.knows_next = ahead.claims, 1, True
    return ahead.sight


async def _plan_and_peek(database: Database, found: Look, wanted: Wanted) -> Sight:
    """Plan what has no next moment yet, and look at the heads again."""
    try:
        async with database.transaction() as transaction:
            found.planned = await plan_schedules(transaction)
    except REFUSED:
        async with database.transaction() as transaction:
            found.planned, found.stuck = await plan_apart(transaction)
    return await peek(database.planning_either_way(), wanted.routes, wanted.now, wanted.since)


async def _claim_all(session: Transaction, wanted: Wanted, found: Look, heads: Sequence[Head]) -> None:
    """Claim what these heads lead to."""
    late, limit = wanted.late, wanted.limit
    cutoff = None if late is None else late_before(heads, late)
    if late is None or cutoff is None:
        parts, to_sort = [Part(due_lanes(heads), limit)], None
    else:
        behind = due_lanes(heads, cutoff)
        to_sort = part_to_sort(behind, heads, cutoff, limit, late)
        heads = (await peek(session, wanted.routes, wanted.now, cutoff, cutoff)).heads
        parts = parts_of(behind, heads, cutoff, limit, late)
        found.late_is_left, found.due_in_seconds = True, next_in(heads)
    found.found_due = len({lane for part in parts for lane in part.lanes})
    for part in parts:
        await _claim(session, wanted, found, part)
    if to_sort and limit > 0:
        await _sort(session, wanted, found, to_sort)


async def _claim(session: Transaction, wanted: Wanted, found: Look, part: Part) -> None:
    """Claim a part, as long as the look has room."""
    worker_id, now = wanted.worker_id, wanted.now
    first, most = len(found.claims), min(wanted.limit, len(found.claims) + part.most)
    for kind, group in groupby(part.lanes, key=lambda lane: lane.kind):
        of_kind = list(group)
        routes, priorities = [lane.route for lane in of_kind], [lane.priority for lane in of_kind]
        left = most - len(found.claims)
        if left <= 0:
            break
        if kind == "queued":
            found.claims += await take_queued(
                session, worker_id, routes, priorities, left, now, part.since, part.before
            )
        else:
            rows = await session.fetch(
                "claim_due", routes, priorities, left, now, part.since or wanted.since, part.before
            )
            await _begin(session, found, rows, partial(start_due, session, worker_id))
    if part.late:
        found.late.update(claim.execution_id for claim in found.claims[first:])


async def _begin(
    session: Transaction, found: Look, rows: Sequence[Row], start: Callable[[Sequence[Row]], Awaitable[Begun]]
) -> None:
    """Start these locked schedules together, or each apart."""

    async def begin(rows: Sequence[Row]) -> None:
        found.note(await start(rows))

    if found.apart:
        found.stuck += await each_apart(session, rows, begin)
    else:
        await begin(rows)


async def _sort(session: Transaction, wanted: Wanted, found: Look, part: Part) -> None:
    """See to what is due now as well, or has nothing to run, among what has been due for long and has no place."""
    [lane] = part.lanes
    most = min(wanted.limit, len(found.claims) + part.most)
    rows = await session.fetch(
        "claim_due", [lane.route], [lane.priority], SORTED_AT_ONCE, wanted.now, part.since, part.before
    )
    assert part.before is not None  # that is what it is behind
    await session.fetch("plan_anew")
    since = part.before

    async def start(rows: Sequence[Row]) -> Begun:
        return await start_returning(session, wanted.worker_id, rows, since, most - len(found.claims))

    await _begin(session, found, rows, start)
