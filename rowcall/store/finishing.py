"""The end of an attempt: a result, a retry, or a place back in the queue; guarded by the fence, in batches."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from rowcall.domain.errors import LeaseLost
from rowcall.domain.executions import DONE, END_REQUESTED, ExecutionStatus, Outcome
from rowcall.domain.retries import backoff, may_retry

from .claims import Claim
from .connecting import NAMES
from .database import Database
from .deleted import DELETED, NOT_TRIED_AGAIN, cancel_left_over, deleted_among
from .keeping import FEW
from .overtaken import end_overtaken
from .releasing import release_free
from .sessions import Session, Transaction
from .telling import tell

ONLY_OUR_NAMES = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in NAMES.items())

RETRIED = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)


@dataclass(slots=True)
class Result:
    """How one claimed execution ended, and how long it took. `reason` says why no other attempt follows.

    Not frozen, for the reason of `Claim`. Nothing changes it.
    """

    claim: Claim
    outcome: Outcome
    duration_seconds: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch of results. `refused` are those whose execution had been given to another.

    `released` says whether an execution that waited for one of these may start now; in the `busy` schedules one waits
    still, because somebody else has them locked: let it go when they are free again (`release_free`).
    """

    finished: list[Result]
    requeued: list[Result]
    refused: list[Result]
    released: bool
    busy: Sequence[int]


async def record_results(database: Database, worker_id: int, results: Sequence[Result], random: Random) -> Recorded:
    """Write results back: one statement for those that end, one for those that are tried again or given back.

    Raises StoreUnavailable; the batch may then be sent again: what was written already is refused the second time.
    """
    plain, telling = _parted(results, _is_plain)
    if plain and len(plain) <= FEW and not telling:
        return await _record_few(database, worker_id, plain)
    again, final = _parted(telling, _is_tried_again)
    async with database.transaction() as transaction:
        deleted = await deleted_among(transaction, [result.claim.schedule_id for result in again])
        final += [_not_again(result) for result in again if result.claim.schedule_id in deleted]
        again = [result for result in again if result.claim.schedule_id not in deleted]
        requeued = await _requeue(transaction, worker_id, again, random)
        # A retry is refused when its end was requested meanwhile: then it ends here, unless it is another's by now.
        final += [_cancelled(result) for result in again if result.claim.execution_id not in requeued]
        finished = await _finish(transaction, worker_id, final, plain)
    if requeued:
        queued = [result.claim.schedule_id for result in again]
        await cancel_left_over(database, queued)
        await end_overtaken(database, queued)
    ended, refused = _parted([*plain, *final], lambda result: result.claim.execution_id in finished)
    released = await release_free(database, list({result.claim.schedule_id for result in ended}))
    return Recorded(
        finished=ended,
        requeued=[result for result in again if result.claim.execution_id in requeued],
        refused=refused,
        released=bool(released.rows),
        busy=released.busy,
    )


async def _record_few(database: Database, worker_id: int, results: Sequence[Result]) -> Recorded:
    """Write back few results of which there is nothing to say, by their keys: so they come in a steady stream."""
    claims = [result.claim for result in results if result.claim.tells]
    if len(results) == 1 and not claims:
        finished = {await _finish_one(database.keeping_plans(), worker_id, results[0])}
    else:
        async with database.transaction(one_plan=True) as transaction:
            finished = {await _finish_one(transaction, worker_id, each) for each in results}
            told = [(claim.execution_id, claim.scheduled_for) for claim in claims if claim.execution_id in finished]
            await tell(transaction, told)
    ended, refused = _parted(results, lambda result: result.claim.execution_id in finished)
    released = await release_free(database, list({result.claim.schedule_id for result in ended}))
    return Recorded(ended, [], refused, bool(released.rows), released.busy)


async def _finish_one(session: Session, worker_id: int, result: Result) -> int | None:
    """Close one that has succeeded; its id, or None where it was not this worker's any more."""
    claim = result.claim
    keys = claim.execution_id, claim.scheduled_for, claim.fence, claim.schedule_id
    closed: int | None = await session.fetchval("finish_run", worker_id, *keys, result.duration_seconds)
    return closed


