"""The log of changes: who changed what, before and after. The database writes it; here it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .jsonb import read_jsonb
from .schedules import LARGEST_ID
from .sessions import Session

AuditRow = Mapping[str, Any]
JSONB_COLUMNS = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are asked for; None leaves that side open. `since` is inclusive, `until` is not.

    `who` is how the name begins, `action` the whole of it or the kind of thing before its dot.
    """

    schedule_id: int | None = None
    client_id: str | None = None
    who: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_audit_log(session: Session, wanted: AuditFilter, before: int | None, limit: int) -> list[AuditRow]:
    """Up to `limit` entries with ids below `before`, the newest first."""
    below = LARGEST_ID if before is None else before
    filters = (wanted.schedule_id, wanted.client_id, wanted.who, wanted.action, wanted.since, wanted.until)
    rows = await session.fetch("list_audit_log", below, limit, *filters)
    return [
        {column: read_jsonb(row[column]) if column in JSONB_COLUMNS else row[column] for column in row.keys()}  # noqa: SIM118 - of a record
        for row in rows
    ]
