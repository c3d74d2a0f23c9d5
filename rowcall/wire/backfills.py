"""Backfills: the request, what it would do, and how far it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from rowcall.domain.fields import WHOLE, Moment

from .base import Body, View


class Backfill(Body):
    """A range of the past, and how quickly to go through it."""

    since: Moment = Field(description="From this moment on; without an offset it is read in the schedule's zone.")
    until: Moment = Field(description="Before this moment, which lies in the past.")
    dry_run: bool = Field(default=False, description="Only tell what would be done.")
    rate_per_minute: Annotated[int, Field(ge=1, le=60000), WHOLE] | None = Field(
        None, description="At most so many runs are started a minute; left out, only `max_concurrent` slows it."
    )
    max_concurrent: Annotated[int, Field(ge=1, le=1000), WHOLE] = Field(
        default=1, description="At most so many are open at once."
    )
    reason: Annotated[str, Field(max_length=500)] | None = Field(None, description="Why; kept with the backfill.")


class DryRun(View):
    """What a backfill would do."""

    schedule_id: int
    since: datetime
    until: datetime = Field(description="No later than what the schedule has answered for by itself.")
    total: int = Field(description="Occurrences in the range.")
    first: datetime | None
    last: datetime | None
    already_answered: int = Field(description="So many of them have run, or are about to; they are left alone.")


class BackfillView(View):
    """A backfill, and how far it is."""

    backfill_id: int
    schedule_id: int
    schedule_name: str | None
    since: datetime
    until: datetime
    rate_per_minute: int | None
    max_concurrent: int
    status: str = Field(description="RUNNING, DONE or CANCELLED.")
    status_reason: str | None = Field(description="Why it ended early.")
    requested_by: str
    reason: str | None
    total: int = Field(description="Occurrences in the range.")
    already_answered: int = Field(description="So many had run before; they were left alone.")
    enqueued: int = Field(description="So many were to run: those that succeeded, failed, were cancelled or are open.")
    succeeded: int
    failed: int = Field(description="FAILED, TIMED_OUT and LOST.")
    cancelled: int
    open: int = Field(description="Queued or running now.")
    created_at: datetime
    last_fed_at: datetime | None
    finished_at: datetime | None


class BackfillList(View):
    """A page of backfills, the newest first."""

    backfills: list[BackfillView]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last.")
