"""Whatever one thing is done to a whole ledger, the audit names it; and it names nothing where nothing was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rowcall.domain.auditing import ChainAudit, Finding, Policy, Subject
from rowcall.domain.ledger_rows import LedgerRow
from rowcall.domain.schedules import ScheduleStatus
from rowcall.domain.settling import Span
from rowcall.domain.triggers import CronTrigger, IntervalTrigger, Trigger, occurrences_after
from tests.domain.timeline import HOUR, MINUTE, SECOND, at

BEGIN = at("06:00")
GRACE = 10 * SECOND
"""Shorter than any gap between two occurrences: none may be covered by the run of another."""

triggers = st.one_of(
    st.sampled_from(["* * * * *", "*/7 * * * *", "5,6,59 8-20 * * *"]).map(CronTrigger),
    st.integers(20, 3600).map(lambda seconds: IntervalTrigger(seconds, BEGIN + timedelta(seconds=seconds))),
)


@dataclass(frozen=True)
class Whole:
    """A ledger in which every occurrence has run on time, and the schedule that it is of."""

    subject: Subject
    rows: list[LedgerRow]


@st.composite
def ledgers(draw: st.DrawFn) -> Whole:
    trigger: Trigger = draw(triggers)
    *moments, following = occurrences_after(trigger, BEGIN, draw(st.integers(3, 30)) + 1)
    rows = [
        LedgerRow(
            execution_id=number,
            scheduled_for=moment,
            covers_after=moments[number - 1] if number else None,
            created_at=moment,
            executed_at=moment + SECOND / 10,
            finished_at=moment + SECOND,
            trigger="schedule",
            status="SUCCEEDED",
            schedule_version=1,
        )
        for number, moment in enumerate(moments)
    ]
    subject = Subject(
        schedule_id=1,
        name="whole",
        status=ScheduleStatus.ACTIVE,
        created_at=BEGIN,
        updated_at=BEGIN,
        last_occurrence_at=moments[-1],
        next_occurrence_at=following,
        next_run_at=following,
        grace=GRACE,
        spans=[Span(BEGIN, ScheduleStatus.ACTIVE, None, trigger)],
        policies={1: Policy(trigger, "latest", GRACE, 0 * SECOND, None)},
    )
    return Whole(subject, rows)


def audited(subject: Subject, rows: Sequence[LedgerRow]) -> Finding | None:
    """The first thing that an audit at the moment of the last answer finds, in an installation a day older."""
    chain = ChainAudit(subject, BEGIN - 24 * HOUR)
    for row in sorted(rows, key=lambda row: (row.scheduled_for, row.execution_id)):
        found = chain.see(row)
        if found is not None:
            return found
    assert subject.last_occurrence_at is not None
    return chain.finish(subject.last_occurrence_at + SECOND, somebody_works=True)


def gone(rows: list[LedgerRow], place: int) -> list[LedgerRow]:
    return rows[:place] + rows[place + 1 :]


def swallowed(rows: list[LedgerRow], place: int) -> list[LedgerRow]:
    """A row is gone, and the next one says that it answers for it too."""
    if place == len(rows) - 1:
        return gone(rows, place)
    return [*rows[:place], replace(rows[place + 1], covers_after=rows[place].covers_after), *rows[place + 2 :]]


def changed(**fields: Any) -> Callable[[list[LedgerRow], int], list[LedgerRow]]:
    def change(rows: list[LedgerRow], place: int) -> list[LedgerRow]:
        return [*rows[:place], replace(rows[place], **fields), *rows[place + 1 :]]

    return change


def moved(rows: list[LedgerRow], place: int) -> list[LedgerRow]:
    row = rows[place]
    return [*rows[:place], replace(row, scheduled_for=row.scheduled_for + SECOND), *rows[place + 1 :]]


def twice(trigger: str) -> Callable[[list[LedgerRow], int], list[LedgerRow]]:
    return lambda rows, place: [*rows, replace(rows[place], execution_id=1000, trigger=trigger)]


def beside(rows: list[LedgerRow], place: int) -> list[LedgerRow]:
    began = rows[place].scheduled_for
    return changed(attempts=[(began, began + MINUTE)])(rows, place)


FAULTS = [
    gone, swallowed, moved, twice("schedule"), twice("backfill"), beside, changed(status="DONE"),
    changed(finished_at=None), changed(executed_at=None), changed(status="MISSED"), changed(status="RUNNING"),
    changed(status="RUNNING", finished_at=None, astray=True), changed(astray=True),
    changed(covers_after=BEGIN - HOUR),
]  # fmt: skip


@given(ledgers())
def test_a_whole_ledger_has_no_fault(whole: Whole) -> None:
    assert audited(whole.subject, whole.rows) is None


@given(ledgers(), st.sampled_from(FAULTS), st.data())
def test_whatever_is_done_to_one_row_is_found(
    whole: Whole, fault: Callable[[list[LedgerRow], int], list[LedgerRow]], data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(whole.rows) - 1))
    assert audited(whole.subject, fault(whole.rows, place)) is not None


@given(ledgers(), st.data())
def test_rows_that_retention_took_are_no_fault_and_those_after_them_are(whole: Whole, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(whole.rows) - 1))
    floor = whole.rows[place].scheduled_for
    left = [row for row in whole.rows[:place] if data.draw(st.booleans())] + whole.rows[place:]

    def found(rows: Sequence[LedgerRow]) -> Finding | None:
        chain = ChainAudit(whole.subject, floor, raised=True)
        seen = (chain.see(row) for row in rows)
        first = next((finding for finding in seen if finding is not None), None)
        return first or chain.finish(whole.rows[-1].scheduled_for + SECOND, somebody_works=True)

    assert found(left) is None
    if place < len(whole.rows) - 1:
        hole = data.draw(st.integers(place + 1, len(whole.rows) - 1))
        assert found([row for row in left if row.execution_id != hole]) is not None
