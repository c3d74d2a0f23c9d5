"""A claim: what a worker knows of an execution that it may run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .sessions import Row


@dataclass(slots=True)
class Claim:
    """An execution that this worker may run: its lease. `input_data` is JSON text; `tells`: its end may be told;
    `backfilled`: a backfill had it queued, be it under the row of trigger `schedule` that said why it had not run.

    Not frozen, because one is made for every run, and a frozen one costs four times as much. Nothing changes it.
    """

    execution_id: int
    scheduled_for: datetime
    executed_at: datetime
    attempt: int
    fence: int
    trigger: str
    schedule_id: int
    schedule_name: str
    client_id: str
    task_type: str
    input_data: str
    timeout_seconds: float
    max_retries: int
    retry_backoff_seconds: float
    tells: bool
    backfilled: bool = False


def queued_claim(row: Row, run: Row) -> Claim:
    """The Claim of a queued execution: what was read with its lock, and what was written when it started."""
    return Claim(
        run["execution_id"], run["scheduled_for"], run["executed_at"], run["attempt"], run["fence"], row["trigger"],
        row["schedule_id"], row["name"], row["client_id"], run["task_type"], run["input_data"],
        row["timeout_seconds"], row["max_retries"], row["retry_backoff_seconds"], row["tells"],
        row["backfilled"],
    )  # fmt: skip


OF_SCHEDULE = slice(-9, None)
"""The columns of a schedule that its claims hold, in the order of Claim: the last ones of a row, and there the last
without a default."""


def first_claim(row: Row, scheduled_for: datetime, execution_id: int, executed_at: datetime) -> Claim:
    """The Claim of a schedule's locked row and of what was written for its occurrence: the first attempt."""
    return Claim(execution_id, scheduled_for, executed_at, 1, 1, "schedule", *row[OF_SCHEDULE])
