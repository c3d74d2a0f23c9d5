"""Behind a pooler in transaction mode: what belongs to a session is not relied on, and what needs one goes past it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from rowcall.domain.errors import InvalidInput, StoreUnavailable
from rowcall.store.connecting import MARK
from rowcall.store.database import PROBES, Database
from rowcall.store.migrations import apply_schema
from rowcall.store.notifications import listen
from tests.poolers import DROPPED, SERVERS, pgbouncer
from tests.store.stories import ASchedule, Connection


@pytest.fixture(params=["", DROPPED], ids=["refuses", "drops"])
def pooled_dsn(dsn: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Through a pooler that refuses what it can't hand on, and through one that was told to drop it."""
    with pgbouncer(dsn, ignored=request.param) as through:
        yield through


@pytest.fixture
async def pooled(pooled_dsn: str, dsn: str) -> AsyncIterator[Database]:
    async with Database.open(pooled_dsn, direct_dsn=dsn, size=8, timeout_seconds=7) as opened:
        yield opened


async def test_a_pooler_is_found_out(pooled: Database, database: Database, dsn: str) -> None:
    assert (pooled.pooled, pooled.direct_dsn) == (True, dsn)
    assert (database.pooled, database.direct_dsn) == (False, dsn)


async def test_who_shares_a_server_with_others_gets_its_own_answers(pooled: Database, db: Connection) -> None:
    async def ask(number: int) -> bool:
        if number % 3 == 0:
            return isinstance(await pooled.fetchval("installation_id"), str)
        if number % 3 == 1:
            return bool((await pooled.fetchval("now")).tzinfo is not None)
        facts = await pooled.fetchrow("server_facts")
        return facts is not None and int(facts["version_number"]) >= 140_000

    for _ in range(10):
        assert all(await asyncio.gather(*(ask(number) for number in range(60))))
    servers = await db.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    assert servers <= SERVERS


async def test_limits_and_plans_hold_inside_and_leave_nothing_behind(pooled: Database, pooled_dsn: str) -> None:
    def asked(name: str) -> str:
        return f"SELECT current_setting('{name}')"

    for opened in (pooled.transaction(), pooled.snapshot()):
        async with opened as transaction:
            assert await transaction.connection.fetchval(asked("statement_timeout")) == "7s"
            assert await transaction.connection.fetchval(asked("plan_cache_mode")) == PROBES["plan_cache_mode"]
    async with Database.open(pooled_dsn, probes_only=False, timeout_seconds=9) as other, other.transaction() as theirs:
        assert await theirs.connection.fetchval(asked("statement_timeout")) == "9s"
        assert await theirs.connection.fetchval(asked("enable_seqscan")) == "on"


async def test_limits_and_plans_hold_for_a_statement_by_itself(
    pooled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowcall.store.database.sql", lambda text: text)
    for name, value in {"statement_timeout": "7s", **PROBES}.items():
        assert await pooled.fetchval(f"SELECT current_setting('{name}')") == value


async def test_a_statement_that_takes_too_long_is_given_up_behind_a_pooler(
    pooled_dsn: str, db: Connection, a_schedule: ASchedule
) -> None:
    busy = await a_schedule()
    async with Database.open(pooled_dsn, size=1, timeout_seconds=0.5) as impatient, db.transaction():
        await db.execute("SELECT FROM rowcall.schedules FOR UPDATE")
        with pytest.raises(StoreUnavailable):
            await impatient.fetch("lock_schedule", busy, None, None, None)
    async with Database.open(pooled_dsn, size=1) as patient:
        assert await patient.fetch("lock_schedule", busy, None, None, None)


async def test_the_schema_is_changed_past_the_pooler_or_not_at_all(pooled: Database, pooled_dsn: str, dsn: str) -> None:
    assert await apply_schema(pooled) == []
    for direct_dsn, why in ((None, "a pooler stands at DATABASE_URL"), (pooled_dsn, "a pooler answers there")):
        async with Database.open(pooled_dsn, direct_dsn=direct_dsn) as opened:
            with pytest.raises(InvalidInput, match=f"ROWCALL_DIRECT_DATABASE_URL: {why}"):
                await apply_schema(opened)


async def test_a_pooler_is_no_place_to_listen_at(pooled_dsn: str) -> None:
    with pytest.raises(InvalidInput, match="ROWCALL_DIRECT_DATABASE_URL: a pooler answers there"):
        await listen(pooled_dsn, print)


async def test_postgresql_itself_keeps_the_mark(db: Connection, database: Database) -> None:
    async with database.transaction() as transaction:
        assert await transaction.connection.fetchval("SELECT current_setting($1, true)", MARK) == "on"
