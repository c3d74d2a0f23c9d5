"""The audit of the ledger: do its rows answer for every occurrence of a schedule exactly once?

The rows of trigger `schedule` form a chain. Three things are held against each other: the chain itself (each
`covers_after` is the `scheduled_for` before it), the triggers that were in force (each `scheduled_for` is an
occurrence, and what one run stands for was late enough to be coalesced), and where the schedule says that it stands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .ledger_rows import LedgerRow, flaw_of
from .planning import BEGINNING, INSTANT
from .schedules import ScheduleStatus
from .settling import Span
from .trigger_types import hangs_on_zone_data
from .triggers import Trigger, next_occurrence

SLACK = timedelta(seconds=5)
"""Between the look that plans and the statement that writes: what is late by less is no finding."""
LONG = timedelta(minutes=1)
"""More than a sweep and a lease take by default: what nobody saw to for longer was overlooked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be: of which schedule, of what kind, and over which span."""

    schedule_id: int
    schedule_name: str
    kind: str
    detail: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a version of a schedule said of late occurrences."""

    trigger: Trigger | None
    coalesce: str
    grace: timedelta
    jitter: timedelta
    max_executions: int | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A schedule under audit: its row, the spans behind it, and the policies of its versions."""

    schedule_id: int
    name: str
    status: ScheduleStatus
    created_at: datetime
    updated_at: datetime
    last_occurrence_at: datetime | None
    next_occurrence_at: datetime | None
    next_run_at: datetime | None
    grace: timedelta
    spans: Sequence[Span]
    policies: dict[int, Policy]


@dataclass(slots=True)
class ChainAudit:
    """Sees the rows of one schedule in order; what it returns is the first thing wrong with it, or None.

    `floor` is from where the ledger is whole. If it was `raised`, days before it were dropped, and what is left there
    is held against nothing. With `since` the chain is entered midway. Until `zones_since` other time zone data may have
    been in use: what hangs on that is held against its instants from there on, and before only against the chain.
    """

    subject: Subject
    floor: datetime
    since: datetime | None = None
    raised: bool = False
    zones_since: datetime = BEGINNING
    answered: datetime | None = None
    rows: int = 0
    runs: int = 0
    _seen: datetime | None = None
    _starts: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts = [span.since for span in self.subject.spans]

    def see(self, row: LedgerRow) -> Finding | None:
        """Hold one more row against the chain so far."""
        self.rows += 1
        flaw = flaw_of(row)
        if flaw is not None:
            return self._finding(flaw.kind, flaw.detail, row.scheduled_for, row.scheduled_for)
        if row.trigger == "manual" or (self.raised and row.scheduled_for < self.floor):
            return None
        twice, self._seen = self._seen == row.scheduled_for, row.scheduled_for
        if row.trigger == "backfill":
            return self._again(row) if twice else None
        found = (self._again(row) if twice else None) or self._link(row) or self._occurrence(row) or self._limit(row)
        self.answered = row.scheduled_for
        return found

    def finish(self, now: datetime, *, somebody_works: bool) -> Finding | None:
        """Hold the end of the chain against where the schedule says that it stands."""
        subject = self.subject
        stands = subject.last_occurrence_at
        if self.answered != stands and not self._before_floor(stands):
            return self._finding(
                "broken", f"answered through {_at(stands)}, but the ledger ends at {_at(self.answered)}"
            )
        if subject.status is not ScheduleStatus.ACTIVE:
            return None
        if subject.next_occurrence_at is not None and subject.next_run_at is not None:
            return self._ahead(subject.next_occurrence_at, subject.next_run_at, now, somebody_works=somebody_works)
        waits = now - subject.updated_at > LONG
        return self._finding("unplanned", "ACTIVE, and nobody planned it") if waits and somebody_works else None

    def _ahead(
        self, planned: datetime, next_run_at: datetime, now: datetime, *, somebody_works: bool
    ) -> Finding | None:
        """Whether what is planned is the next occurrence, and somebody sees to it."""
        spans = self.subject.spans  # the last is what planned it, be it a moment younger than `now`
        present = spans[-1].trigger if spans else None
        answered = self.subject.last_occurrence_at  # retention may have dropped the row
        expected = _after(present, max(answered or BEGINNING, self._owed_from(), self._held_since(present)))
        if expected is not None and expected < planned:
            detail = f"{_at(expected)} is not answered, and {_at(planned)} is planned"
            return self._finding("gap", detail, expected, planned)
        if somebody_works and next_run_at + self.subject.grace + LONG < now:
            detail = f"due since {_at(next_run_at)}, past its grace, and nobody answered"
            return self._finding("unanswered", detail, self.answered, now)
        return None

    def _owed_from(self) -> datetime:
        """From where the present rule owes answers: the first of the spans that it has been in force."""
        spans = self.subject.spans
        if not spans:
            return self.subject.created_at
        first = len(spans) - 1
        while first > 0 and _rule(spans[first - 1]) == _rule(spans[first]):
            first -= 1
        return spans[first].since

    def _link(self, row: LedgerRow) -> Finding | None:
        """Whether this row follows the one before it."""
        after = row.covers_after
        if self.answered is None:
            enters = after is None or self._before_floor(after) or (self.since is not None and after < self.since)
            return None if enters else self._finding("gap", f"the row for {_at(after)} is gone", None, after)
        if after == self.answered:
            return None
        if after is None or after < self.answered:
            return self._again(row)
        return self._finding("gap", f"nothing answers for {_at(self.answered)} to {_at(after)}", self.answered, after)

    def _again(self, row: LedgerRow) -> Finding:
        detail = f"execution {row.execution_id} answers again for what was answered for"
        return self._finding("double", detail, row.covers_after, self.answered)

    def _occurrence(self, row: LedgerRow) -> Finding | None:
        """Whether this row's moment is an occurrence, and what it covers besides was late enough."""
        moment, in_force = row.scheduled_for, self._trigger_at(row.scheduled_for)
        held_since = self._held_since(in_force)
        if moment <= held_since:
            return None
        owed_after = max(row.covers_after or BEGINNING, self._in_force_since(moment), held_since)
        first = None if row.covers_after is None else _after(in_force, owed_after)
        if first == moment:
            return None
        policy = self.subject.policies.get(row.schedule_version)
        recorded = policy.trigger if policy is not None else None
        named_by = [in_force, recorded, self._trigger_before(moment)]
        if row.backfilled:  # under a later version than the one that missed it
            named_by += [policy.trigger for policy in self.subject.policies.values()]
        if not any(_names(trigger, moment) for trigger in named_by):
            return self._finding("not_an_occurrence", f"{_at(moment)} is none of its occurrences", moment, moment)
        if first is None or policy is None or not row.counts_as_run or first > moment:
            return None
        if policy.coalesce == "all":
            detail = f"execution {row.execution_id} ran for several occurrences, and coalesce is all"
            return self._finding("swallowed", detail, first, moment)
        if row.created_at - first > policy.grace + self._jitter_until(row.schedule_version) + SLACK:
            detail = f"execution {row.execution_id} ran for {_at(first)} too, which was past its grace"
            return self._finding("swallowed", detail, first, moment)
        return None

    def _jitter_until(self, version: int) -> timedelta:
        """The most jitter up to this version: what was put off by an earlier one was not late when that changed."""
        return max(policy.jitter for number, policy in self.subject.policies.items() if number <= version)

    def _limit(self, row: LedgerRow) -> Finding | None:
        """Whether this run was still within the limit of the version that started it."""
        self.runs += row.counts_as_run
        policy = self.subject.policies.get(row.schedule_version)
        limit = policy.max_executions if policy is not None else None
        if limit is None or not row.counts_as_run or self.runs <= limit:
            return None
        return self._finding("over_limit", f"run {self.runs}, and max_executions was {limit}", None, row.scheduled_for)

    def _trigger_at(self, moment: datetime) -> Trigger | None:
        position = bisect_right(self._starts, moment) - 1
        return self.subject.spans[max(position, 0)].trigger if self.subject.spans else None

    def _in_force_since(self, moment: datetime) -> datetime:
        """Since when the trigger of that moment was in force; what it names before then was never owed.

        What had reached its limit, and was given a higher one, is in force from then on: what came while its last run
        began, and acts later for its jitter, is nobody's.
        """
        spans, position = self.subject.spans, bisect_right(self._starts, moment) - 1
        while (
            position > 0
            and spans[position - 1].trigger == spans[position].trigger
            and spans[position - 1].status is not ScheduleStatus.COMPLETED
        ):
            position -= 1
        return spans[position].since if position > 0 else BEGINNING  # the first may owe what lies before its creation

    def _held_since(self, trigger: Trigger | None) -> datetime:
        """From where this rule's instants are what they are by the data that the audit has."""
        return self.zones_since if hangs_on_zone_data(trigger) else BEGINNING

    def _trigger_before(self, moment: datetime) -> Trigger | None:
        """The rule before the one in force: its last span may have been answered for a moment later."""
        position = bisect_right(self._starts, moment) - 2
        return self.subject.spans[position].trigger if position >= 0 else None

    def _before_floor(self, moment: datetime | None) -> bool:
        return moment is not None and moment < self.floor

    def _finding(self, kind: str, detail: str, since: datetime | None = None, until: datetime | None = None) -> Finding:
        return Finding(self.subject.schedule_id, self.subject.name, kind, detail, since, until)


def _rule(span: Span) -> tuple[ScheduleStatus, Trigger | None]:
    return span.status, span.trigger


def _after(trigger: Trigger | None, moment: datetime) -> datetime | None:
    return None if trigger is None else next_occurrence(trigger, moment)


def _names(trigger: Trigger | None, moment: datetime) -> bool:
    """Whether this trigger names this very moment."""
    return _after(trigger, moment - INSTANT) == moment


def _at(moment: datetime | None) -> str:
    return "the beginning" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
