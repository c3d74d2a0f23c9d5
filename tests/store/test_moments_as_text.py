"""Moments as text: what create_schedule takes means what it means to REST, and the rest is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import asyncpg
import pytest

from rowcall.domain.triggers import read_local
from tests.store.stories import Connection

ZONES = (
    "UTC",
    "Asia/Tokyo",
    "Europe/London",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Asia/Kathmandu",
    "America/St_Johns",
    "CET",  # to AT TIME ZONE it is an offset without a summer
)

# The changes of 2035 in these zones, and their edges: skipped and repeated times among them.
LOCAL = [
    f"{day}T{time}"
    for day in ("2035-03-11", "2035-03-25", "2035-04-01", "2035-09-02", "2035-09-30", "2035-10-07", "2035-10-28")
    for time in ("00:00", "00:30", "01:00", "01:30:00", "01:45:59.5", "02:00", "02:15:30", "02:59:59", "03:00", "23:59")
]
LOCAL += ["2035-11-04T00:59", "2035-11-04T01:30", "2035-11-04T02:00", "2035-04-07 23:30", "2036-02-29"]
STATED = [
    f"2035-11-04T01:30{rest}{offset}"
    for rest in ("", ":07", ":07.25", ":07,25", ":07.123456")
    for offset in ("Z", "+00", "-05", "+0530", "+05:45", "-00:00")
]

REFUSED = [
    "20350701T090000Z",
    "2035-W27-7T09:00",
    "2035-07-01 09:00:00 UTC",
    "2035-07-01 09:00:00 America/New_York",
    "2035-07-01T09:00:00z",
    "2035-07-01T09:00:00 +02:00",
    "2035-07-01T24:00",
    "2035-07-01T23:59:60",
    "2035-07-01T09",
    "2035-07-01T09:00:00.1234567",
    "2035-07-01T09:00+2",
    "2035-07-01T09:00+02:00:30",
    "2035-07-01T09:00+25:00",
    "2035-07-01Z",
    "2035-02-29T09:00",
    "2035-13-01",
    "July 1 2035",
    "tomorrow",
    "infinity",
    "2035-07-01T09:00Z\n",
    "",
]


async def read(db: Connection, text: str, zone: str) -> datetime:
    moment: datetime = await db.fetchval("SELECT rowcall.read_moment($1, $2)", text, zone)
    return moment


async def created(db: Connection, **fields: object) -> int:
    given = {"task_type": "work", "timezone": "Asia/Tokyo"} | fields
    schedule_id: int = await db.fetchval(
        "SELECT rowcall.create_schedule($1, allow_unknown_task => true)", json.dumps(given)
    )
    return schedule_id


@pytest.mark.parametrize("zone", ZONES)
async def test_what_sql_takes_means_what_it_means_to_rest(undone: Connection, zone: str) -> None:
    await undone.execute("SET LOCAL timezone = 'America/Caracas'; SET LOCAL datestyle = 'SQL, DMY'")
    texts = LOCAL + STATED
    assert [await read(undone, text, zone) for text in texts] == [read_local(text, zone) for text in texts]


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        ("2035-11-04T01:30", "America/New_York", datetime(2035, 11, 4, 5, 30, tzinfo=UTC)),  # twice: the first pass
        ("2035-03-11T02:30", "America/New_York", datetime(2035, 3, 11, 7, 0, tzinfo=UTC)),  # never: the gap's end
        ("2011-12-30T12:00", "Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),  # a day that never was
        ("2035-07-01T09:00", "Asia/Tokyo", datetime(2035, 7, 1, 0, 0, tzinfo=UTC)),
    ],
)
async def test_a_local_time_that_is_skipped_or_repeated_is_read_as_by_rest(
    undone: Connection, local: str, zone: str, instant: datetime
) -> None:
    assert await read(undone, local, zone) == read_local(local, zone) == instant


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("field", ["scheduled_time", "starts_at", "ends_at"])
async def test_a_moment_that_sql_can_not_be_sure_of_is_refused_by_its_field(
    undone: Connection, field: str, text: str
) -> None:
    rule = {} if field == "scheduled_time" else {"interval_seconds": 60}
    with pytest.raises(asyncpg.InvalidParameterValueError, match=f"{field} must be .* such as 2030-01-31T09:00:00"):
        await created(undone, **rule | {field: text})


async def test_a_stated_offset_counts_whatever_the_schedules_zone(undone: Connection) -> None:
    one = await created(undone, scheduled_time="2035-07-01T09:00:00Z", starts_at="2035-07-01")
    row = await undone.fetchrow("SELECT scheduled_time, starts_at FROM rowcall.schedules WHERE schedule_id = $1", one)
    assert row is not None
    assert row["scheduled_time"] == datetime(2035, 7, 1, 9, tzinfo=UTC)
    assert row["starts_at"] == datetime(2035, 6, 30, 15, tzinfo=UTC)
