"""The survey: whether there is anything at all to do for a sweep, and for the duties that it wakes, in one statement.

Most of the time there is not. Asking each of them whether it has work would cost a dozen statements every half minute,
of every worker; what the survey finds is then looked at by those whom it concerns, with statements of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from .forgetting import Kept
from .idempotency import KEPT_SECONDS
from .sessions import Session


@dataclass(frozen=True, slots=True)
class Survey:
    """What there may be to do, besides `today` (UTC).

    `days` of the ledger to make; `dead` workers, or runs of theirs; executions that are `queued`, and `waiting` for
    another to end; schedules that are due and `foreign_due` to this replica; others that stand `behind` where its looks
    begin; `outcomes` to count; what is `past` and to be forgotten; static schedules that are `gone` from the
    code; `backfills` to feed; `deliveries` to make or forget.
    """

    today: date
    days: bool
    dead: bool
    queued: bool
    waiting: bool
    foreign_due: bool
    behind: bool
    outcomes: bool
    past: bool
    gone: bool
    backfills: bool
    deliveries: bool


async def survey(
    session: Session, routes: Sequence[str], sources: Sequence[str], kept: Kept, *, since: datetime | None = None
) -> Survey:
    """Look around, for a replica with these routes and sources of static schedules, whose looks begin at `since`.

    Raises StoreUnavailable.
    """
    row = await session.fetchrow(
        "survey", routes, sources, kept.delivery_days, kept.audit_days, kept.rollup_days, KEPT_SECONDS, since
    )
    assert row is not None  # it has no FROM: one row, always
    return Survey(**{field.name: row[field.name] for field in fields(Survey)})
