"""Leases: a worker's right to what it runs, while it beats; and what happens to the runs of those that don't."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rowcall.domain.executions import END_REQUESTED, ExecutionStatus
from rowcall.domain.retries import may_retry
from rowcall.domain.zones import tzdata_version

from .database import Database
from .deleted import DELETED, NOT_TRIED_AGAIN, cancel_left_over, deleted_among
from .overtaken import end_overtaken
from .releasing import release_free
from .sessions import Row, Session
from .telling import tell_rows

ORPHANS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """What a worker says of itself when it starts."""

    name: str
    host: str
    pid: int
    version: str
    apps: Sequence[str]
    routes: Sequence[str]
    slots: int
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class OfferedTask:
    """A task type that a worker can run."""

    task_type: str
    app: str | None
    description: str | None
    capabilities: Sequence[str]
    isolation: str
    timeout_seconds: float | None


async def register_worker(database: Database, card: WorkerCard, tasks: Sequence[OfferedTask]) -> int:
    """A new worker with a new id; its tasks are known from now on."""
    async with database.transaction() as transaction:
        if tasks:
            await transaction.fetch(
                "offer_tasks",
                [task.task_type for task in tasks],
                [task.app for task in tasks],
                [task.description for task in tasks],
                [json.dumps(sorted(task.capabilities)) for task in tasks],
                [task.isolation for task in tasks],
                [task.timeout_seconds for task in tasks],
            )
        worker_id: int = await transaction.fetchval(
            "register_worker", card.name, card.host, card.pid, card.version, card.apps, card.routes, card.slots,
            card.lease_seconds, tzdata_version(),
        )  # fmt: skip
    return worker_id


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a beat: whether anything `runs` in the worker's name, and the executions whose end is requested."""

    runs: bool
    to_end: Sequence[int]


async def beat(session: Session, worker_id: int, lease_seconds: float | None = None) -> Beat | None:
    """Renew the lease, from now on for `lease_seconds` if given.

    None when it had run out, and nothing is this worker's any more.
    """
    row = await session.fetchrow("beat", worker_id, lease_seconds)
    return None if row is None else Beat(row["runs"], row["to_end"])


@dataclass(frozen=True, slots=True)
class Readback:
    """What the database says runs in a worker's name: what of it was held, and how many were given back.

    `through` is the newest execution that this has seen, None where there was none.
    """

    present: frozenset[int]
    given_back: int
    through: int | None


async def read_back(
    database: Database, worker_id: int, held: Mapping[int, int], *, since: int | None = None
) -> Readback:
    """Read what runs in this worker's name, and put back in the queue what it does not hold (executions to fences).

    So a claim whose COMMIT was answered to nobody does not stay RUNNING under a healthy worker. Never call it while a
    claim of this worker is on its way. With `since`, the newest that an earlier one has seen, what is older and is not
    held is left out: that one has seen to it.
    """
    if since is None:
        rows = await database.fetch("open_of_worker", worker_id)
    else:
        rows = await database.fetch("open_of_worker_since", worker_id, list(held), since)
    present = frozenset(row["execution_id"] for row in rows if held.get(row["execution_id"]) == row["fence"])
    unheld = [row for row in rows if row["execution_id"] not in present]
    if unheld:
        await _give_back(database, worker_id, unheld)
    seen = [*held, *(row["execution_id"] for row in rows), *([] if since is None else [since])]
    return Readback(present, len(unheld), max(seen, default=None))


async def _give_back(database: Database, worker_id: int, rows: Sequence[Row]) -> None:
    """Put back in the queue what was never started. What was cancelled meanwhile ends: no beat could ever end it."""
    nothing: list[str | None] = [None] * len(rows)
    schedule_ids = sorted({row["schedule_id"] for row in rows})
    async with database.transaction() as transaction:
        deleted = await deleted_among(transaction, schedule_ids)
        gone = [row for row in rows if row["schedule_id"] in deleted]
        rows = [row for row in rows if row["schedule_id"] not in deleted]
        cancelled = [row for row in rows if row["cancel_requested_at"] is not None]
        await _requeue(transaction, worker_id, rows, given_back=1, entries=nothing[: len(rows)])
        for ending, reason in ((cancelled, END_REQUESTED), (gone, DELETED)):
            entries = nothing[: len(ending)]
            await _finish(transaction, worker_id, ending, ExecutionStatus.CANCELLED, entries=entries, reason=reason)
    await cancel_left_over(database, schedule_ids)
    await end_overtaken(database, schedule_ids)
    await release_free(database, sorted({row["schedule_id"] for row in cancelled}))


async def cancel_claimed(session: Session, worker_id: int, rows: Sequence[Row], reason: str) -> None:
    """End what was claimed just now, and is not to start after all."""
    nothing = [None] * len(rows)
    await _finish(session, worker_id, rows, ExecutionStatus.CANCELLED, entries=nothing, reason=reason)


