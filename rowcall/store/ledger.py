"""Writing to the ledger what does not run now, and making sure that the days it falls on are there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from rowcall.domain.planning import Answer

from .sessions import Row, Session
from .telling import tell_rows


async def insert_answers(session: Session, answers: Sequence[tuple[int, Answer]]) -> Sequence[Row]:
    """Record answers, each with its schedule's id, in the order given; the rows written, with their ids."""
    if not answers:
        return []
    await ensure_days(session, (answer.scheduled_for for _, answer in answers))
    rows = await session.fetch(
        "insert_answers",
        [schedule_id for schedule_id, _ in answers],
        [answer.status.value for _, answer in answers],
        [answer.scheduled_for for _, answer in answers],
        [answer.covers_after for _, answer in answers],
        [answer.reason for _, answer in answers],
    )
    await tell_rows(session, [row for row in rows if row["tells"]])
    return rows


async def ensure_days(session: Session, moments: Iterable[datetime]) -> None:
    """Make the partitions for the days (UTC) of these moments, where they are not known to be there.

    The days around the present are made ahead by the sweep, and remembered; only far ones cost a statement here.
    """
    for day in _unknown_days(session, list(moments)):
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        await session.fetchval("ensure_partitions", noon, noon)


async def ensure_today(session: Session, now: datetime) -> None:
    """The same for a moment that is now. It is remembered while it is today, for as long retention leaves it alone."""
    today = now.astimezone(UTC).date()
    if today not in session.known_days | session.known_today:
        await ensure_days(session, [now])
        session.known_today.clear()
        session.known_today.add(today)


async def kept_waiting(session: Session, to_write: Collection[tuple[int, datetime]]) -> frozenset[int]:
    """Make the days of what is to be written, ids of schedules with moments, as `ensure_days` does.

    Returns the schedules whose days are being dropped just now: they have to wait for that, and nobody else has to.
    """
    going: set[date] = set()
    for day in _unknown_days(session, [moment for _, moment in to_write]):
        if not await session.fetchval("try_partitions", datetime(day.year, day.month, day.day, 12, tzinfo=UTC)):
            going.add(day)
    if not going:
        return frozenset()
    return frozenset(schedule_id for schedule_id, moment in to_write if moment.astimezone(UTC).date() in going)


def _unknown_days(session: Session, moments: Collection[datetime]) -> set[date]:
    """The days (UTC) of these moments that are not known to be there; mostly none, and then none is looked at twice."""
    if not moments:
        return set()
    ends = {min(moments).astimezone(UTC).date(), max(moments).astimezone(UTC).date()}
    if len(ends) == 1:
        return ends - session.known_days
    return {moment.astimezone(UTC).date() for moment in moments} - session.known_days


async def ensure_days_ahead(session: Session) -> None:
    """Make the days around the present, and remember them, and no longer those of which retention may take its own."""
    await session.fetchval("ensure_partitions", None, None)
    now: datetime = await session.fetchval("now")
    around = days_around(now.date())
    session.known_days &= around
    session.known_days |= around


def days_around(today: date) -> set[date]:
    """The days that are made ahead: yesterday through three days from `today` (UTC)."""
    return {today + timedelta(days=offset) for offset in range(-1, 4)}
