"""Lists of schedules, a page at a time, each in the way that is quick for what is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rowcall.domain.schedules import ScheduleStatus

from .database import Session
from .jsonb import write_jsonb
from .schedules import ScheduleRow, find_schedules

FEW = 2000
FEW_LOOKED_AT = 500
"""So many probes of each day of the ledger take a tenth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules are asked for; None, or empty, leaves that side open.

    `statuses` left open means all but DISABLED. `client_id` means what that client may see: its own, and the static
    ones of all. `labels` holds values that must be equal, `label_names` labels that must be there.
    """

    statuses: Sequence[str] = ()
    client_id: str | None = None
    task_type: str | None = None
    schedule_type: str | None = None
    labels: Mapping[str, str] | None = None
    label_names: Sequence[str] | None = None
    text: str | None = None
    is_static: bool | None = None
    include_disabled: bool = False

    @property
    def wanted_statuses(self) -> list[str]:
        """The statuses that fit."""
        if self.statuses:
            return list(dict.fromkeys(self.statuses))
        return [status for status in ScheduleStatus if self.include_disabled or status is not ScheduleStatus.DISABLED]


async def list_schedules(session: Session, wanted: ScheduleFilter, after: int, limit: int) -> list[ScheduleRow]:
    """Up to `limit` schedules with ids above `after`, in order of id."""
    statuses, is_static = wanted.wanted_statuses, wanted.is_static
    client_id = session.access.confined_to or wanted.client_id
    if wanted.client_id not in {None, client_id}:  # of another client's, the static ones are for everyone to see
        if is_static is False:
            return []
        client_id, is_static = wanted.client_id, True
    arguments: list[Any] = [
        after,
        limit,
        statuses,
        wanted.task_type,
        wanted.schedule_type,
        write_jsonb(wanted.labels) if wanted.labels else None,
        list(wanted.label_names) if wanted.label_names else None,
        None if wanted.text is None else f"%{_escaped(wanted.text)}%",
        is_static,
    ]
    if client_id is None and ScheduleStatus.ACTIVE not in statuses:
        rows = await session.fetch("list_schedules_by_status", *arguments)
    elif await _is_quick_by_client(session, client_id, statuses):
        rows = await session.fetch("list_schedules_of_client", *arguments, client_id)
    else:
        rows = await session.fetch("list_schedules", *arguments, client_id)
    return await find_schedules(session, [row["schedule_id"] for row in rows]) if rows else []


async def _is_quick_by_client(session: Session, client_id: str | None, statuses: Sequence[str]) -> bool:
    """Whether to take a client's schedules through the index of names: all of them, so only where they are few.

    Those of a client with many are soon met along the primary key; each way is slow for the other.
    """
    if client_id is None or ScheduleStatus.DISABLED in statuses:
        return False
    return bool(await session.fetchval("has_few_schedules", client_id, FEW))


async def few_of_client(session: Session, client_id: str, *, no_static: bool) -> list[int] | None:
    """All schedules of a client, deleted ones too, as ids; None where they are too many to look at one by one."""
    rows = await session.fetch("ids_of_client", client_id, FEW_LOOKED_AT + 1, no_static)
    return [row["schedule_id"] for row in rows] if len(rows) <= FEW_LOOKED_AT else None


def _escaped(text: str) -> str:
    """Text that LIKE takes for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)
