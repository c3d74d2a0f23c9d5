"""Executions: the states of an occurrence that is answered for, and how a run can end.

QUEUED ──claim──▶ RUNNING ──▶ SUCCEEDED
  ▲                 │  ├────▶ FAILED      (retries used up)
  └── retry, lost ──┘  ├────▶ TIMED_OUT
                       ├────▶ CANCELLED
                       └────▶ LOST        (worker died, no retry left)
written at once, never run: SKIPPED (overlap, paused, limit, disabled) · MISSED (grace ran out)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExecutionStatus(StrEnum):
    """What became of an execution. All but QUEUED and RUNNING are final."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    CANCELLED = "CANCELLED"
    LOST = "LOST"
    SKIPPED = "SKIPPED"
    MISSED = "MISSED"

    @property
    def is_final(self) -> bool:
        """Whether nothing will change this execution any more."""
        return self not in OPEN_STATUSES


END_REQUESTED = "cancelled: its end was requested while it ran"
"""Why an attempt that another was to follow is the last, where it has no error of its own."""

OPEN_STATUSES = frozenset({ExecutionStatus.QUEUED, ExecutionStatus.RUNNING})


class ExecutionTrigger(StrEnum):
    """What asked for an execution."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended.

    `status` is SUCCEEDED, FAILED, TIMED_OUT or CANCELLED; None means given back: the attempt is not burnt (a drain).
    `result` is JSON text, already cut to the size that is kept, or None. `error` is the text that is kept.
    `final` says that another attempt would be of no use, even where one is left.
    """

    status: ExecutionStatus | None
    result: str | None = None
    error: str | None = None
    final: bool = False

    @classmethod
    def succeeded(cls, result: str | None = None) -> Outcome:
        """The task returned; `result` is JSON text."""
        return cls(ExecutionStatus.SUCCEEDED, result=result) if result is not None else DONE

    @classmethod
    def failed(cls, error: str) -> Outcome:
        """The task raised."""
        return cls(ExecutionStatus.FAILED, error=error)

    @classmethod
    def refused(cls, error: str) -> Outcome:
        """The task raised what says that it would do so again: it has FAILED, and is not tried again."""
        return cls(ExecutionStatus.FAILED, error=error, final=True)

    @classmethod
    def timed_out(cls, error: str) -> Outcome:
        """The task ran longer than it may."""
        return cls(ExecutionStatus.TIMED_OUT, error=error)

    @classmethod
    def cancelled(cls, error: str) -> Outcome:
        """The task was ended on request; `error` says by which means."""
        return cls(ExecutionStatus.CANCELLED, error=error)

    @classmethod
    def given_back(cls) -> Outcome:
        """The worker stops: another takes the execution over, at the same attempt."""
        return cls(None)


DONE = Outcome(ExecutionStatus.SUCCEEDED)
"""The one Outcome of all that succeeded without a result: most runs end so."""
