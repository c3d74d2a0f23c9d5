"""The audit's reading: one snapshot of schedules, versions and ledger, walked in pages, so that a million rows fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rowcall.domain.auditing import ChainAudit, Finding, LedgerRow, Policy, Subject
from rowcall.domain.schedules import ScheduleStatus
from rowcall.domain.settling import Span

from .database import Database, Row, Session
from .jsonb import read_jsonb
from .planning import trigger_then

SCHEDULES_AT_ONCE = 500
ROWS_AT_ONCE = 5000
SWEEP_AND_LEASE_SECONDS = 60.0
FOREVER = datetime(9999, 12, 30, tzinfo=UTC)
BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(slots=True)
class AuditReport:
    """What an audit saw: how many schedules and rows, and the first thing wrong with each schedule, if any is."""

    schedules: int = 0
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every occurrence is answered for exactly once."""
        return not self.findings


Progress = Callable[[int, int], None]
"""Called with how many schedules were audited, of how many."""


async def audit(
    database: Database,
    *,
    schedule_ids: Sequence[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    on_progress: Progress | None = None,
) -> AuditReport:
    """Audit the schedules named, or all, over a span (by default everything); reads one snapshot, changes nothing.

    Raises StoreUnavailable.
    """
    report = AuditReport()
    async with database.snapshot() as session:
        facts = await session.fetchrow("audit_facts", schedule_ids)
        assert facts is not None
        async for rows in _pages(session, schedule_ids):
            subjects = await _subjects(session, rows)
            for subject in subjects:
                finding, seen = await _audit_one(session, subject, facts, since, until)
                report.rows += seen
                if finding is not None:
                    report.findings.append(finding)
            report.schedules += len(subjects)
            if on_progress is not None:
                on_progress(report.schedules, facts["schedules"])
        for row in await session.fetch("audit_open", SWEEP_AND_LEASE_SECONDS, schedule_ids):
            detail = f"execution {row['execution_id']}: {row['detail']}"
            moment = row["scheduled_for"]
            report.findings.append(Finding(row["schedule_id"], row["name"] or "?", row["kind"], detail, moment, moment))
    return report


async def _pages(session: Session, schedule_ids: Sequence[int] | None) -> AsyncIterator[Sequence[Row]]:
    after = -(2**63)
    while rows := await session.fetch("audit_schedules", schedule_ids, after, SCHEDULES_AT_ONCE):
        yield rows
        after = rows[-1]["schedule_id"]


async def _audit_one(
    session: Session, subject: Subject, facts: Row, since: datetime | None, until: datetime | None
) -> tuple[Finding | None, int]:
    """The first thing wrong with one schedule, and how many rows were read."""
    chain = ChainAudit(subject, facts["history_floor_at"], since)
    if since is not None:
        chain.answered = await session.fetchval("audit_first_row", subject.schedule_id, since)
    moment, execution_id = since or BEFORE_ALL, -1
    while True:
        page = await session.fetch(
            "audit_rows", subject.schedule_id, moment, execution_id, until or FOREVER, ROWS_AT_ONCE
        )
        for row in page:
            finding = chain.see(_ledger_row(row))
            if finding is not None:
                return finding, chain.rows
        if len(page) < ROWS_AT_ONCE:
            break
        moment, execution_id = page[-1]["scheduled_for"], page[-1]["execution_id"]
    if until is not None and until < facts["now"]:
        return None, chain.rows
    return chain.finish(facts["now"], somebody_works=facts["somebody_works"]), chain.rows


def _ledger_row(row: Row) -> LedgerRow:
    attempts = [] if row["errors"] is None else [_attempt(entry) for entry in read_jsonb(row["errors"])]
    if row["status"] in LAST_FAILED:
        attempts = attempts[:-1]
    return LedgerRow(
        row["execution_id"], row["scheduled_for"], row["covers_after"], row["created_at"], row["executed_at"],
        row["trigger"], row["status"], row["schedule_version"], attempts, row["backfilled"],
    )  # fmt: skip


LAST_FAILED = frozenset({"FAILED", "TIMED_OUT", "LOST", "CANCELLED", "QUEUED"})
"""Statuses of which the last entry of `errors` is the very attempt that `executed_at` is the start of."""


def _attempt(entry: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    return _moment(entry.get("executed_at")), _moment(entry.get("finished_at"))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


async def _subjects(session: Session, rows: Sequence[Row]) -> list[Subject]:
    """The schedules of rows with all that they were."""
    spans: dict[int, list[Span]] = defaultdict(list)
    policies: dict[int, dict[int, Policy]] = defaultdict(dict)
    created = {row["schedule_id"]: row["created_at"] for row in rows}
    for version in await session.fetch("audit_versions", list(created)):
        schedule_id, definition = version["schedule_id"], read_jsonb(version["definition"])
        trigger = trigger_then(definition, created[schedule_id])
        status = ScheduleStatus(version["status"])
        spans[schedule_id].append(Span(version["valid_from"], status, version["status_reason"], trigger))
        policies[schedule_id][version["version"]] = Policy(
            trigger,
            definition["coalesce"],
            timedelta(seconds=definition["grace_period_seconds"]),
            timedelta(seconds=definition["jitter_seconds"]),
            definition["max_executions"],
        )
    return [_subject(row, spans[row["schedule_id"]], policies[row["schedule_id"]]) for row in rows]


def _subject(row: Row, spans: Sequence[Span], policies: dict[int, Policy]) -> Subject:
    return Subject(
        schedule_id=row["schedule_id"],
        name=row["name"],
        status=ScheduleStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        last_occurrence_at=row["last_occurrence_at"],
        next_occurrence_at=row["next_occurrence_at"],
        next_run_at=row["next_run_at"],
        grace=timedelta(seconds=row["grace_period_seconds"]),
        spans=spans,
        policies=policies,
    )
