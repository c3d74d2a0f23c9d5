"""Pages of schedules: along the way that meets the fewest which are not wanted, however many there are.

A page with no filter follows the primary key. A client, a task type and a label each have their terms, in order of id
(`schedule_terms`), as what is static has, and what is not ACTIVE has an index: the rarest of those that were asked for
is followed, and the other filters are applied to what is met. A text, the type of a schedule or the mere name of a
label is no way of its own: such a page reads until it is full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rowcall.domain.schedules import ScheduleStatus

from .jsonb import write_jsonb
from .schedules import ScheduleRow, find_schedules
from .sessions import Session

COUNTED_THROUGH = 1000
"""Ways with more schedules than that are held to be equally long."""

STATIC = "static:"
"""The term of all static schedules, which are few."""

LONGEST_TERM = 400
"""As `rowcall.term` in schema.sql has it."""

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
    client_id = session.access.confined_to or wanted.client_id
    if wanted.client_id not in {None, client_id}:  # of another client's, the static ones are for everyone to see
        if wanted.is_static is False:
            return []
        client_id, wanted = wanted.client_id, replace(wanted, is_static=True)
    arguments: list[Any] = [
        after,
        limit,
        wanted.wanted_statuses,
        wanted.task_type,
        wanted.schedule_type,
        write_jsonb(wanted.labels) if wanted.labels else None,
        list(wanted.label_names) if wanted.label_names else None,
        None if wanted.text is None else f"%{_escaped(wanted.text)}%",
        wanted.is_static,
        client_id,
    ]
    if (term := await _rarest_term(session, wanted, client_id)) is not None:
        rows = await session.fetch("list_schedules_by_term", *arguments, term)
    elif ScheduleStatus.ACTIVE in wanted.wanted_statuses:
        rows = await session.fetch("list_schedules", *arguments)
    else:
        rows = await session.fetch("list_schedules_by_status", *arguments)
    return await find_schedules(session, [row["schedule_id"] for row in rows]) if rows else []


async def _rarest_term(session: Session, wanted: ScheduleFilter, client_id: str | None) -> str | None:
    """The term to follow, or None where that is no way, or a longer one than the status."""
    statuses = wanted.wanted_statuses
    if ScheduleStatus.DISABLED in statuses:  # deleted ones have no terms
        return None
    if wanted.is_static:
        return STATIC
    terms = _terms(wanted, client_id)
    inactive = None if ScheduleStatus.ACTIVE in statuses else statuses
    if not terms or (len(terms) == 1 and inactive is None):
        return terms[0] if terms else None
    rarest: str | None = await session.fetchval("rarest_term", terms, COUNTED_THROUGH, inactive)
    return rarest


def _terms(wanted: ScheduleFilter, client_id: str | None) -> list[str]:
    """What schedules that fit have in `schedule_terms`, of equally long ways the likeliest to be short first."""
    terms = [f"label:{name}={value}" for name, value in (wanted.labels or {}).items()]
    if wanted.task_type is not None:
        terms.append(f"task:{wanted.task_type}")
    if client_id is not None:
        terms.append(f"client:{client_id}")
    return [term[:LONGEST_TERM] for term in terms]


async def few_of_client(session: Session, client_id: str, *, no_static: bool) -> list[int] | None:
    """All schedules of a client, deleted ones too, as ids; None where they are too many to look at one by one."""
    rows = await session.fetch("ids_of_client", client_id, FEW_LOOKED_AT + 1, no_static)
    return [row["schedule_id"] for row in rows] if len(rows) <= FEW_LOOKED_AT else None


def _escaped(text: str) -> str:
    """Text that LIKE takes for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)
