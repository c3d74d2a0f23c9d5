"""Moments between PostgreSQL and Python, quickly: those of a herd are mostly the same few.

The driver's own way takes a microsecond for each, and a run has seven of them: a seventh of all that it costs a worker.
So the last ones are remembered, both ways. As with the driver, moments are aware, in UTC, and exact to the microsecond.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts microseconds from here."""

REMEMBERED = 10_000

Counted = tuple[int]

INFINITY = (0x7FFFFFFFFFFFFFFF,)
MINUS_INFINITY = (-0x8000000000000000,)
LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)


class Moments(dict[Counted, datetime]):
    """The moments of counts of microseconds."""

    def __missing__(self, counted: Counted) -> datetime:
        if len(self) >= REMEMBERED:
            self.clear()
        found = self[counted] = _moment(counted)
        return found


class Counts(dict[datetime, Counted]):
    """The counts of microseconds of moments."""

    def __missing__(self, moment: datetime) -> Counted:
        if len(self) >= REMEMBERED:
            self.clear()
        found = self[moment] = _counted(moment)
        return found


_moments, _counts = Moments(), Counts()


async def pass_moments_quickly(connection: Any) -> None:
    """Have this connection of asyncpg's pass each `timestamptz` so; it asks PostgreSQL once which type that is."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        decoder=_moments.__getitem__,
        encoder=_counts.__getitem__,
    )


def _moment(counted: Counted) -> datetime:
    if counted == INFINITY:
        return LATEST
    if counted == MINUS_INFINITY:
        return EARLIEST
    return EPOCH + timedelta(0, 0, counted[0])


def _counted(moment: datetime) -> Counted:
    """Raises TypeError for a moment without a zone: it would mean another one on another machine."""
    if moment == LATEST:
        return INFINITY
    if moment == EARLIEST:
        return MINUS_INFINITY
    since = moment - EPOCH
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds,)
