"""The sweep: what any replica does for all of them, every poll interval, whether or not anything woke it.

Correctness rests on it; everything that happens earlier only makes things punctual.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from rowcall.store.counting import fold_outcomes
from rowcall.store.database import Database
from rowcall.store.deleted import cancel_forgotten
from rowcall.store.leases import recover
from rowcall.store.ledger import days_around, ensure_days_ahead
from rowcall.store.overtaken import end_overtaken
from rowcall.store.releasing import release_forgotten
from rowcall.store.surveying import Survey
from rowcall.store.unroutable import Walk, answer_unroutable

from .events import Audience, not_run

log = structlog.get_logger("rowcall.worker")


async def sweep(
    database: Database, worker_id: int, routes: Sequence[str], audience: Audience, walk: Walk, found: Survey
) -> None:
    """One sweep, of what the survey `found`; `walk` is what one leaves to the next.

    Raises StoreUnavailable; then the next one does it.
    """
    if found.days or not days_around(found.today) <= database.known_days:
        await ensure_days_ahead(database)
    if found.dead:
        await _recover(database, worker_id)
    if found.queued or found.waiting:
        await cancel_forgotten(database)
    if found.waiting:
        await release_forgotten(database)
        await end_overtaken(database)
    if found.foreign_due:
        for row in await answer_unroutable(database, routes, walk):
            audience.tell(not_run(row))
    if found.outcomes:
        await fold_outcomes(database)


async def _recover(database: Database, worker_id: int) -> None:
    recovery = await recover(database, but=worker_id)
    for worker in recovery.dead:
        log.warning("worker_given_up", worker=worker["name"], silent_seconds=round(worker["silent_seconds"], 1))
    if recovery.requeued or recovery.lost or recovery.cancelled:
        log.warning(
            "executions_recovered", requeued=recovery.requeued, lost=recovery.lost, cancelled=recovery.cancelled
        )
