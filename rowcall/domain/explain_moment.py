"""One true sentence on what became of a schedule at a moment: why did it not run last night? Pure; the facts are given.

An occurrence that the ledger answers for says how. Any other moment says why there is no answer: it is no occurrence,
it lies ahead, the schedule was paused or did not exist, or a worker is missing and the answer is still to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .executions import ExecutionStatus
from .explain import Explanation, Standing, Teller, explain_now, told_span
from .schedules import ScheduleStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """The row of the ledger that answers for a moment: its own, or one that covers it.

    `backfill_id` is of the backfill that opened it again, if one did.
    """

    execution_id: int
    status: ExecutionStatus
    scheduled_for: datetime
    executed_at: datetime | None
    duration_seconds: float | None
    attempt: int
    reason: str | None
    error_message: str | None
    backfill_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment of a schedule's past or future. `status` and its reason are those of that time.

    `is_occurrence` is what the rule of that time says; None where it could not be scheduled.
    """

    at: datetime
    created_at: datetime
    kept_since: datetime
    is_occurrence: bool | None
    before: datetime | None
    after: datetime | None
    status: ScheduleStatus
    status_reason: str | None
    status_since: datetime
    row: LedgerRow | None


RAN = {
    ExecutionStatus.SUCCEEDED: "succeeded",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMED_OUT: "ran out of time",
    ExecutionStatus.CANCELLED: "was cancelled",
    ExecutionStatus.LOST: "was lost with its worker",
}

BACKFILLED = "backfilled: "
"""What a backfill puts before the reason of a row that it opens again."""

MISSED_BECAUSE = ("grace:", "unroutable:", "catch_up_limit: only")
"""How the reasons of MISSED rows begin: the status itself is overwritten by a backfill."""


def explain_at(moment: Moment, standing: Standing) -> Explanation:
    """What became of the schedule at a moment; `standing` is how it stands now."""
    told = Teller(standing.timezone)
    if moment.row is not None and moment.row.scheduled_for == moment.at:
        return _answered(moment.row, told)
    if moment.at < moment.created_at:
        return Explanation("not_created", f"It did not exist yet: it was created on {told.moment(moment.created_at)}.")
    if moment.is_occurrence is None:
        return Explanation("invalid", f"Its rule of that time could not be scheduled{_because(moment)}.")
    if not moment.is_occurrence:
        return Explanation(
            "not_an_occurrence", f"Its rule names no occurrence at {told.moment(moment.at)}{_around(moment, told)}."
        )
    if moment.row is not None:
        return _covered(moment, moment.row, told)
    return _unanswered(moment, standing, told)


def _answered(row: LedgerRow, told: Teller) -> Explanation:
    named = f"execution {row.execution_id}"
    at = told.moment(row.scheduled_for)
    match row.status:
        case ExecutionStatus.SKIPPED | ExecutionStatus.MISSED:
            return Explanation(row.status.lower(), f"The occurrence of {at} did not run ({row.status}): {row.reason}.")
        case ExecutionStatus.QUEUED if row.attempt:
            again = f"is queued for attempt {row.attempt + 1}"
            return Explanation("queued", f"The occurrence of {at} has not succeeded yet: {named} {again}.")
        case ExecutionStatus.QUEUED:
            return Explanation("queued", f"The occurrence of {at} has not run yet: {named} is queued.")
        case ExecutionStatus.RUNNING:
            return Explanation("running", f"The occurrence of {at} is running: {named}, attempt {row.attempt}.")
    if row.executed_at is None:
        why = f": {row.reason}" if row.reason else ""
        return Explanation(row.status.lower(), f"The occurrence of {at} did not run: {named} {RAN[row.status]}{why}.")
    return Explanation(row.status.lower(), f"The occurrence of {at} ran: {named} {_ran(row, told)}.")


def _ran(row: LedgerRow, told: Teller) -> str:
    assert row.executed_at is not None
    lateness = told_span((row.executed_at - row.scheduled_for).total_seconds())
    took = "" if row.duration_seconds is None else f" after {told_span(row.duration_seconds)}"
    tries = f", attempt {row.attempt}" if row.attempt > 1 else ""
    error = f": {row.error_message.partition(chr(10))[0][:200]}" if row.error_message else ""
    started = f"started {lateness} after it on {told.moment(row.executed_at)}{tries}"
    return f"{started}, and {RAN[row.status]}{took}{error}"


def _covered(moment: Moment, row: LedgerRow, told: Teller) -> Explanation:
    """An occurrence that one row answers for together with others."""
    at, until = told.moment(moment.at), told.moment(row.scheduled_for)
    named, together = f"execution {row.execution_id}", f"answers for it together with the others up to {until}"
    if row.backfill_id is not None:
        reason = (row.reason or "").removeprefix(BACKFILLED)
        why = f": {reason}" if reason else ""
        return Explanation(
            "missed" if reason.startswith(MISSED_BECAUSE) else "skipped",
            f"The occurrence of {at} did not run{why}; {named}, which a backfill opened again, {together}.",
        )
    if row.status in {ExecutionStatus.SKIPPED, ExecutionStatus.MISSED}:
        return Explanation(
            row.status.lower(), f"The occurrence of {at} did not run ({row.status}): {row.reason}; {named} {together}."
        )
    outcome = RAN.get(row.status, f"is {row.status}")
    return Explanation(
        "coalesced", f"The occurrence of {at} was late and did not run by itself: {named} {together}, and {outcome}."
    )


def _unanswered(moment: Moment, standing: Standing, told: Teller) -> Explanation:
    at = told.moment(moment.at)
    if moment.at > standing.now:
        return _ahead(standing, at)
    if moment.at < moment.kept_since:
        kept = told.moment(moment.kept_since)
        return Explanation("not_kept", f"The ledger is kept since {kept}; what became of {at} is not known any more.")
    since = told.moment(moment.status_since)
    match moment.status:
        case ScheduleStatus.PAUSED:
            return Explanation(
                "paused", f"The occurrence of {at} did not run: it was paused since {since}{_because(moment)}."
            )
        case ScheduleStatus.DISABLED:
            return Explanation("deleted", f"The occurrence of {at} did not run: it was deleted on {since}.")
        case ScheduleStatus.COMPLETED:
            return Explanation(
                "completed", f"The occurrence of {at} did not run: it was completed on {since}{_because(moment)}."
            )
        case ScheduleStatus.INVALID:
            return Explanation(
                "invalid", f"The occurrence of {at} did not run: it could not be scheduled{_because(moment)}."
            )
    if standing.status is ScheduleStatus.ACTIVE:
        present = explain_now(standing)
        return Explanation(present.code, f"The occurrence of {at} is not answered for yet. {present.sentence}")
    left = standing.status.lower()
    return Explanation(left, f"The occurrence of {at} is not answered for: it was {left} before it could start.")


def _ahead(standing: Standing, at: str) -> Explanation:
    if standing.status is ScheduleStatus.ACTIVE:
        return Explanation("ahead", f"The occurrence of {at} lies ahead.")
    present = explain_now(standing)
    return Explanation(
        present.code, f"The occurrence of {at} lies ahead, and as things stand it will not run. {present.sentence}"
    )


def _around(moment: Moment, told: Teller) -> str:
    near = [told.moment(occurrence) for occurrence in (moment.before, moment.after) if occurrence is not None]
    return f"; the nearest {'are' if len(near) > 1 else 'is'} {' and '.join(near)}" if near else ""


def _because(moment: Moment) -> str:
    return f": {moment.status_reason}" if moment.status_reason else ""
