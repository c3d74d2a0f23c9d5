"""Moments pass between PostgreSQL and Python as the driver's own way has them, whatever they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TypeAlias
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from rowcall.store import moments
from rowcall.store.database import Database
from rowcall.store.moments import EARLIEST, LATEST, REMEMBERED, Counts, Moments

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

TEXTS = [
    "2000-01-01 00:00:00+00",
    "1999-12-31 23:59:59.999999+00",
    "2026-03-29 01:00:00.000001+00",
    "1883-11-18 12:03:58+00",
    "0001-01-01 00:00:01+00",
    "9999-12-31 23:59:59.999998+00",
]


@pytest.mark.parametrize("text", TEXTS)
async def test_a_moment_is_read_and_written_as_by_the_driver(database: Database, db: Connection, text: str) -> None:
    expected = await db.fetchval("SELECT $1::text::timestamptz", text)

    async with database.transaction() as transaction:
        connection = transaction.connection
        for _ in range(2):  # the second time it is remembered
            row = await connection.fetchrow("SELECT $1::text::timestamptz, $2::timestamptz::text", text, expected)
            assert row is not None
            read, written = row
            assert (read, read.tzinfo) == (expected, UTC)
            assert written == text


async def test_a_moment_of_another_zone_is_the_same_moment(database: Database) -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    elsewhere = [noon.astimezone(ZoneInfo("Asia/Kathmandu")), noon.astimezone(timezone(timedelta(hours=-11)))]

    async with database.transaction() as transaction:
        assert await transaction.connection.fetchval("SELECT $1::timestamptz[]", elsewhere) == [noon, noon]


async def test_what_is_infinite_comes_and_goes_as_the_ends_of_time(database: Database) -> None:
    async with database.transaction() as transaction:
        row = await transaction.connection.fetchrow(
            "SELECT 'infinity'::timestamptz, '-infinity'::timestamptz, $1::timestamptz::text, $2::timestamptz::text",
            LATEST,
            EARLIEST,
        )
        assert row is not None
        assert tuple(row) == (LATEST, EARLIEST, "infinity", "-infinity")


async def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    async with database.transaction() as transaction:
        with pytest.raises(asyncpg.DataError, match="offset-naive"):
            await transaction.connection.fetchval("SELECT $1::timestamptz", datetime(2026, 3, 1))  # noqa: DTZ001


def test_no_more_are_remembered_than_a_few_thousand() -> None:
    read, write = Moments(), Counts()
    for count in range(3 * REMEMBERED):
        assert write[read[(count,)]] == (count,)
        assert max(len(read), len(write)) <= REMEMBERED
    assert read[(0,)] == moments.EPOCH
