"""A row of the ledger as the audit reads it, and what can't be true of one whatever stands around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .executions import ExecutionStatus

NEVER_RAN = frozenset({"SKIPPED", "MISSED"})
OPEN = frozenset({"QUEUED", "RUNNING"})
STARTED = frozenset({"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "LOST"})
KNOWN = frozenset(status.value for status in ExecutionStatus)
OVERLAP = timedelta(seconds=0.5)
"""Two attempts may seem to overlap by so much: the end of one is its start plus a measured duration."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An execution as the audit reads it. `attempts` are the recorded ones, each with its start and end, if known.

    `backfilled` says that it was missed or skipped, and a backfill had it run after all. `astray` says that it is open,
    and the table of open executions knows nothing of it.
    """

    execution_id: int
    scheduled_for: datetime
    covers_after: datetime | None
    created_at: datetime
    executed_at: datetime | None
    finished_at: datetime | None
    trigger: str
    status: str
    schedule_version: int
    attempts: Sequence[tuple[datetime | None, datetime | None]] = ()
    backfilled: bool = False
    astray: bool = False

    @property
    def counts_as_run(self) -> bool:
        """Whether it is a run of the schedule's own; a backfill runs what that had missed or skipped."""
        return self.status not in NEVER_RAN and not self.backfilled


@dataclass(frozen=True, slots=True)
class Flaw:
    """What can't be true of a row: of what kind, and said in a sentence."""

    kind: str
    detail: str


def flaw_of(row: LedgerRow) -> Flaw | None:
    """What can't be true of this row by itself; None where all can."""
    impossible = _impossible(row)
    if impossible is not None:
        return Flaw("impossible", f"execution {row.execution_id} is {row.status}, {impossible}")
    if row.astray:
        detail = f"execution {row.execution_id}: the ledger says {row.status}, and no open row stands for it"
        return Flaw("astray", detail)
    if row.attempts and _beside_each_other(row):
        return Flaw("beside", f"two attempts of execution {row.execution_id} ran at the same time")
    return None


def _impossible(row: LedgerRow) -> str | None:
    status = row.status
    if status not in KNOWN:
        return "which is no status"
    if (row.finished_at is None) != (status in OPEN):
        return "and has an end" if status in OPEN else "and has no end"
    if row.executed_at is None:
        return "and never started" if status in STARTED else None
    return "and was started" if status in NEVER_RAN else None


def _beside_each_other(row: LedgerRow) -> bool:
    """Whether an attempt began before the one before it had ended."""
    ended: datetime | None = None
    for began, finished in (*row.attempts, (row.executed_at, None)):
        if ended is not None and began is not None and began + OVERLAP < ended:
            return True
        ended = finished or ended
    return False
