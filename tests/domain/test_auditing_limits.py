"""What came while a schedule reached its limit is nobody's, where that was raised before it would have acted."""

from __future__ import annotations

from collections.abc import Sequence

from rowcall.domain.auditing import ChainAudit, Finding, Policy, Subject
from rowcall.domain.ledger_rows import LedgerRow
from rowcall.domain.schedules import ScheduleStatus
from rowcall.domain.settling import Span
from rowcall.domain.triggers import IntervalTrigger
from tests.domain.timeline import HOUR, MINUTE, SECOND, at

BEGIN = at("06:00")
MINUTELY = IntervalTrigger(60, BEGIN + MINUTE)
JITTER = 30 * SECOND
ACTIVE, COMPLETED, PAUSED = ScheduleStatus.ACTIVE, ScheduleStatus.COMPLETED, ScheduleStatus.PAUSED
LIMIT_REACHED, LIMIT_RAISED = BEGIN + 2 * MINUTE + 5 * SECOND, BEGIN + 2 * MINUTE + 10 * SECOND
"""Between the occurrence of 06:02 and the moment at which it acts."""


def audited(between: Sequence[Span]) -> Finding | None:
    """Runs for 06:01 and 06:03 and none between them, each as the only one that its version allows."""
    spans = [Span(BEGIN, ACTIVE, None, MINUTELY), *between]
    policies = {n: Policy(MINUTELY, "all", 900 * SECOND, JITTER, n) for n in (1, 2)}
    moments = [BEGIN + MINUTE, BEGIN + 3 * MINUTE]
    subject = Subject(
        1, "limited", COMPLETED, BEGIN, LIMIT_RAISED, moments[-1], None, None, 900 * SECOND, spans, policies
    )
    chain = ChainAudit(subject, BEGIN - 24 * HOUR)
    for number, moment in enumerate(moments, start=1):
        row = LedgerRow(
            execution_id=number, scheduled_for=moment, covers_after=moments[0] if number > 1 else None,
            created_at=moment + JITTER, executed_at=moment + JITTER, finished_at=moment + MINUTE, trigger="schedule",
            status="SUCCEEDED", schedule_version=number,
        )  # fmt: skip
        if found := chain.see(row):
            return found
    return None


def test_what_a_reached_limit_left_behind_is_swallowed_by_no_later_run() -> None:
    assert audited([Span(LIMIT_REACHED, COMPLETED, None, MINUTELY), Span(LIMIT_RAISED, ACTIVE, None, MINUTELY)]) is None


def test_what_a_later_run_swallows_is_found_where_no_limit_was_reached() -> None:
    for between in ([], [Span(LIMIT_REACHED, PAUSED, None, MINUTELY), Span(LIMIT_RAISED, ACTIVE, None, MINUTELY)]):
        found = audited(between)
        assert found is not None
        assert (found.kind, found.since) == ("swallowed", BEGIN + 2 * MINUTE)


def test_what_was_put_off_by_more_jitter_than_there_is_now_is_swallowed_only_past_that() -> None:
    hourly = IntervalTrigger(3600, BEGIN)
    spans = [Span(BEGIN, ACTIVE, None, hourly, 3000), Span(BEGIN + 50 * MINUTE, ACTIVE, None, hourly)]
    policies = {
        version: Policy(hourly, "latest", 900 * SECOND, jitter, None)
        for version, jitter in ((1, 3000 * SECOND), (2, SECOND))
    }
    subject = Subject(1, "put off", ACTIVE, BEGIN, BEGIN, None, None, None, 900 * SECOND, spans, policies)
    for late, kind in ((4 * MINUTE, None), (6 * MINUTE, "swallowed")):
        chain = ChainAudit(subject, BEGIN)
        moment = BEGIN + HOUR
        row = LedgerRow(1, moment, BEGIN - SECOND, moment + late, moment + late, None, "schedule", "RUNNING", 2)
        found = chain.see(row)
        assert (found and found.kind) == kind
