"""The sweep: what any replica does for all of them, every poll interval, whether or not anything woke it.

Correctness rests on it; everything that happens earlier only makes things punctual.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from rowcall.store.database import Database
from rowcall.store.deleted import cancel_forgotten
from rowcall.store.finishing import fold_outcomes
from rowcall.store.idempotency import forget_keys
from rowcall.store.leases import recover
from rowcall.store.ledger import ensure_days_ahead
from rowcall.store.releasing import release_forgotten
from rowcall.store.unroutable import Walk, answer_unroutable

from .events import Audience, not_run

log = structlog.get_logger("rowcall.worker")


async def sweep(database: Database, routes: Sequence[str], audience: Audience, walk: Walk) -> None:
    """One sweep; `walk` is what one leaves to the next. Raises StoreUnavailable; then the next one does it."""
    await ensure_days_ahead(database)
    recovery = await recover(database)
    for worker in recovery.dead:
        log.warning("worker_given_up", worker=worker["name"], silent_seconds=round(worker["silent_seconds"], 1))
    if recovery.requeued or recovery.lost or recovery.cancelled:
        log.warning(
            "executions_recovered", requeued=recovery.requeued, lost=recovery.lost, cancelled=recovery.cancelled
        )
    await cancel_forgotten(database)
    await release_forgotten(database)
    for row in await answer_unroutable(database, routes, walk):
        audience.tell(not_run(row))
    await fold_outcomes(database)
    await database.fetch("forget_workers")
    await forget_keys(database)
