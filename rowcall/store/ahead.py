"""What is due in a moment is started before that moment, in a transaction that is committed at it, and not before.

So little is left to do when it is time. Nobody sees any of it before PostgreSQL's clock has reached the occurrence. The
schedule is locked meanwhile, for a few milliseconds: whoever changes it then waits for that occurrence, and changes
what comes after it. Who dies in between leaves it due, as with any claim.

It is for few that go straight on. More of them at one moment, and what needs a plan, are started when it is time.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from .claims import Claim
from .keeping import FEW
from .lanes import Wanted
from .peeking import Sight, peek
from .sessions import Session
from .starting import start_ahead


@dataclass(frozen=True, slots=True)
class Prepared:
    """Claims to commit at `due_at`, of the monotonic clock, and what was seen to come after them."""

    claims: list[Claim]
    due_at: float
    sight: Sight


async def prepare(session: Session, wanted: Wanted, sight: Sight) -> Prepared | None:
    """Start what stands first in this sight, and is not due yet; None where that is to be left until it is.

    The transaction is to wait for `due_at` before it ends.
    """
    lead, since = wanted.lead, wanted.since
    begins_at = max(sight.seen_at + sight.due_in - lead.start.seconds, time.monotonic())
    await asyncio.sleep(begins_at - time.monotonic())
    moment = min(head.moment for head in sight.heads)
    first = [head for head in sight.heads if head.moment == moment]
    if any(head.kind != "schedule" for head in first):
        return None
    lanes = [head.route for head in first], [head.priority for head in first]
    rows = await session.fetch("claim_due", *lanes, FEW + 1, moment, since, None)
    if not 0 < len(rows) <= min(FEW, wanted.limit):
        return None
    claims = await start_ahead(session, wanted.worker_id, rows)
    if not claims:
        return None
    beyond = await peek(
        session, wanted.routes, None, since
    )  # there are heads: what was started has come to be one again
    lead.start.took(beyond.seen_at - begins_at)
    due_in = moment - beyond.clock
    return Prepared(claims, beyond.seen_at + due_in.total_seconds(), beyond)
