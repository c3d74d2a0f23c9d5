"""What walking through the store at random has brought to light, told as stories."""

from __future__ import annotations

from rowcall.store.auditing import audit
from rowcall.store.database import Database
from tests.store.stories import MINUTE, ASchedule, Connection, change, plan


async def test_a_rule_that_came_into_force_while_the_audit_began_is_no_gap(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    """The audit's present is the start of its transaction, and what it sees is a moment younger."""
    present = await db.fetchval("SELECT clock_timestamp()")
    schedule_id = await a_schedule(interval_seconds=60, created_at=present - 10 * MINUTE)
    await change(db, schedule_id, "interval_seconds = 3600", at=present + MINUTE)
    assert await plan(database, schedule_id) == 1

    assert (await audit(database)).findings == []
