"""Executions that wait for another of their schedule to end: letting go the next."""

from __future__ import annotations

from collections.abc import Sequence

from .database import Database, Row


async def release_waiting(database: Database, schedule_ids: Sequence[int] | None) -> Sequence[Row]:
    """Make the next waiting executions available, as far as `max_instances` leaves room; those that were.

    Of the schedules named, or of all (None): the sweep asks for all, as whoever finished the execution in front may
    have died between that and this. The schedules are locked first, so that two replicas never release one place twice.
    """
    if schedule_ids is not None and not schedule_ids:
        return []
    async with database.transaction() as transaction:
        locked = await transaction.fetch("lock_schedules_that_wait", schedule_ids)
        if not locked:
            return []
        return await transaction.fetch(
            "release_waiting", [row["schedule_id"] for row in locked], [row["max_instances"] for row in locked]
        )
