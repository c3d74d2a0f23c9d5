"""The audit's reading: one snapshot of schedules, versions and ledger, walked in pages, so that a million rows fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rowcall.domain.auditing import ChainAudit, Finding, Policy, Subject
from rowcall.domain.ledger_rows import LedgerRow
from rowcall.domain.planning import BEGINNING
from rowcall.domain.schedules import ScheduleStatus
from rowcall.domain.settling import Span
from rowcall.domain.zones import UNKNOWN, tzdata_version

from .database import Database
from .jsonb import read_jsonb
from .planning import trigger_then
from .sessions import Row, Session, Snapshot

SCHEDULES_AT_ONCE = 1000
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
    zones_held: bool = True
    """Whether rules that hang on a zone were held against their instants: not so with other data than is in use."""

    @property
    def is_clean(self) -> bool:
        """Whether every occurrence is answered for exactly once."""
        return not self.findings


Progress = Callable[[AuditReport, int], None]
"""Called with what was audited so far, and of how many schedules."""


async def audit(
    database: Database,
    *,
    schedule_ids: Sequence[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    on_progress: Progress | None = None,
) -> AuditReport:
    """Audit the schedules named, or all, over a span (by default everything); reads one snapshot, changes nothing.

    A few statements for a thousand schedules, and pages of rows: neither the number of either nor the memory it takes
    grows with the ledger. Raises StoreUnavailable.
    """
    async with database.snapshot() as session:
        return await audit_in(session, schedule_ids=schedule_ids, since=since, until=until, on_progress=on_progress)


async def audit_in(
    session: Snapshot,
    *,
    schedule_ids: Sequence[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    on_progress: Progress | None = None,
) -> AuditReport:
    """The same within a snapshot that is open already."""
    report = AuditReport()
    facts = await session.fetchrow("audit_facts", schedule_ids)
    assert facts is not None
    span = _Span(since, until, facts)
    report.zones_held = span.zones_held
    async for rows in _pages(session, schedule_ids):
        chains = await _chains(session, rows, span)
        async for seen in _walk(session, chains, schedule_ids, span, report):
            report.rows += seen
            if on_progress is not None:
                on_progress(report, facts["schedules"])
        report.schedules += len(chains)
        if on_progress is not None:
            on_progress(report, facts["schedules"])
    for row in await session.fetch("audit_open", SWEEP_AND_LEASE_SECONDS, schedule_ids):
        detail, moment = f"execution {row['execution_id']}: {row['detail']}", row["scheduled_for"]
        report.findings.append(Finding(row["schedule_id"], row["name"] or "?", row["kind"], detail, moment, moment))
    for row in await session.fetch("audit_names", schedule_ids):
        report.findings.append(Finding(row["schedule_id"], row["name"], "misnamed", row["detail"]))
    return report


@dataclass(frozen=True, slots=True)
class _Span:
    """What is audited, and what holds for all of it."""

    since: datetime | None
    until: datetime | None
    facts: Row

    @property
    def zones_held(self) -> bool:
        return self.facts["tzdata_version"] in (UNKNOWN, tzdata_version())

    @property
    def zones_since(self) -> datetime:
        """From where instants of rules in time zones are held: by then all is planned by the data that is here."""
        return (self.facts["tzdata_since"] or BEGINNING) if self.zones_held else FOREVER

    @property
    def reaches_now(self) -> bool:
        return self.until is None or self.until >= self.facts["now"]


async def _pages(session: Session, schedule_ids: Sequence[int] | None) -> AsyncIterator[Sequence[Row]]:
    after = -(2**63)
    while rows := await session.fetch("audit_schedules", schedule_ids, after, SCHEDULES_AT_ONCE):
        yield rows
        after = rows[-1]["schedule_id"]


async def _chains(session: Session, rows: Sequence[Row], span: _Span) -> dict[int, ChainAudit]:
    """The audits of these schedules, each at the place where its chain is entered."""
    subjects = await _subjects(session, rows)
    floor, raised = span.facts["history_floor_at"], span.facts["was_raised"]
    chains = {
        subject.schedule_id: ChainAudit(subject, floor, span.since, raised, span.zones_since) for subject in subjects
    }
    if span.since is not None:
        for entered in await session.fetch("audit_first_rows", list(chains), span.since):
            if not (raised and entered["scheduled_for"] < floor):  # what came between is gone with its days
                chains[entered["schedule_id"]].answered = entered["scheduled_for"]
    return chains


async def _walk(
    session: Snapshot, chains: dict[int, ChainAudit], named: Sequence[int] | None, span: _Span, report: AuditReport
) -> AsyncIterator[int]:
    """See all rows of these schedules, in order; yields how many each page held. What is found goes to the report."""
    ids = list(chains)
    going, found = dict(chains), report.findings
    async for page in session.stream(
        "audit_rows", ROWS_AT_ONCE, ids[0], ids[-1], named, span.since or BEFORE_ALL, span.until or FOREVER
    ):
        for row in page:
            chain = going.get(row["schedule_id"])
            finding = chain.see(_ledger_row(row)) if chain is not None else None
            if finding is not None:
                found.append(finding)
                del going[row["schedule_id"]]  # the first thing wrong is what is told
        yield len(page)
    if span.reaches_now:
        ends = (
            chain.finish(span.facts["now"], somebody_works=span.facts["somebody_works"]) for chain in going.values()
        )
        found += [finding for finding in ends if finding is not None]


def _ledger_row(row: Row) -> LedgerRow:
    attempts: Sequence[tuple[datetime | None, datetime | None]] = ()
    if row["errors"] is not None:
        attempts = [_attempt(entry) for entry in read_jsonb(row["errors"])]
        if row["status"] in LAST_FAILED:
            attempts = attempts[:-1]
    return LedgerRow(
        row["execution_id"], row["scheduled_for"], row["covers_after"], row["created_at"], row["executed_at"],
        row["finished_at"], row["trigger"], row["status"], row["schedule_version"], attempts, row["backfilled"],
        row["astray"],
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
        schedule_id, rule = version["schedule_id"], read_jsonb(version["rule"])
        trigger = trigger_then(rule, created[schedule_id])
        status = ScheduleStatus(version["status"])
        spans[schedule_id].append(Span(version["valid_from"], status, version["status_reason"], trigger))
        policies[schedule_id][version["version"]] = Policy(
            trigger,
            rule["coalesce"],
            timedelta(seconds=rule["grace_period_seconds"]),
            timedelta(seconds=rule["jitter_seconds"]),
            rule["max_executions"],
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
