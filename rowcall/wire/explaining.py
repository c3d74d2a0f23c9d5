"""Why a schedule did not run then, or what it waits for now."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from .base import View


class OpenExecutionView(View):
    """An execution that is not final."""

    execution_id: int
    is_running: bool
    attempt: int
    executed_at: datetime | None
    available_at: datetime | None


class AnswerView(View):
    """The row of the ledger that answers for the moment."""

    execution_id: int
    status: str
    scheduled_for: datetime
    executed_at: datetime | None
    reason: str | None
    error_message: str | None


class Facts(View):
    """What the sentence is made of. The last five are null without `at`."""

    now: datetime
    status: str
    status_reason: str | None
    status_since: datetime
    next_run_at: datetime | None
    route: str = Field(description="What a worker must offer to run this.")
    live_workers: int
    offering_workers: int
    free_slots: int
    open_executions: list[OpenExecutionView]
    is_occurrence: bool | None = None
    occurrence_before: datetime | None = None
    occurrence_after: datetime | None = None
    status_then: str | None = None
    answered_by: AnswerView | None = None


class ExplanationView(View):
    """One true sentence, a word for it, and the facts."""

    schedule_id: int
    name: str
    at: datetime | None
    code: str
    sentence: str
    facts: Facts
