"""How a path names a schedule: by its id, or by its name within a client."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from rowcall.store.schedules import ScheduleRow, find_named, lock_named
from rowcall.store.sessions import Session
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call

from .etags import check_match


class Reference(Query):
    """Whose schedule a name means."""

    client_id: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Whose schedule the name means, the key's client where left out; an id needs none."
    )


async def found(call: Call[Any, Any]) -> ScheduleRow:
    """The schedule that the path names, to read."""
    async with call.database.swift() as session:
        return await find_named(session, client_of(call), call.named("id"))


async def locked(session: Session, call: Call[Any, Any]) -> ScheduleRow:
    """The schedule that the path names, to change before the transaction ends, in the state that If-Match names."""
    schedule = await lock_named(session, client_of(call), call.named("id"))
    check_match(call.request, schedule)
    return schedule


def client_of(call: Call[Any, Any]) -> str:
    """Whose schedule a name means."""
    return call.query.client_id or call.access.client_id
