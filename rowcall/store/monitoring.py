"""Who works, what was ever offered, and how things stand: read only, for people and dashboards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .sessions import Row, Session

MOST_WORKERS = 1000


@dataclass(frozen=True, slots=True)
class DueRoute:
    """A route with something due; without live workers it is unroutable."""

    route: str
    due_since: datetime
    due_for_seconds: float
    live_workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """How things stand. `ended` counts the executions of the last hours by status."""

    now: datetime
    schedules: Mapping[str, int]
    queued: int
    waiting: int
    running: int
    workers: int
    slots: int
    executions: Mapping[str, int]
    due: Sequence[DueRoute]


async def list_tasks(session: Session) -> Sequence[Row]:
    """Every task type that was ever offered, by name."""
    return await session.fetch("list_tasks")


async def list_workers(session: Session, *, include_ended: bool) -> Sequence[Row]:
    """The workers alive, the newest first; on request those that have ended too, as far as they are remembered."""
    return await session.fetch("list_workers", include_ended, MOST_WORKERS)


async def stats(session: Session, hours: int) -> Stats:
    """How things stand, and how the executions of the last `hours` hours ended: of all, or of the session's client."""
    client_id = session.access.confined_to
    if client_id is None:
        standing = await session.fetchrow("standing")
        schedules = await session.fetch("count_schedules")
        executions = await session.fetch("count_executions", hours)
        due = await session.fetch("due_routes")
    else:
        standing = await session.fetchrow("standing_of_client", client_id)
        schedules = await session.fetch("count_schedules_of_client", client_id)
        executions = await session.fetch("count_executions_of_client", hours, client_id)
        due = await session.fetch("due_routes_of_client", client_id)
    assert standing is not None  # the statement has one row always
    return Stats(
        now=standing["now"],
        schedules={row["status"]: row["schedules"] for row in schedules},
        queued=standing["queued"],
        waiting=standing["waiting"],
        running=standing["running"],
        workers=standing["workers"],
        slots=standing["slots"],
        executions={row["status"]: row["executions"] for row in executions},
        due=[DueRoute(row["route"], row["due_since"], row["due_for_seconds"], row["live_workers"]) for row in due],
    )


async def metrics_row(session: Session) -> Row:
    """How everything stands, in one row: what v_metrics shows."""
    row = await session.fetchrow("metrics_row")
    assert row is not None  # the view has one row always
    return row


async def schedule_series(session: Session, limit: int) -> Sequence[Row]:
    """Up to `limit` schedules that are not deleted, with what is worth a series of its own."""
    return await session.fetch("schedule_series", limit)
