"""What is kept of the past is deleted once it is old enough: in small batches, and nothing that is younger."""

from __future__ import annotations

from rowcall.settings import Settings
from rowcall.store import forgetting
from rowcall.store.database import PROBES, Database
from rowcall.store.forgetting import forget_audit, forget_rollups
from rowcall.worker import look_once
from tests.store.plans import rows_read
from tests.store.stories import Connection


async def fill(db: Connection) -> None:
    """A change each hour and figures of each day, 20,000 of both, up to now."""
    await db.execute(
        "INSERT INTO rowcall.audit_log (changed_at, who, action, subject)"
        " SELECT now() - (20000 - i) * interval '1 hour', 'ada', 'schedule.changed', i"
        " FROM generate_series(1, 20000) AS i"
    )
    await db.execute(
        "INSERT INTO rowcall.execution_rollups"
        " SELECT i, (now() AT TIME ZONE 'UTC')::date - d, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0"
        " FROM generate_series(1, 40) AS i, generate_series(0, 499) AS d"
    )
    await db.execute("ANALYZE")


async def test_the_log_of_changes_is_forgotten_the_oldest_first_and_in_batches(
    database: Database, db: Connection
) -> None:
    await fill(db)
    days = 20000 // 24 - 50  # fifty days and some hours are older: 1,208 hours
    assert await forget_audit(database, 0) == 0
    batches = [await forget_audit(database, days) for _ in range(3)]
    assert batches[0] == forgetting.ENTRIES_AT_ONCE
    assert 190 <= batches[1] <= 220
    assert batches[2] == 0
    assert await db.fetchval("SELECT count(*) FROM rowcall.audit_log") == 20000 - sum(batches)
    assert await db.fetchval("SELECT min(changed_at) >= now() - make_interval(days => $1) FROM rowcall.audit_log", days)


async def test_figures_of_old_days_are_forgotten(database: Database, db: Connection) -> None:
    await fill(db)
    assert await forget_rollups(database, 0) == 0
    assert await forget_rollups(database, 400) == 99 * 40  # 401 to 499 days ago
    assert await forget_rollups(database, 400) == 0
    assert await db.fetchval("SELECT max((now() AT TIME ZONE 'UTC')::date - day) FROM rowcall.execution_rollups") == 400


async def test_to_find_that_nothing_is_old_enough_reads_next_to_nothing(db: Connection) -> None:
    await fill(db)
    for name, value in PROBES.items():
        await db.execute(f"SET {name} = '{value}'")
    assert await rows_read(db, "forget_rollups", 600, 10_000) == 0
    assert await rows_read(db, "forget_audit", 6000, 1000) <= 3 * 1000


async def test_every_worker_forgets_what_its_settings_say(database: Database, db: Connection, dsn: str) -> None:
    await fill(db)
    settings = Settings(database_url=dsn, audit_log_retention_days=800, rollup_retention_days=490)
    await look_once(database, settings, [])
    assert await db.fetchval("SELECT max(now() - changed_at) < interval '801 days' FROM rowcall.audit_log")
    assert await db.fetchval("SELECT max((now() AT TIME ZONE 'UTC')::date - day) FROM rowcall.execution_rollups") == 490