async def set_worker_status(session: Session, worker_id: int, status: str) -> None:
    """Say that this worker drains, or that it has stopped."""
    await session.fetch("set_worker_status", worker_id, status)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a look after the dead found: workers whose lease ran out, and what became of their runs."""

    dead: Sequence[Row]
    requeued: int = 0
    lost: int = 0
    cancelled: int = 0


async def recover(database: Database, *, but: int | None = None, now: datetime | None = None) -> Recovery:
    """Give up the workers whose lease ran out, and take back what they ran, in batches: any replica may.

    An execution with a retry left goes back to the queue; another is LOST, and so is one of a deleted schedule. `but`
    is the worker that asks: where it was given up itself and has not heard of it, it ends its runs first, and gives
    them back without an attempt burnt. `now` is for tests.
    """
    dead = await database.fetch("bury_workers", now)
    requeued = lost = cancelled = 0
    while True:
        async with database.transaction() as transaction:
            orphans = await transaction.fetch("take_orphans", ORPHANS_AT_ONCE, but)
            fates = await _decide(transaction, orphans)
        requeued += len(fates[ExecutionStatus.QUEUED])
        lost += len(fates[ExecutionStatus.LOST])
        cancelled += len(fates[ExecutionStatus.CANCELLED])
        ended = [*fates[ExecutionStatus.LOST], *fates[ExecutionStatus.CANCELLED]]
        if fates[ExecutionStatus.QUEUED]:
            queued = [row["schedule_id"] for row in fates[ExecutionStatus.QUEUED]]
            await cancel_left_over(database, queued)
            await end_overtaken(database, queued)
        await release_free(database, sorted({row["schedule_id"] for row in ended}))
        if len(orphans) < ORPHANS_AT_ONCE:
            return Recovery(dead, requeued, lost, cancelled)


async def _decide(session: Session, orphans: Sequence[Row]) -> Mapping[ExecutionStatus, list[Row]]:
    """Put back or close locked runs whose worker is gone; what became of which."""
    fates: dict[ExecutionStatus, list[Row]] = defaultdict(list)
    for row in orphans:
        fates[_fate(row)].append(row)
    for worker_id, rows in _by_worker(fates[ExecutionStatus.QUEUED]):
        await _requeue(session, worker_id, rows, given_back=0, entries=[_entry(row) for row in rows])
    for fate in (ExecutionStatus.LOST, ExecutionStatus.CANCELLED):
        for deleted in (False, True):
            reason = NOT_TRIED_AGAIN if deleted and fate is ExecutionStatus.LOST else None
            ending = [row for row in fates[fate] if row["deleted"] is deleted]
            for worker_id, rows in _by_worker(ending):
                await _finish(session, worker_id, rows, fate, entries=[_entry(row) for row in rows], reason=reason)
    return fates


def _fate(orphan: Row) -> ExecutionStatus:
    """What becomes of a run whose worker is gone."""
    if orphan["cancel_requested_at"] is not None:
        return ExecutionStatus.CANCELLED
    if may_retry(orphan["attempt"], orphan["max_retries"]) and not orphan["deleted"]:
        return ExecutionStatus.QUEUED
    return ExecutionStatus.LOST


def _by_worker(rows: Sequence[Row]) -> list[tuple[int, list[Row]]]:
    ordered = sorted(rows, key=lambda row: row["worker_id"])
    return [(worker_id, list(group)) for worker_id, group in groupby(ordered, key=lambda row: row["worker_id"])]


async def _requeue(
    session: Session, worker_id: int, rows: Sequence[Row], *, given_back: int, entries: Sequence[str | None]
) -> None:
    await session.fetch(
        "requeue_executions",
        worker_id,
        [row["execution_id"] for row in rows],
        [row["scheduled_for"] for row in rows],
        [row["fence"] for row in rows],
        [0.0] * len(rows),
        [given_back] * len(rows),
        entries,
        [None if entry is None else _gone(row) for row, entry in zip(rows, entries, strict=True)],
        [row["schedule_id"] for row in rows],
    )


async def _finish(
    session: Session,
    worker_id: int,
    rows: Sequence[Row],
    status: ExecutionStatus,
    *,
    entries: Sequence[str | None],
    reason: str | None = None,
) -> None:
    if not rows:
        return
    nothing, moments = [None] * len(rows), [row["scheduled_for"] for row in rows]
    ended = await session.fetchval(
        "finish_executions",
        worker_id,
        [row["execution_id"] for row in rows],
        moments,
        [row["fence"] for row in rows],
        [row["schedule_id"] for row in rows],
        nothing,
        [status.value] * len(rows),
        nothing,
        [None if entry is None else _gone(row) for row, entry in zip(rows, entries, strict=True)],
        entries,
        [reason] * len(rows),
        min(moments),
        max(moments),
    )
    await tell_rows(session, [row for row in rows if row["execution_id"] in ended])


def _gone(row: Row) -> str:
    return f"the worker {row['worker']} (id {row['worker_id']}) gave no sign of life while it ran this"


def _entry(row: Row) -> str:
    began = row["executed_at"].isoformat()
    return json.dumps(
        {
            "attempt": row["attempt"],
            "status": "LOST",
            "error": _gone(row),
            "silent_seconds": row["silent_seconds"],
            "executed_at": began,
        }
    )
