"""What walking through the store at random has brought to light, told as stories."""

from __future__ import annotations

from rowcall.domain.executions import Outcome
from rowcall.store.auditing import audit
from rowcall.store.database import Database
from tests.store.stories import HOUR, MINUTE, ASchedule, Connection, change, claim, finish, plan, statuses


async def test_a_rule_that_came_into_force_while_the_audit_began_is_no_gap(
    database: Database, db: Connection, a_schedule: ASchedule
) -> None:
    """The audit's present is the start of its transaction, and what it sees is a moment younger."""
    present = await db.fetchval("SELECT clock_timestamp()")
    schedule_id = await a_schedule(interval_seconds=60, created_at=present - 10 * MINUTE)
    await change(db, schedule_id, "interval_seconds = 3600", at=present + MINUTE)
    assert await plan(database, schedule_id) == 1

    assert (await audit(database)).findings == []


async def test_a_rule_does_not_owe_what_it_names_before_it_was_in_force(
    database: Database, db: Connection, a_schedule: ASchedule, worker: int
) -> None:
    """Daily, and changed to every minute six hours after its run: the first run by the new rule swallows nothing."""
    present = await db.fetchval("SELECT clock_timestamp()")
    schedule_id = await a_schedule(interval_seconds=24 * 3600, created_at=present - 30 * HOUR)
    assert await plan(database, schedule_id) == 1
    daily = await claim(database, worker, now=present - 6 * HOUR)
    await finish(database, worker, *((each, Outcome.succeeded()) for each in daily))

    await change(db, schedule_id, "interval_seconds = 60")
    assert await plan(database, schedule_id) == 1
    minutely = await claim(database, worker, now=present + 2 * MINUTE)
    await finish(database, worker, *((each, Outcome.succeeded()) for each in minutely))

    assert await statuses(db, schedule_id) == ["SUCCEEDED", "SUCCEEDED"]
    assert (await audit(database)).findings == []
