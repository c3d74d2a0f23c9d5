"""What ``rowcall doctor`` looks at: the server, work, keys, webhooks. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rowcall.domain.schedules import GONE

from .sessions import Row, Session


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server, and who asks. `now` is its clock, aware UTC."""

    version: str
    version_number: int
    now: datetime
    is_standby: bool
    role: str
    database: str
    max_connections: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class AliveWorker:
    """A worker that holds its lease."""

    worker_id: int
    name: str
    host: str
    rowcall_version: str
    routes: Sequence[str]
    slots: int
    status: str
    silent_seconds: float
    lease_seconds: float
    tzdata_version: str | None


@dataclass(frozen=True, slots=True)
class Lane:
    """A route that ACTIVE schedules need. `due_for_seconds` is negative while the first of them lies ahead."""

    route: str
    next_run_at: datetime | None
    due_for_seconds: float | None
    routable: bool


@dataclass(frozen=True, slots=True)
class InvalidSchedule:
    """A schedule that can't be scheduled, has no code any more, or waits for the clock, and why."""

    schedule_id: int
    name: str
    status_reason: str


async def server_facts(session: Session) -> ServerFacts:
    """The server's version and clock, and as whom it knows us."""
    row = await session.fetchrow("server_facts")
    assert row is not None  # the statement has no FROM
    return ServerFacts(**_columns(row))


async def takes_changes(session: Session) -> bool:
    """Whether the server takes changes now: a standby does not."""
    answer: bool = await session.fetchval("takes_changes")
    return answer


async def alive_workers(session: Session) -> list[AliveWorker]:
    """The workers that hold their lease, oldest first."""
    return [AliveWorker(**_columns(row)) for row in await session.fetch("alive_workers")]


async def lanes_of_schedules(session: Session) -> list[Lane]:
    """Every route that ACTIVE schedules need, in order of name."""
    return [Lane(**_columns(row)) for row in await session.fetch("lanes_of_schedules")]


async def monitor_role(session: Session) -> tuple[bool, bool]:
    """Whether the role rowcall_monitor is there, and whether it may read the monitoring views."""
    row = await session.fetchrow("monitor_role")
    return (False, False) if row is None else (row["is_there"], row["may_read"])


async def missing_days(session: Session, ahead: int) -> list[date]:
    """The days from today through `ahead` days that the ledger has no place for."""
    return [row["day"] for row in await session.fetch("missing_days", ahead)]


async def invalid_schedules(session: Session, limit: int) -> list[InvalidSchedule]:
    """Up to `limit` schedules that can't be scheduled."""
    return [InvalidSchedule(**_columns(row)) for row in await session.fetch("invalid_schedules", limit)]


async def answered_ahead(session: Session, limit: int) -> list[InvalidSchedule]:
    """Up to `limit` schedules that were answered for while the clock was ahead, and through which moment."""
    return [InvalidSchedule(**_columns(row)) for row in await session.fetch("answered_ahead", limit)]


async def gone_schedules(session: Session, limit: int) -> list[InvalidSchedule]:
    """Up to `limit` static schedules that are set aside because their code is gone."""
    return [InvalidSchedule(**_columns(row)) for row in await session.fetch("gone_schedules", limit, GONE)]


async def called_back(session: Session, limit: int = 1000) -> list[str]:
    """Up to `limit` clients with a schedule that has a callback_url."""
    return [row["client_id"] for row in await session.fetch("called_back", limit)]


async def dead_deliveries(session: Session) -> tuple[int, str | None]:
    """How many webhooks died within a day, and for which receiver the last one was."""
    row = await session.fetchrow("dead_deliveries")
    assert row is not None  # the statement counts, so it always answers
    return row["deliveries"], row["target"]


def _columns(row: Row) -> dict[str, Any]:
    return {column: row[column] for column in row.keys()}  # noqa: SIM118 - of a record
