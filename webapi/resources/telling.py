"""What the API logs of changes of schedules; every line of a request also says who sent it."""

from __future__ import annotations

import structlog

from rowcall.store.schedules import ScheduleRow

log = structlog.get_logger("rowcall.webapi")


def tell(event: str, schedule: ScheduleRow, **more: object) -> None:
    """Log what was done to a schedule, under the name that operators look for."""
    log.info(
        event,
        schedule_id=schedule["schedule_id"],
        schedule=schedule["name"],
        client_id=schedule["client_id"],
        labels=schedule["labels"],
        version=schedule["version"],
        **more,
    )
