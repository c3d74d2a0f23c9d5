"""Results on their way into the counters of their schedules: a few thousand in each transaction, until all are counted.

A steady stream leaves hundreds of small batches a second, a herd large ones. So results are what a transaction is
measured by, not batches: it holds the locks of its schedules for some ten milliseconds, whichever it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from .database import Database

AT_ONCE = 5_000

LOOK_BACK_BATCHES = 1_000
"""A batch has its number before it is committed: so far behind the newest the next counting begins."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Of how many schedules the counters were `changed`, each transaction by itself, and where the next may begin."""

    changed: int
    next_since: int


async def fold_outcomes(database: Database, *, since: int = 0, at_once: int = AT_ONCE) -> Counted:
    """Fold the results that are recorded by now into the counters of their schedules, some `at_once` in a transaction.

    It begins with the batch numbered `since`. What is written meanwhile is for the next time, and so is what concerns a
    schedule that is busy: that makes it end. Where another replica counts, it is left to that one.

    Raises StoreUnavailable; what was counted before stays so.
    """
    changed, begin, newest = 0, since, None
    while True:
        row = await database.fetchrow("fold_outcomes", at_once, begin, newest)
        assert row is not None  # it has no FROM: one row, always
        changed += row["changed"]
        if row["newest"] is None:
            return Counted(changed, since)
        newest = row["newest"]
        if row["through"] is None or row["through"] >= newest:
            return Counted(changed, max(since, newest - LOOK_BACK_BATCHES))
        begin = row["through"] + 1
