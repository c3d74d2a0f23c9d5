"""Moments between PostgreSQL and Python, quickly: those of a herd are mostly the same few.

The driver makes each anew, and a run has seven of them. So the last ones are remembered, both ways. As with the driver,
moments are aware, in UTC, and exact to the microsecond.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts microseconds from here."""

REMEMBERED = 10_000

Counted = tuple[int]

LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)
INFINITE: dict[datetime, Counted] = {LATEST: (0x7FFFFFFFFFFFFFFF,), EARLIEST: (-0x8000000000000000,)}
"""What PostgreSQL calls infinite, and Python can't."""

ENDS = {counted: moment for moment, counted in INFINITE.items()}


class Moments(dict[Counted, datetime]):
    """The moments of counts of microseconds. Raises OverflowError for those beyond Python's years."""

    def __missing__(self, counted: Counted) -> datetime:
        if len(self) >= REMEMBERED:
            self.clear()
        try:
            found = EPOCH + timedelta(0, 0, counted[0])
        except OverflowError:
            if counted not in ENDS:
                raise
            found = ENDS[counted]
        self[counted] = found
        return found


class Counts(dict[datetime, Counted]):
    """The counts of microseconds of moments. Raises TypeError for one without a zone: it is another one elsewhere."""

    def __missing__(self, moment: datetime) -> Counted:
        if len(self) >= REMEMBERED:
            self.clear()
        since = moment - EPOCH
        counted = ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds,)
        found = self[moment] = INFINITE.get(moment, counted) if moment.year in (1, 9999) else counted
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
