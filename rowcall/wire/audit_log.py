"""Who changed what."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from .base import Json, View


class AuditEntryView(View):
    """A change."""

    entry_id: int
    changed_at: datetime
    who: str = Field(description="A key, somebody on a command line, the code of an app, or a role of the database.")
    database_role: str = Field(description="The role that was connected, whatever it calls itself.")
    action: str = Field(description="`schedule.created`, `execution.cancelled`, `key.changed`, and so on.")
    subject: str = Field(description="The id of that schedule, execution, backfill or key.")
    schedule_id: int | None
    client_id: str | None
    before: Json = Field(
        description="What changed, as it was; null for what was not there. What may be secret is hidden."
    )
    after: Json = Field(description="The same, as it is; null for what is gone.")


class AuditLog(View):
    """A page of changes, the newest first."""

    entries: list[AuditEntryView]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last.")
