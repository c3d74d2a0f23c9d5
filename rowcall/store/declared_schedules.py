"""Schedules that files declare: what is there of them, and what a plan makes of it. All in the caller's transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any

from rowcall.domain.declaring import Action, Change
from rowcall.domain.errors import Conflict
from rowcall.domain.schedules import ScheduleStatus, is_gone

from .database import Session
from .schedules import (
    ScheduleRow,
    change_schedule,
    create_schedule,
    delete_schedule,
    find_schedule,
    find_schedules,
    set_status,
)


async def lock_sources(session: Session, sources: Collection[str], tell: Callable[[str], None]) -> None:
    """Keep every other apply of these sources out until the transaction ends; `tell` hears which is waited for."""
    for source in sorted(sources):
        if not await session.fetchval("try_lock_source", source):
            tell(source)
            await session.fetch("lock_source", source)


async def find_declared(session: Session, keys: Sequence[tuple[str, str]], *, lock: bool) -> list[ScheduleRow]:
    """The schedules of these clients and names that are not deleted; `lock` keeps them as they are."""
    rows = await session.fetch("find_named", [client for client, _ in keys], [name for _, name in keys])
    return await _found(session, [row["schedule_id"] for row in rows], lock=lock)


async def find_of_sources(session: Session, sources: Collection[str], *, lock: bool = False) -> list[ScheduleRow]:
    """The schedules of these sources that are not deleted, static ones aside, in order of id."""
    rows = await session.fetch("find_of_sources", sorted(sources))
    return await _found(session, [row["schedule_id"] for row in rows], lock=lock)


async def find_exportable(session: Session, client_id: str | None) -> list[ScheduleRow]:
    """All schedules, of one client where that is given, that are neither deleted nor static, in order of id."""
    rows = await session.fetch("find_exportable", client_id)
    return await find_schedules(session, [row["schedule_id"] for row in rows])


async def carry_out(session: Session, changes: Sequence[Change]) -> AsyncIterator[Change]:
    """Do what a plan says, one schedule after the other; each is yielded when it is done.

    Raises Conflict where a name was taken since the plan was made.
    """
    for change in changes:
        await _ACTIONS[change.action](session, change)
        yield change


async def _found(session: Session, schedule_ids: Sequence[int], *, lock: bool) -> list[ScheduleRow]:
    if lock:
        await session.fetch("lock_schedules", schedule_ids)
    return await find_schedules(session, schedule_ids)


async def _create(session: Session, change: Change) -> None:
    assert change.definition is not None  # only what is pruned has none
    await create_schedule(session, change.definition, source=change.source)


async def _change(session: Session, change: Change) -> None:
    """Another definition, another owner, or both. What was set aside because its code is gone has a place again."""
    assert change.definition is not None
    before = await _present(session, change)
    if change.takes_over:
        await session.fetch("take_over_schedule", change.schedule_id, change.source)
    if is_gone(before):
        await set_status(session, before, ScheduleStatus.ACTIVE, None)
    await change_schedule(session, await _present(session, change), change.definition)


async def _prune(session: Session, change: Change) -> None:
    await delete_schedule(session, await _present(session, change))


async def _leave(session: Session, change: Change) -> None:
    """What is as it should be is left alone."""


async def _present(session: Session, change: Change) -> ScheduleRow:
    if change.schedule_id is None:
        raise Conflict(f"there is no schedule {change.name!r} any more")
    return await find_schedule(session, change.schedule_id)


_ACTIONS: dict[Action, Any] = {
    Action.CREATE: _create,
    Action.CHANGE: _change,
    Action.UNCHANGED: _leave,
    Action.PRUNE: _prune,
}
