"""The server's clock leaps: what is old only by its word stays, and people are told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from rowcall.store.database import Database
from rowcall.store.ledger import ensure_days_ahead
from rowcall.store.retention import FEW_YOUNGER, drop_old_days
from rowcall.worker.retention import retire
from tests.store.stories import Connection

DAY = timedelta(days=1)
KEEP = 10
DAYS = """
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD')
      FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'rowcall.schedule_executions'::regclass
     ORDER BY 1"""


@pytest.fixture
async def today(db: Connection) -> datetime:
    now: datetime = await db.fetchval("SELECT now()")
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def days(db: Connection) -> list[date]:
    return [row[0] for row in await db.fetch(DAYS)]


async def a_ledger(database: Database, db: Connection, *, since: datetime, through: datetime) -> None:
    """A ledger of these days, as whoever worked on each of them has left it, and those that a worker makes today."""
    for (day,) in await db.fetch(DAYS):
        await db.execute(f"DROP TABLE rowcall.schedule_executions_{day:%Y%m%d}")
    database.known_days.clear()
    await db.execute("SELECT rowcall.ensure_partitions($1, $2)", since, through)
    await ensure_days_ahead(database)


async def test_a_clock_that_leaps_a_year_ahead_costs_the_ledger_no_more_than_a_few_of_its_days(
    database: Database, db: Connection, today: datetime
) -> None:
    last = today - 365 * DAY
    await a_ledger(database, db, since=last - (KEEP - 1) * DAY, through=last)

    with capture_logs() as told:
        assert await retire(database, KEEP)
    left = [day for day in await days(db) if day <= last.date()]
    assert len(left) >= KEEP - 2, "yesterday and today are days of the ledger too"
    assert left[-1] == last.date()
    [kept] = [line for line in told if line["event"] == "history_kept"]
    assert (kept["log_level"], kept["because"], kept["days"]) == ("warning", FEW_YOUNGER, len(left))
    assert (kept["first"], kept["last"]) == (left[0].isoformat(), left[-1].isoformat())


async def test_what_a_leap_has_spared_is_there_when_the_clock_is_right_again(
    database: Database, db: Connection, today: datetime
) -> None:
    """The leap leaves days ahead behind it: they are no reason for older ones to go."""
    await a_ledger(database, db, since=today - KEEP * DAY, through=today)
    await db.execute("SELECT rowcall.ensure_partitions($1, $2)", today + 365 * DAY, today + 375 * DAY)
    await retire(database, KEEP)
    assert (await days(db))[0] == (today - KEEP * DAY).date()


async def test_day_by_day_the_oldest_goes_as_ever(database: Database, db: Connection, today: datetime) -> None:
    await a_ledger(database, db, since=today - (KEEP + 3) * DAY, through=today)
    await retire(database, KEEP)
    assert (await days(db))[0] == (today - KEEP * DAY).date()
    assert (await drop_old_days(database, KEEP * DAY, keep_days=KEEP)).kept == []


async def test_fewer_days_to_keep_are_kept_from_the_next_pass_on(
    database: Database, db: Connection, today: datetime
) -> None:
    await a_ledger(database, db, since=today - 40 * DAY, through=today)
    await retire(database, KEEP)
    assert (await days(db))[0] == (today - KEEP * DAY).date()


async def test_who_asks_for_it_drops_by_age_alone(database: Database, db: Connection, today: datetime) -> None:
    last = today - 365 * DAY
    await a_ledger(database, db, since=last - (KEEP - 1) * DAY, through=last)
    assert len((await drop_old_days(database, KEEP * DAY)).dropped) == KEEP