@asynccontextmanager
async def ending_transaction(
    database: Database,
    worker_id: int,
    claim: Claim,
    result_of: Callable[[], Result],
    limit_seconds: float | None = None,
) -> AsyncIterator[Transaction]:
    """A transaction that ends with the execution's own success: what is written in it and that commit together.

    `result_of` is asked for the result at the end of the block. The server ends what takes longer than `limit_seconds`,
    a statement or a pause. Raises LeaseLost, and nothing was written, when the execution is not this worker's any more.
    When COMMIT was sent and nobody answered, StoreUnavailable is raised, and the ledger alone knows: another attempt
    follows only if nothing was committed.

    The block's statements find names as they are used to; the ending, as all of the store's, finds PostgreSQL's alone.
    Let go what waits behind it (`release_free`) elsewhere.
    """
    async with database.transaction(limit_seconds=limit_seconds) as transaction:
        yield transaction
        await transaction.connection.execute(ONLY_OUR_NAMES)
        finished = await _finish(transaction, worker_id, [result_of()], [])
        if not finished:
            raise LeaseLost(f"execution {claim.execution_id} was given to another worker; nothing was written")


def _parted(results: Sequence[Result], test: Callable[[Result], bool]) -> tuple[list[Result], list[Result]]:
    """Those that pass the test, and the others, each in their order."""
    parts: tuple[list[Result], list[Result]] = [], []
    for result in results:
        parts[not test(result)].append(result)
    return parts


def _is_plain(result: Result) -> bool:
    """Whether there is nothing to say of it but that it has succeeded: so do most."""
    return result.outcome is DONE and result.reason is None


def _is_tried_again(result: Result) -> bool:
    """Whether this attempt is followed by another: given back, or failed with a retry left."""
    if result.outcome.status is None:
        return True
    if result.outcome.final:
        return False
    return result.outcome.status in RETRIED and may_retry(result.claim.attempt, result.claim.max_retries)


def _cancelled(result: Result) -> Result:
    """The result of an attempt that is not followed by another because its end was requested."""
    reason = result.reason or (END_REQUESTED if result.outcome.error is None else None)
    return replace(result, outcome=replace(result.outcome, status=ExecutionStatus.CANCELLED), reason=reason)


def _not_again(result: Result) -> Result:
    """The result of an attempt that is not followed by another because the schedule is gone."""
    if result.outcome.status is None:
        return replace(_cancelled(result), reason=DELETED)
    return replace(result, reason=NOT_TRIED_AGAIN)


async def _requeue(session: Session, worker_id: int, results: Sequence[Result], random: Random) -> set[int]:
    if not results:
        return set()
    given_back = [result.outcome.status is None for result in results]
    rows = await session.fetch(
        "requeue_executions",
        worker_id,
        [result.claim.execution_id for result in results],
        [result.claim.scheduled_for for result in results],
        [result.claim.fence for result in results],
        [0.0 if back else _delay(result, random) for result, back in zip(results, given_back, strict=True)],
        [int(back) for back in given_back],
        [None if back else _entry(result) for result, back in zip(results, given_back, strict=True)],
        [result.outcome.error for result in results],
        [result.claim.schedule_id for result in results],
    )
    return {row["execution_id"] for row in rows}


def _delay(result: Result, random: Random) -> float:
    base = timedelta(seconds=result.claim.retry_backoff_seconds)
    return backoff(base, result.claim.attempt, random).total_seconds()


async def _finish(
    session: Session, worker_id: int, telling: Sequence[Result], plain: Sequence[Result]
) -> frozenset[int]:
    """Close executions; those that were still this worker's. Of the plain ones there is nothing to say."""
    results = [*telling, *plain]
    if not results:
        return frozenset()
    statuses = [result.outcome.status or ExecutionStatus.CANCELLED for result in telling]
    moments = [result.claim.scheduled_for for result in results]
    fences = [result.claim.fence for result in results]
    ids = await session.fetchval(
        "finish_executions",
        worker_id,
        [result.claim.execution_id for result in results],
        moments,
        fences if fences.count(1) < len(fences) else [],
        [result.claim.schedule_id for result in results],
        [result.duration_seconds for result in results],
        [status.value for status in statuses],
        [result.outcome.result for result in telling],
        [result.outcome.error for result in telling],
        [
            _entry(result) if status is not ExecutionStatus.SUCCEEDED else None
            for result, status in zip(telling, statuses, strict=True)
        ],
        [result.reason for result in telling],
        min(moments),
        max(moments),
    )
    finished = frozenset(ids)
    claims = [result.claim for result in results if result.claim.tells and result.claim.execution_id in finished]
    await tell(session, [(claim.execution_id, claim.scheduled_for) for claim in claims])
    return finished


def _entry(result: Result) -> str:
    """The attempt as an entry of `errors`. Its moment is the database's start plus the measured duration."""
    ended_at = result.claim.executed_at + timedelta(seconds=result.duration_seconds)
    return json.dumps(
        {
            "attempt": result.claim.attempt,
            "status": result.outcome.status,
            "error": result.outcome.error,
            "executed_at": result.claim.executed_at.isoformat(),
            "finished_at": ended_at.isoformat(),
        }
    )
