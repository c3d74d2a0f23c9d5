"""What waits in the queue and is available: manual requests, retries, catch-up. It is locked, and then made RUNNING.

Few are taken one by one, by their keys, and that plan is kept. For more it is worth making a new one, which knows the
days that they are of: without them PostgreSQL would think of every day of the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .claims import Claim, queued_claim
from .deleted import DELETED
from .keeping import FEW
from .leases import cancel_claimed
from .sessions import Row, Session


async def take_queued(
    session: Session,
    worker_id: int,
    routes: Sequence[str],
    priorities: Sequence[int],
    limit: int,
    now: datetime | None,
    since: datetime | None,
    before: datetime | None,
) -> list[Claim]:
    """Take up to `limit` of what is available in these lanes, from `since` on and before `before`.

    What is still queued of a schedule that was deleted ends here.
    """
    locked = await session.fetch("claim_queued", routes, priorities, limit, now, since, before)
    rows = {row["execution_id"]: row for row in locked}
    started = await _start(session, worker_id, locked)
    pairs = [(rows[run["execution_id"]], run) for run in started]
    await cancel_claimed(session, worker_id, [run for row, run in pairs if row["deleted"]], DELETED)
    return [queued_claim(row, run) for row, run in pairs if not row["deleted"]]


async def _start(session: Session, worker_id: int, locked: Sequence[Row]) -> Sequence[Row]:
    """Write that these locked executions run, and that this worker has them."""
    if len(locked) <= FEW:
        return [run for row in locked for run in await session.fetch("take_run", worker_id, *_keys(row))]
    await session.fetch("plan_anew")
    moments = [row["scheduled_for"] for row in locked]
    return await session.fetch(
        "take_runs",
        worker_id,
        *zip(*map(_keys, locked), strict=True),
        min(moments),
        max(moments),
    )


def _keys(row: Row) -> tuple[int, datetime, int, int]:
    return row["execution_id"], row["scheduled_for"], row["schedule_id"], row["fence"]
